"""SQLite over a directory into a DuckDB file: all modes, kills, two at once, what the file is to others meanwhile."""
import contextlib
import json
import random
import signal
import time

import duckdb
import pytest

import duck
from waybill import ARROWS, PLANTED, sqlite_rows

TABLES = {
    "accounts": {"cursor": "updated_at"},
    "journal": {"increment": "id_only", "mode": "append"},
    "prices": {"increment": "full_sync", "mode": "replace"},
}
MAKE = f"""
CREATE TABLE accounts (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, balance DECIMAL(12,2), updated_at DATETIME NOT NULL);
CREATE TABLE journal (id INTEGER PRIMARY KEY AUTOINCREMENT, amount INTEGER NOT NULL, note TEXT);
CREATE TABLE prices (id INTEGER PRIMARY KEY, price REAL, raw BLOB);
INSERT INTO accounts WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
  SELECT i, '{PLANTED} ' || i, i + 0.25, strftime('%Y-%m-%d %H:%M:%f', 'now', '-1 day', (i / 10) || ' seconds') FROM n;
INSERT INTO journal (amount, note) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
  SELECT i * 31 % 1000, CASE WHEN i % 3 THEN '{PLANTED} ' || i END FROM n;
INSERT INTO prices SELECT id, balance / 7, randomblob(20) FROM accounts WHERE id <= 500;
CREATE INDEX accounts_updated_at ON accounts (updated_at);
"""
CHANGE = """
UPDATE accounts SET balance = balance + 1, updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id % 97 = {by};
INSERT INTO accounts (owner, balance, updated_at) SELECT owner, {by}, strftime('%Y-%m-%d %H:%M:%f', 'now') FROM accounts WHERE id <= 30;
INSERT INTO journal (amount, note) SELECT {by}, note FROM journal WHERE id <= 300;
UPDATE prices SET price = price + {by}; DELETE FROM prices WHERE id % 50 = {by} % 50;
"""


@pytest.fixture
def lake(route):
    def make(tables=TABLES, **pipeline):
        made = route(tables, **{"lag": "0s", "chunk": {"rows": 1500}, **pipeline})
        made.connections["dw"] = duck.connection()
        made.write_config()
        made.in_source(MAKE)
        return made
    return make


def of_source(route, table):
    return sqlite_rows(route.shop, f"SELECT * FROM {table} ORDER BY id")


def of_duckdb(route, table):
    plain = {"accounts": "id, owner, balance::DOUBLE, strftime(updated_at, '%Y-%m-%d %H:%M:%S.') || lpad((epoch_ms(updated_at) % 1000)::TEXT, 3, '0')"}
    return duck.query(route.folder / "dw.duckdb", f"SELECT {plain.get(table, '*')} FROM {table} ORDER BY id")


def assert_equal(route):
    for table in route.tables:
        assert of_source(route, table) == of_duckdb(route, table), table


def test_every_mode_from_the_first_load_to_small_steps(lake):
    route = lake()
    route.sync()
    assert_equal(route)
    for by in (1, 2):
        route.in_source(CHANGE.format(by=by))
        time.sleep(0.01)
        route.sync()
        assert_equal(route)
    route.run("audit")
    route.assert_tidy()
    columns = duck.query(route.folder / "dw.duckdb", "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE table_name IN ('accounts', 'prices') ORDER BY ALL")
    assert ("accounts", "balance", "DECIMAL(12,2)") in columns and ("accounts", "updated_at", "TIMESTAMP") in columns and ("prices", "raw", "BLOB") in columns


def test_killed_in_every_arrow_nothing_is_lost_and_nothing_comes_twice(lake):
    route, chance = lake(), random.Random(7)
    killed = 0
    for by, arrow in enumerate(["load", *ARROWS, "load"], start=1):
        running = route.start_sync()
        if running.until_arrow(arrow, nth=chance.choice([1, 1, 2])):
            time.sleep(chance.choice([0, 0.003, 0.02, 0.05]))
            running.kill()
        killed += route.finish(running, status=None).status == -signal.SIGKILL
        route.in_source(CHANGE.format(by=by))
    assert killed >= 6
    time.sleep(0.01)
    route.sync()
    assert_equal(route)
    route.assert_tidy()


def test_s75_of_two_runs_at_once_one_works_and_the_other_says_who_does(lake):
    route = lake({"accounts": TABLES["accounts"]})
    first = route.start_sync()
    assert first.hold_at_arrow("extract")
    refused = route.sync(status=7)
    assert "lease" in refused.err
    assert duck.query(route.folder / "dw.duckdb", "SELECT scope FROM waybill_position") == [("p/accounts",)], "others can read meanwhile"
    route.finish(first)
    assert_equal(route)


def test_a_dry_run_and_who_only_looks_change_no_byte(lake):
    route = lake()
    route.sync("--dry-run")
    assert not (route.folder / "dw.duckdb").exists()
    route.sync()
    route.in_source(CHANGE.format(by=3))
    before = (route.folder / "dw.duckdb").read_bytes()
    route.sync("--dry-run")
    route.run("status")
    assert (route.folder / "dw.duckdb").read_bytes() == before


def test_without_a_configuration_by_uris(route):
    made = route({})
    made.in_source(MAKE)
    made.environment["WAYBILL_DUCKDB_DRIVER"] = duck.LIBRARY
    made.run("sync", "connections", "-s", "sqlite:shop.db", "-r", "duckdb:dw.duckdb", "--stage", "./lake", "-t", "accounts")
    assert duck.query(made.folder / "dw.duckdb", "SELECT count(*) FROM accounts") == [(3000,)]
    checked = made.run("check", "duckdb:dw.duckdb").out
    assert "DuckDB 1.5.5" in checked and "read, write" in checked


def test_a_library_that_is_missing_is_told_with_how_to_get_it(lake):
    route = lake()
    route.connections["dw"]["driver"] = "nowhere/libduckdb.so"
    route.write_config()
    refused = route.sync(status=2)
    assert "nowhere/libduckdb.so" in refused.err and "WAYBILL_DUCKDB_DRIVER" in refused.err and "'no-driver'" in refused.err


def test_a_table_with_a_view_on_it_grows_and_is_replaced(lake):
    route = lake({"prices": TABLES["prices"]})
    route.sync()
    with contextlib.closing(duckdb.connect(str(route.folder / "dw.duckdb"))) as database:
        database.execute("CREATE VIEW dear AS SELECT id FROM prices WHERE price > 10")
    route.in_source("ALTER TABLE prices ADD COLUMN unit TEXT; UPDATE prices SET unit = 'kg' WHERE id < 10; DELETE FROM prices WHERE id > 400")
    route.sync()
    assert_equal(route)
    assert duck.query(route.folder / "dw.duckdb", "SELECT count(*) FROM dear")[0][0] > 0
    assert json.loads(route.sync("--json-output", "-").out)["waybill"]["tables"]["prices"]["rows_loaded"] == 400


def test_memory_stays_within_its_limit(lake):
    route = lake({"journal": TABLES["journal"]}, chunk={"rows": 5_000_000})
    route.in_source("INSERT INTO journal (amount, note) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i, hex(randomblob(20)) FROM n")
    route.run("sync", "pipeline", "-p", "p", "--backup-only")
    done = route.run("sync", "pipeline", "-p", "p", "--redshift-only", "--max-memory", "256MiB", before=["/usr/bin/time", "-f", "peak %M kB"])
    peak = int(done.err.rsplit("peak ", 1)[1].split()[0])
    assert peak < 256 * 1024
    assert_equal(route)
