"""Many tables: a mapped task for each, as many at once as the source likes, and one sensor for all of their markers."""
import os
from datetime import datetime

from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Variable

PIPELINE = os.environ.get("SYNC_PIPELINE", "us_dw_hybrid_v1_2")
BUCKET = os.environ.get("SYNC_MARKERS", "airflow-completion-markers")
STAMP = "{{ ts_nodash }}"
TABLES = Variable.get("sync_tables", deserialize_json=True, default=[
    "settlement.settle_orders",
    "settlement.claim_details",
    "unidw.dw_parcel_detail_tool",
])

with DAG("multi_table_sync", schedule="0 2 * * *", start_date=datetime(2025, 9, 12), catchup=False) as dag:
    sync_table = BashOperator.partial(
        task_id="sync_table",
        append_env=True,
        max_active_tis_per_dagrun=4,
        bash_command=f'waybill sync pipeline -p {PIPELINE} -t "$TABLE" --s3-completion-bucket {BUCKET} --marker-stamp {STAMP}',
    ).expand(env=[{"TABLE": table} for table in TABLES])

    wait_for_all = S3KeySensor(
        task_id="wait_for_all",
        bucket_name=BUCKET,
        bucket_key=[f"completion_markers/{PIPELINE}/{table}/{STAMP}/completion_marker.txt" for table in TABLES],
        timeout=3600,
        poke_interval=30,
    )

    # One table may fail while the others go on; the sensor then waits in vain. This says at once which one, and why.
    tell = BashOperator(
        task_id="tell",
        append_env=True,
        trigger_rule="one_failed",
        bash_command=f'waybill marker list -b {BUCKET} -p {PIPELINE} --limit {len(TABLES)}',
    )

    sync_table >> [wait_for_all, tell]
