"""Four writers change a MariaDB while runs follow each other: what a shop does to its database all day.

usage: road_writers.py [--seconds N] [--seed N]

Two write each statement for itself, one writes transactions of up to three seconds and takes every third of them back,
one keeps a transaction open across several runs. Cursor a time, and cursor an id; default settings. When they have
stopped, both sides are equal.
"""
import argparse
import multiprocessing
import pathlib
import random
import sys
import tempfile
import time

from road import Road
from server_mariadb import MariaDB
from server_postgres import PostgreSQL
from server_s3 import VersityGW
from servers import Servers
from waybill import PLANTED

TABLES = {"items": {"mode": "merge"}, "moves": {"increment": "id_only", "mode": "append"}}
MAKE = f"""
CREATE TABLE items (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL, stock INT NOT NULL,
  updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, KEY (updated_at));
CREATE TABLE moves (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, item_id INT NOT NULL, amount INT NOT NULL);
INSERT INTO items (name, stock, updated_at) SELECT CONCAT('{PLANTED} ', seq), seq % 100, NOW() - INTERVAL 1 DAY FROM seq_1_to_20000;
"""
# What MAKE counts with; MariaDB has it by itself.
SEQUENCE_OF_MYSQL = """
SET SESSION cte_max_recursion_depth = 100000;
CREATE TABLE seq_1_to_20000 AS WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < 20000) SELECT seq FROM n;
"""
LAG_S = 5


class Writer:
    """A session, and how many of its statements were committed."""

    def __init__(self, mariadb, database, seed, committed):
        self.session, self.chance, self.committed = mariadb.connect(database), random.Random(seed), committed
        self.own = seed % 10  # items that only this writer changes: nobody waits for another's lock
        self.cursor, self.pending = self.session.cursor(), 0

    def change(self):
        """A sale: one item changes, one may be new, and the journal grows."""
        item = 1 + self.own + 4 * self.chance.randrange(5000)
        self.cursor.execute("UPDATE items SET stock = stock - 1 WHERE id = %s", (item,))
        self.cursor.execute("INSERT INTO moves (item_id, amount) VALUES (%s, -1)", (item,))
        if self.chance.random() < 0.2:
            self.cursor.execute("INSERT INTO items (name, stock) VALUES (%s, 10)", (PLANTED,))
        self.pending += 2

    def commit(self):
        self.session.commit()
        self.committed.value += self.pending
        self.pending = 0


def write_each_for_itself(writer, until, _):
    while time.monotonic() < until:
        writer.change()
        writer.commit()
        writer.chance.random()
        time.sleep(0.02)


def write_transactions(writer, until, _):
    turn = 0
    while time.monotonic() < until:
        turn += 1
        writer.session.begin()
        for pause in (writer.chance.uniform(0, 1.5), writer.chance.uniform(0, 1.5), 0):
            for _ in range(20):
                writer.change()
            time.sleep(pause)
        if turn % 3 == 0:
            writer.session.rollback()
            writer.pending = 0
        else:
            writer.commit()
        time.sleep(0.05)


def write_slowly(writer, until, open_s):
    """One transaction that stays open across several runs: a stamp at its start, and one at its end."""
    while time.monotonic() + open_s < until:
        writer.session.begin()
        for _ in range(10):
            writer.change()
        time.sleep(open_s)
        writer.change()
        writer.commit()
        time.sleep(1)


def work(write, mariadb, database, seed, until, open_s, committed):
    write(Writer(mariadb, database, seed, committed), until, open_s)


def settle(road):
    time.sleep(LAG_S + 1.5)
    road.sync()


def write_and_run(road, seconds, open_s, seed=1, settle=settle, refused=None):
    """(runs that were well, statements that were committed); asserts at the end that both sides are equal. `settle`: runs
    until they may be. `refused`: what a run may say that is to be run again."""
    road.in_source(MAKE)
    until = time.monotonic() + seconds
    committed = [multiprocessing.Value("q", 0) for _ in range(4)]
    writes = (write_each_for_itself, write_each_for_itself, write_transactions, write_slowly)
    writers = [multiprocessing.Process(target=work, args=(write, road.mariadb, road.name, seed * 10 + at, until, open_s, committed[at]), daemon=True)
               for at, write in enumerate(writes)]
    for process in writers:
        process.start()
    runs = 0
    while time.monotonic() < until:
        done = road.sync(status=None)
        assert done.status == 0 or (refused and refused in done.err), done.err
        runs += done.status == 0
    for process in writers:
        process.join(120)
        assert process.exitcode == 0, "a writer failed"
    assert min(count.value for count in committed) > 0, "a writer had nothing to do"
    settle(road)
    road.assert_equal()
    return runs, sum(count.value for count in committed)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    servers = Servers()
    with tempfile.TemporaryDirectory(prefix="waybill-writers-") as folder:
        try:
            road = Road(pathlib.Path(folder), "writers", servers.get(MariaDB), servers.get(VersityGW), servers.get(PostgreSQL), TABLES)
            runs, statements = write_and_run(road, asked.seconds, open_s=20, seed=asked.seed)
            print(f"{runs} runs beside {statements} statements in {asked.seconds} s: equal")
            print("1 passed, 0 failed")
        finally:
            servers.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
