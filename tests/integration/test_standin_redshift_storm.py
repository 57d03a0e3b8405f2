"""The stand-in for Redshift while everything goes wrong: what a loader relies on holds, or no loader could be tested with it."""
import contextlib
import random
import threading
import time

import psycopg2
import pyarrow as pa
import pytest

from redshift_cluster import Cluster
from server_redshift import Redshift

FILES, ROWS = 12, 5
TROUBLE = ["lose_commit", "lose_commit done=no", "cut on=copy", "cut on=copy when=after", "conflict on=update", "conflict on=copy", "hang on=copy seconds=0.1",
           "zombie seconds=0.2", "cut_bytes bytes=900", "refuse", "slow on=commit seconds=0.1", "error on=select sqlstate=53100"]


class Loader:
    """Loads file after file; how far it is stands in the database, moved in each load's own transaction."""

    def __init__(self, cluster, keys):
        self.cluster, self.keys, self.problems = cluster, keys, []

    def step(self):
        """True when all is loaded."""
        with contextlib.closing(self.cluster.redshift.connect("standin", options=f'-c search_path="{self.cluster.name}"')) as session, session.cursor() as cursor:
            cursor.execute("SELECT at FROM mark")
            at = cursor.fetchone()[0]
            if at == FILES:
                return True
            cursor.execute("BEGIN")
            cursor.execute("UPDATE mark SET at = %s WHERE at = %s", [at + 1, at])
            if cursor.rowcount == 1:
                cursor.execute(self.cluster.copy("t", self.keys[at], "MANIFEST"))
                cursor.execute("SELECT pg_last_copy_count()")
                if cursor.fetchone()[0] == ROWS:
                    cursor.execute("COMMIT")
        return False

    def run(self):
        is_done = False
        while not is_done:
            try:
                is_done = self.step()
            except psycopg2.Error as error:
                self.problems.append(str(error))


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_a_loader_that_keeps_its_place_loads_each_file_once(servers, postgres, s3, cluster_database, isolation):
    cluster = Cluster(servers.get(Redshift, f"redshift-storm-{isolation}", postgres=postgres, s3=s3, options=["--isolation", isolation]), s3)
    cluster.run("CREATE TABLE t (file BIGINT, id BIGINT)")
    cluster.run("CREATE TABLE mark AS SELECT 0::BIGINT AS at")
    sizes = [cluster.put(f"{i}", {"file": pa.array([i] * ROWS, pa.int64()), "id": pa.array(range(ROWS), pa.int64())}) for i in range(FILES)]
    loader = Loader(cluster, [cluster.manifest({f"{i}": size}, key=f"{i}.manifest") for i, size in enumerate(sizes)])
    threads = [threading.Thread(target=loader.run) for _ in range(3)]
    for thread in threads:
        thread.start()
    chance = random.Random(7)
    while any(thread.is_alive() for thread in threads):
        number = cluster.redshift.ask("POST", "faults", chance.choice(TROUBLE))[0]["number"]
        time.sleep(chance.random() / 4)
        cluster.redshift.ask("DELETE", f"faults/{number}")
    assert cluster.run("SELECT count(*), count(DISTINCT file * 100 + id), (SELECT at FROM mark) FROM t") == [(FILES * ROWS, FILES * ROWS, FILES)]
    assert loader.problems != []
    cluster.sessions.close()
