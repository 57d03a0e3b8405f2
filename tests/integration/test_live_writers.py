"""Two writers change the source while runs follow each other; afterwards both sides are equal."""
import multiprocessing
import random
import sqlite3
import time

import pytest

from waybill import PLANTED

SECONDS = 12
NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
MAKE = f"""
CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, stock INTEGER NOT NULL, updated_at DATETIME NOT NULL);
CREATE TABLE moves (id INTEGER PRIMARY KEY, item_id INTEGER NOT NULL, amount INTEGER NOT NULL);
INSERT INTO items WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
  SELECT i, '{PLANTED} ' || i, i % 100, {NOW} FROM n;
CREATE INDEX items_updated_at ON items (updated_at);
"""


def writer(path):
    database = sqlite3.connect(path, isolation_level=None, timeout=60)
    database.execute("PRAGMA synchronous = OFF")  # more changes in the time there is
    return database


def change(database, chance):
    """A sale: one item changes, one may be new, and the journal grows."""
    item = chance.randrange(1, 20001)
    database.execute(f"UPDATE items SET stock = stock - 1, updated_at = {NOW} WHERE id = ?", (item,))
    database.execute("INSERT INTO moves (item_id, amount) VALUES (?, -1)", (item,))
    if chance.random() < 0.2:
        database.execute(f"INSERT INTO items (name, stock, updated_at) VALUES (?, 10, {NOW})", (PLANTED,))


def write_each_for_itself(path, until, written):
    """Autocommit: every statement is its own transaction."""
    database, chance = writer(path), random.Random(1)
    while time.monotonic() < until:
        change(database, chance)
        written.value += 1
        time.sleep(0.002)


def write_slowly(path, until, written):
    """Transactions of 1.2 seconds, a stamp at their start and one at their end; every third is rolled back."""
    database, chance, turn = writer(path), random.Random(2), 0
    while time.monotonic() < until:
        database.execute("BEGIN IMMEDIATE")
        for pause in (0.6, 0.6, 0):
            for _ in range(20):
                change(database, chance)
            time.sleep(pause)
        turn += 1
        database.execute("ROLLBACK" if turn % 3 == 0 else "COMMIT")
        written.value += turn % 3 != 0
        time.sleep(0.4)  # the other writer's turn


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_live_writers_lose_nothing_under_runs(route, journal_mode):
    # A lag far shorter than the slow transactions: what keeps their rows is that `bound` looks for open ones.
    shop = route({"items": {}, "moves": {"increment": "id_only", "mode": "append"}}, lag="100ms", chunk={"rows": 3000})
    shop.in_source(f"PRAGMA journal_mode = {journal_mode};" + MAKE)
    until = time.monotonic() + SECONDS
    written = [multiprocessing.Value("q", 0), multiprocessing.Value("q", 0)]
    writers = [multiprocessing.Process(target=work, args=(shop.shop, until, count), daemon=True)
               for work, count in zip((write_each_for_itself, write_slowly), written)]
    for process in writers:
        process.start()
    runs = 0
    while time.monotonic() < until:
        shop.sync()
        runs += 1
    for process in writers:
        process.join(60)
        assert process.exitcode == 0
    assert min(count.value for count in written) >= 5 and runs >= 5, "the test had nothing to do"

    time.sleep(0.2)
    shop.sync()
    shop.sync()
    print(f"{journal_mode}: {runs} runs beside {written[0].value} sales and {written[1].value} slow transactions: {shop.compare()}")
    shop.assert_tidy()
