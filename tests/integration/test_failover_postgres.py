"""A PostgreSQL that goes over to its standby, or back to an older state of itself: what it lost on the way is told, and a failover
that lost nothing is no trouble."""
import time

import pytest

from server_postgres import PostgreSQL, Standby
from servers import run
from waybill import Pipeline, assert_told, sqlite_rows

SMALL = {"shared_buffers": "16MB", "max_connections": "20"}
TABLES = {"journal": {"increment": "id_only", "mode": "append", "lag": "0s"}, "orders": {"cursor": "at", "lag": "0s"}}
MAKE = """CREATE TABLE journal (id bigserial PRIMARY KEY, note text); CREATE TABLE orders (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
          CREATE INDEX ON orders (at); GRANT SELECT ON journal, orders TO loader; GRANT pg_read_all_stats TO loader"""


def put(server, note, rows=1):
    server.run(f"INSERT INTO journal (note) SELECT '{note}' FROM generate_series(1, {rows})")
    server.run("INSERT INTO orders SELECT id, note, clock_timestamp() FROM journal ON CONFLICT (id) DO UPDATE SET note = excluded.note, at = excluded.at")


class Shop(Pipeline):
    """Reads from whichever server is the primary now, at its address."""

    def __init__(self, folder, server):
        folder.mkdir()
        super().__init__(folder, {"shop": server.connection("postgres"), "lake": {"type": "directory", "path": "lake"}, "dw": {"type": "sqlite", "path": "dw.db"}}, {name: dict(table) for name, table in TABLES.items()})
        self.environment = {"POSTGRES_PASSWORD": server.secret}

    def read_from(self, server, *args, **options):
        self.connections["shop"] = server.connection("postgres")
        self.write_config()
        return self.sync(*args, **options)

    def read(self, key):
        return (self.folder / "lake" / key).read_bytes()

    def assert_equal(self, server):
        for table in TABLES:
            assert sqlite_rows(self.folder / "dw.db", f"SELECT id, note FROM {table} ORDER BY id") == server.run(f"SELECT id, note FROM {table} ORDER BY id")


@pytest.fixture
def shop(tmp_path, primary):
    primary.run("DROP TABLE IF EXISTS journal, orders")
    primary.run(MAKE)
    put(primary, "first", 3)
    made = Shop(tmp_path / "shop", primary)
    made.read_from(primary)
    return made


@pytest.fixture
def primary(servers, request):
    """Each test its own: it does not outlive the test."""
    made = servers.get(PostgreSQL, f"{request.node.name[:12]}-primary", **SMALL)
    yield made
    made.kill()


@pytest.fixture
def standby(servers, primary, request):
    made = servers.get(Standby, f"{request.node.name[:12]}-standby", primary=primary, **SMALL)
    yield made
    made.kill()


def fall_behind(standby):
    standby.run("ALTER SYSTEM SET primary_conninfo = ''")
    standby.run("SELECT pg_reload_conf()")
    while standby.run("SELECT count(*) FROM pg_stat_wal_receiver")[0][0]:
        pass


def take_over(primary, standby):
    primary.kill()
    standby.run("SELECT pg_promote()")


def test_the_last_second_that_a_failover_lost_is_told(shop, primary, standby, tmp_path):
    """The standby gives the same numbers again, and larger ones: no run would read them."""
    standby.catch_up()
    fall_behind(standby)
    put(primary, "lost", 40)
    later = Shop(tmp_path / "later", primary)
    for one in (shop, later):
        one.read_from(primary)
    take_over(primary, standby)
    put(standby, "again", 80)  # the sequence goes on up to 32 numbers later
    for table in TABLES:
        assert_told(shop.read_from(standby, "-t", table, status=6), f"{table}: ", f"'shop' has lost changes of what 'p/{table}' was read from",
                    "a standby took over that had come as far as 0/", f"waybill sync pipeline -p p -t {table} --full-refresh")
    assert "has lost changes" in shop.run("plan", "-p", "p", status=6).err
    shop.sync("--full-refresh")
    shop.assert_equal(standby)
    put(standby, "more", 5)
    shop.sync()
    shop.assert_equal(standby)
    standby.crash()  # what it replayed last is of its own log from here on, and lies behind what was read
    assert_told(later.read_from(standby, "-t", "journal", status=6), "journal: ", "'shop' may have lost changes", "does not tell any more",
                "run once with --accept-source")
    later.sync("-t", "journal", "--accept-source")
    later.sync("-t", "journal")
    shop.sync()


def test_a_failover_that_lost_nothing_is_no_trouble(shop, primary, standby):
    put(primary, "second", 3)
    shop.read_from(primary)
    standby.catch_up()
    take_over(primary, standby)
    assert "warning" not in shop.read_from(standby).out
    put(standby, "third", 3)
    shop.sync()
    shop.assert_equal(standby)
    standby.crash()  # nobody asks for that proof again
    put(standby, "fourth", 3)
    shop.sync()
    shop.assert_equal(standby)


def test_a_standby_that_is_read_may_take_over_itself(shop, primary, standby):
    for table in shop.tables.values():
        table["lag"] = "1s"
    for note in ("second", "third"):
        put(primary, note)
        standby.catch_up()
        time.sleep(1.1)
    shop.read_from(standby)
    assert {shop.scope(table)["source_place"][0] for table in TABLES} == {"1"}
    take_over(primary, standby)
    put(standby, "fourth", 3)
    time.sleep(1.1)
    shop.sync()
    shop.assert_equal(standby)


def test_a_server_that_was_put_back_to_an_older_state_is_told(shop, primary):
    primary.stop()
    run("cp", "-a", primary.folder / "data", primary.folder / "older")
    primary.start()
    put(primary, "lost", 40)
    shop.sync()
    primary.stop()
    run("rm", "-rf", primary.folder / "data")
    run("mv", primary.folder / "older", primary.folder / "data")
    primary.start()
    assert_told(shop.sync("-t", "journal", status=6), "journal: ", "'shop' has lost changes", "its log ends at 0/", "--full-refresh")
