"""One table every night: move it, wait for its marker, work on what came.

The stamp is the point. Each task of one run renders the same {{ ts_nodash }}, and no other run renders it: the sensor waits for
this run's marker and for nothing else. (With {{ ds_nodash }}_* it would find yesterday's: of a run whose data interval began the day
before, ds is that day, and its marker is there already.)
"""
import os
from datetime import datetime, timedelta

from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

PIPELINE = os.environ.get("SYNC_PIPELINE", "us_dw_hybrid_v1_2")
TABLE = os.environ.get("SYNC_TABLE", "settlement.settle_orders")
BUCKET = os.environ.get("SYNC_MARKERS", "airflow-completion-markers")
STAMP = "{{ ts_nodash }}"  # a run that was triggered without a logical date has none: then "{{ run_id }}"

with DAG(
    "data_sync_pipeline",
    description="Data sync with completion markers",
    schedule="0 2 * * *",  # daily at 2 AM
    start_date=datetime(2025, 9, 12),
    catchup=False,
    default_args={"owner": "data-team", "depends_on_past": False, "retries": 1, "retry_delay": timedelta(minutes=5)},
) as dag:
    # waybill.yml is found by WAYBILL_CONFIG. The same command again goes on where it was killed, so retries are safe.
    sync_task = BashOperator(
        task_id="sync_settlement_data",
        append_env=True,
        bash_command=f"""
        waybill sync pipeline \
          -p {PIPELINE} \
          -t {TABLE} \
          --json-output /tmp/sync_result_{STAMP}.json \
          --s3-completion-bucket {BUCKET} \
          --marker-stamp {STAMP}
        """,
    )

    wait_for_completion = S3KeySensor(
        task_id="wait_for_sync_completion",
        bucket_name=BUCKET,
        bucket_key=f"completion_markers/{PIPELINE}/{TABLE}/{STAMP}/completion_marker.txt",
        timeout=3600,
        poke_interval=30,
    )

    # Without new rows there is nothing to do: 99 makes the task skipped, and what stands behind it.
    process_data = BashOperator(
        task_id="process_synced_data",
        append_env=True,
        skip_on_exit_code=99,
        bash_command=f"""
        ROWS_SYNCED=$(waybill marker show -b {BUCKET} -p {PIPELINE} -t {TABLE} --stamp {STAMP} --output json |
          jq '.execution_metadata.summary.total_rows_processed')
        echo "Processing $ROWS_SYNCED rows"
        [ "$ROWS_SYNCED" -gt 0 ] || exit 99
        # Continue with downstream processing...
        """,
    )

    sync_task >> wait_for_completion >> process_data
