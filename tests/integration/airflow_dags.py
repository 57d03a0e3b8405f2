"""The DAGs of integrations/airflow in a real Airflow, against a real S3 server: `make airflow`, which installs it.

Each `airflow dags test` runs a whole DAG in one process, sensors included. At the end Airflow itself runs one: a scheduler, a
DAG processor and an API server, whose workers are processes of their own.
"""
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from server_s3 import VersityGW, keys
from servers import CACHE, free_port
from waybill import PROGRAM, ROOT

AIRFLOW = CACHE / "airflow" / "bin" / "airflow"
DAGS = ROOT / "integrations" / "airflow" / "dags"
BUCKET, PIPELINE = "airflow-completion-markers", "us_dw_hybrid_v1_2"
TABLES = ["settle_orders", "claim_details"]

TRAP = '''
"""What the sensor of a nightly DAG does whose sync has not run: the old pattern, and the stamp."""
from datetime import datetime
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.sdk import DAG
KEY = "completion_markers/us_dw_hybrid_v1_2/settle_orders/"
for name, key, wildcard in (("by_day", KEY + "{{ ds_nodash }}_*/completion_marker.txt", True), ("by_stamp", KEY + "{{ ts_nodash }}/completion_marker.txt", False)):
    with DAG("sensor_" + name, schedule=None, start_date=datetime(2025, 9, 12)) as dag:
        S3KeySensor(task_id="wait", bucket_name="airflow-completion-markers", bucket_key=key, wildcard_match=wildcard, timeout=4, poke_interval=1)
    globals()[name] = dag
'''


@pytest.fixture(scope="module")
def world(servers, tmp_path_factory):
    """A shop, a bucket and an Airflow of its own."""
    assert AIRFLOW.exists(), f"{AIRFLOW} is missing: run make airflow"
    assert shutil.which("jq"), "jq is missing: run make airflow"
    folder, s3 = tmp_path_factory.mktemp("airflow"), servers.get(VersityGW)
    s3.new_bucket("lake"), s3.new_bucket(BUCKET)
    shop = sqlite3.connect(folder / "shop.db")
    for table in TABLES:
        shop.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, note TEXT)")
        shop.execute(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b')")
    shop.commit(), shop.close()
    config = {"connections": {"shop": {"type": "sqlite", "path": "shop.db"}, "lake": s3.connection("lake"), "dw": {"type": "sqlite", "path": "dw.db"}},
              "pipelines": {PIPELINE: {"source": "shop", "stage": {"store": "lake"}, "target": "dw",
                                       "tables": {table: {"increment": "id_only", "mode": "append"} for table in TABLES}}}}
    (folder / "waybill.yml").write_text(json.dumps(config))
    (folder / "bin").mkdir()
    (folder / "bin" / "waybill").symlink_to(PROGRAM)
    dags = folder / "dags"
    shutil.copytree(DAGS, dags)
    (dags / "trap.py").write_text(TRAP)
    connection = {"conn_type": "aws", "login": s3.access_key, "password": s3.secret, "extra": {"region_name": s3.region, "endpoint_url": s3.endpoint}}
    environment = {
        **os.environ, "AIRFLOW_HOME": str(folder / "home"), "AIRFLOW__CORE__DAGS_FOLDER": str(dags), "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db", "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection), "AIRFLOW_VAR_SYNC_TABLES": json.dumps(TABLES), "SYNC_TABLE": "settle_orders",
        "WAYBILL_CONFIG": str(folder / "waybill.yml"), "AWS_ACCESS_KEY_ID": s3.access_key, "AWS_SECRET_ACCESS_KEY": s3.secret,
        "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(folder), "PATH": f"{folder}/bin:{AIRFLOW.parent}:{os.environ['PATH']}"}
    world = World(folder, s3, environment)
    world.airflow("db", "migrate")
    return world


class World:
    def __init__(self, folder, s3, environment):
        self.folder, self.s3, self.environment = folder, s3, environment

    def airflow(self, *words, status=0):
        done = subprocess.run([AIRFLOW, *words], env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, timeout=600)
        assert status in (None, done.returncode), done.stdout[-6000:]
        return done.stdout

    def dag(self, name, when):
        """{task: state} of a whole run."""
        said = self.airflow("dags", "test", name, when, status=None)
        database = sqlite3.connect(self.folder / "airflow.db")
        rows = database.execute("SELECT task_id, map_index, task_instance.state FROM task_instance JOIN dag_run USING (dag_id, run_id) WHERE dag_id = ?"
                                " AND dag_run.id = (SELECT max(id) FROM dag_run WHERE dag_id = ?)", (name, name)).fetchall()
        database.close()
        assert rows, said[-6000:]
        return {task if index < 0 else f"{task}[{index}]": state for task, index, state in rows}, said

    def waybill(self, *words):
        return subprocess.run([PROGRAM, *words], env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout

    def markers(self, table="settle_orders"):
        found = keys(self.s3.client(), BUCKET, f"completion_markers/{PIPELINE}/{table}/")
        return sorted(key.split("/")[3] for key in found if key.endswith("/completion_marker.txt"))


def test_s97_the_sensor_finds_this_runs_marker_and_not_yesterdays(world):
    day = "20251120"
    yesterdays = f"completion_markers/{PIPELINE}/settle_orders/{day}_020007/completion_marker.txt"
    world.s3.client().put_object(Bucket=BUCKET, Key=yesterdays, Body=b"SYNC_COMPLETED\n")
    by_day, _ = world.dag("sensor_by_day", "2025-11-20T02:00:00")
    assert by_day == {"wait": "success"}, "the trap: nothing has run, and the sensor is green"
    by_stamp, said = world.dag("sensor_by_stamp", "2025-11-20T02:00:00")
    assert by_stamp["wait"] == "failed", said[-3000:]

    states, said = world.dag("data_sync_pipeline", "2025-11-20T02:00:00")
    assert states == {"sync_settlement_data": "success", "wait_for_sync_completion": "success", "process_synced_data": "success"}, said[-3000:]
    assert world.markers() == ["20251120T020000", f"{day}_020007"] and "Processing 2 rows" in said
    assert world.dag("sensor_by_stamp", "2025-11-20T02:00:00")[0] == {"wait": "success"}


def test_a_night_without_new_rows_skips_what_stands_behind(world):
    world.waybill("sync", "-t", "settle_orders")
    states, said = world.dag("data_sync_pipeline", "2025-11-21T02:00:00")
    assert states == {"sync_settlement_data": "success", "wait_for_sync_completion": "success", "process_synced_data": "skipped"}, said[-3000:]


def test_each_table_has_a_mapped_task_and_the_sensor_waits_for_all(world):
    states, said = world.dag("multi_table_sync", "2025-11-22T02:00:00")
    assert states == {"sync_table[0]": "success", "sync_table[1]": "success", "wait_for_all": "success", "tell": "skipped"}, said[-3000:]
    assert all("20251122T020000" in world.markers(table) for table in TABLES)


# ---- a scheduler ----------------------------------------------------------------------------------------------------

PARTS = {"api-server": [], "dag-processor": [], "scheduler": ["-s"]}  # -s: it serves no logs, on all interfaces
PATIENCE_S = 600


class Scheduler:
    """Airflow's own three programs over the world's database and DAGs."""

    def __init__(self, world):
        self.world, self.at, self.running = world, f"http://127.0.0.1:{free_port()}", {}
        port = self.at.rpartition(":")[2]
        self.environment = world.environment | {
            "AIRFLOW__API__HOST": "127.0.0.1", "AIRFLOW__API__PORT": port, "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.at}/execution/", "AIRFLOW__API_AUTH__JWT_SECRET": "of-this-test-only" * 4,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True", "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5", "AIRFLOW__CORE__EXECUTOR": "LocalExecutor"}

    def __enter__(self):
        for name, more in PARTS.items():
            with open(self.world.folder / f"{name}.log", "wb") as log:
                self.running[name] = subprocess.Popen([AIRFLOW, name, *more], env=self.environment, cwd=self.world.folder, stdout=log,
                                                      stderr=subprocess.STDOUT, start_new_session=True)
        self.until(lambda: self.ask("GET", "/api/v2/monitor/health") is not None, "its API answers")
        self.token = self.ask("GET", "/auth/token")["access_token"]
        return self

    def __exit__(self, *_):
        for process in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def until(self, is_so, what):
        deadline = time.monotonic() + PATIENCE_S
        while not (found := is_so()):
            dead = [name for name, process in self.running.items() if process.poll() is not None]
            late = time.monotonic() > deadline
            assert not dead and not late, f"{dead} ended before {what}" if dead else f"not so after {PATIENCE_S} s: {what}"
            time.sleep(0.5)
        return found

    def ask(self, method, path, body=None):
        """None: it does not answer, or has no such thing yet."""
        request = urllib.request.Request(self.at + path, method=method, data=json.dumps(body).encode() if body is not None else None,
                                         headers={"Content-Type": "application/json", "Authorization": f"Bearer {getattr(self, 'token', '')}"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def run(self, dag, when):
        """{task[index]: state} of a run that the scheduler has ended."""
        self.until(lambda: self.ask("GET", f"/api/v2/dags/{dag}"), f"the DAG {dag} is known")
        assert self.ask("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False}), "it is unpaused"
        name = self.ask("POST", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": when})["dag_run_id"]
        path = f"/api/v2/dags/{dag}/dagRuns/{name}"
        self.until(lambda: (self.ask("GET", path) or {}).get("state") in ("success", "failed"), f"{dag} has ended")
        found = self.ask("GET", f"{path}/taskInstances")["task_instances"]
        return {task["task_id"] if task["map_index"] < 0 else f"{task['task_id']}[{task['map_index']}]": task["state"] for task in found}


def test_a_scheduler_runs_mapped_tasks_in_processes_of_their_own(world):
    with Scheduler(world) as scheduler:
        states = scheduler.run("multi_table_sync", "2025-11-23T02:00:00Z")
        assert states == {"sync_table[0]": "success", "sync_table[1]": "success", "wait_for_all": "success", "tell": "skipped"}
        assert all("20251123T020000" in world.markers(table) for table in TABLES)
        states = scheduler.run("data_sync_pipeline", "2025-11-24T02:00:00Z")
        assert states == {"sync_settlement_data": "success", "wait_for_sync_completion": "success", "process_synced_data": "skipped"}
