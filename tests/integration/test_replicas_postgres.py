"""Reading from a real standby of a PostgreSQL, while its primary is written to: nothing is lost, however far behind it is."""
import concurrent.futures
import contextlib
import copy
import time

import pytest

import test_postgres_source as source
from proxy import Proxy, Slow
from road import Road
from server_postgres import PostgreSQL, Standby
from waybill import PLANTED, assert_told, wait_for

TABLES = {"orders": {"mode": "merge", "lag": "2s"}, "journal": {"increment": "id_only", "mode": "append", "lag": "2s"}}
PUT = f"INSERT INTO orders (price, note) VALUES (1, '{PLANTED}'); INSERT INTO journal (account, amount) VALUES (1, 1);"
ROWS = 60_001


@pytest.fixture(scope="module")
def primary(servers):
    return servers.get(PostgreSQL, "postgres-primary", checkpoint_timeout="30s")


@pytest.fixture(scope="module")
def standby(servers, primary):
    return servers.get(Standby, "standby", primary=primary, max_standby_streaming_delay="1s")


class StandbyRoad(Road):
    """Written to on the primary, read from its standby, and compared with the primary; into another server's database."""

    def __init__(self, folder, name, mariadb, s3, standby, tables):
        super().__init__(folder, name, mariadb, s3, standby.primary, tables, chunk={"rows": 25_000})
        self.standby = standby
        self.postgres.new_database(f"{name}-copy")
        self.postgres.run(source.MAKE, name)
        self.postgres.run("GRANT USAGE ON SCHEMA public TO loader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO loader; GRANT pg_read_all_stats TO loader", name)
        self.connections["shop"] = standby.connection(name)
        self.connections["dw"] = self.postgres.connection(f"{name}-copy")
        self.write_config()
        standby.catch_up()

    def write(self, script=PUT):
        return self.postgres.run(script, self.name)

    def is_equal(self):
        copy_of = f"{self.name}-copy"
        there = self.postgres.run("SELECT count(*) FROM pg_class WHERE relname IN ('orders', 'journal') AND relkind = 'r'", copy_of)[0][0]
        return there == len(TABLES) and source.digests(self, self.name) == source.digests(self, copy_of)

    def rows(self):
        return self.postgres.run("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM journal)", f"{self.name}-copy")[0]

    def run_until_equal(self, seconds=40):
        """What a run leaves to the next one arrives; what it has lost never does. Other commits show how far the standby is."""
        deadline = time.monotonic() + seconds
        self.sync()
        while not self.is_equal() and time.monotonic() < deadline:
            time.sleep(1)
            self.postgres.run("SELECT pg_current_xact_id()")
            self.sync()
        assert self.is_equal()


@pytest.fixture
def road(tmp_path, mariadb, s3, standby):
    made = StandbyRoad(tmp_path, f"standby-{tmp_path.name[-24:].replace('_', '-').lower()}", mariadb, s3, standby, copy.deepcopy(TABLES))
    yield made
    made.close()
    made.assert_nothing_planted()
    made.assert_no_secret()


@contextlib.contextmanager
def settings(standby, **changed):
    """Of the standby's own, for a while."""
    def change(values):
        for name, value in values.items():
            quoted = value.replace("'", "''")
            standby.run(f"ALTER SYSTEM SET {name} = '{quoted}'")
        standby.run("SELECT pg_reload_conf()")

    before = {name: standby.run(f"SHOW {name}")[0][0] for name in changed}
    change(changed)
    try:
        yield
    finally:
        change(before)


def reading(standby):
    return standby.run("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%COPY%' AND state = 'active' AND usename = 'loader'")[0][0] > 0


def test_a_standby_wants_to_know_how_long_a_transaction_lasts(road):
    road.tables["orders"].pop("lag")
    road.write_config()
    assert_told(road.sync("-t", "orders", status=2), "orders: ", "'shop' does not show other sessions' open transactions", "which rows may still change",
                "read from its primary, or say how long a transaction lasts at most: `lag: 10m`")


def test_s27_live_writers_on_the_primary_lose_nothing_over_its_standby(road):
    """One of them keeps transactions open across several runs, so that rows with old stamps come late."""
    for table in road.tables.values():
        table["lag"] = "6s"
    road.write_config()
    road.sync()
    source.sync_while_four_write(road, seconds=12)
    road.run_until_equal()


def test_a_standby_that_stands_still_holds_the_bound_back_also_after_it_was_started_anew(road):
    """It has told no commit since its start then, and is no more current for that: a row that was stamped before its last ones is
    still to come, and a mark that went beyond them would be beyond it."""
    for table in road.tables.values():
        table["lag"] = "6s"
    road.write_config()
    road.run_until_equal()
    with contextlib.closing(road.postgres.connect(road.name)) as late:
        late.autocommit = False
        late.cursor().execute(PUT)
        road.write()
        road.postgres.run("CHECKPOINT")
        road.standby.catch_up()
        road.standby.run("CHECKPOINT")  # it goes on from there
        with settings(road.standby, primary_conninfo=""):
            time.sleep(0.5)
            late.commit()
            time.sleep(7)  # older than the lag by now
            before = road.rows()
            road.sync()
            assert road.rows() == before
            road.standby.restart()
            assert road.standby.run("SELECT pg_last_xact_replay_timestamp()") == [(None,)]
            road.sync()
            assert road.rows() == before
    road.run_until_equal()
    assert road.rows()[0] == ROWS + 1


def test_a_delayed_standby_holds_the_bound_back(road):
    road.run_until_equal()
    with settings(road.standby, recovery_min_apply_delay="5s"):
        road.write()
        time.sleep(3)
        before = road.rows()
        road.sync()
        assert road.rows() == before
        road.run_until_equal()
        assert road.rows()[0] == ROWS


def test_a_query_that_replay_cancels_is_told_and_given_again_by_the_next_run(road):
    road.write("UPDATE orders SET note = repeat('n', 75)")
    road.standby.catch_up()
    with Proxy(road.standby.port) as line:
        road.connections["shop"]["port"] = line.port
        road.write_config()
        line.fault = Slow(per_second=100_000)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            running = pool.submit(road.sync, "-t", "orders", status=None)
            wait_for(lambda: reading(road.standby) or running.done())
            road.write("DELETE FROM orders WHERE id % 2 = 0")
            road.write("VACUUM orders")
            wait_for(lambda: not reading(road.standby))  # replay waits a second for whoever reads
            line.fault = None
        assert_told(running.result(), "orders: ", "reading 'orders'", "conflict with recovery", "hot_standby_feedback = on")
        assert running.result().status == 5
        road.run_until_equal()
