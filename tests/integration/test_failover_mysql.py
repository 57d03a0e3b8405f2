"""MariaDB and MySQL behind one address: a replica that takes over, an older state that is put back. What is lost on the way is told,
and what lost nothing is no trouble."""
import itertools
import time

import pytest

from proxy import Proxy
from server_mariadb import MariaDB, Replica, primary_settings
from server_mysql import MySQL
from servers import run
from waybill import Pipeline, assert_told, sqlite_rows

SMALL = {"innodb-buffer-pool-size": "64M", "innodb-log-file-size": "16M"}
LOGGED = {"log-bin": "binlog", "log-slave-updates": None, "sync-binlog": 0}
NUMBERS = itertools.count()
TABLES = {"journal": {"increment": "id_only", "mode": "append", "lag": "0s"}}
MAKE = "CREATE TABLE journal (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, note VARCHAR(20) NOT NULL)"


def put(server, note, rows=1):
    server.run("INSERT INTO journal (note) VALUES " + ", ".join([f"('{note}')"] * rows), "shop")


class Shop(Pipeline):
    """Reads through one address, behind which is whichever server is the primary now."""

    def __init__(self, folder, server):
        folder.mkdir()
        self.address = Proxy(server.port)
        shop = {**server.connection("shop"), "port": self.address.port, "tls": "off"}
        shop.pop("tls_ca")
        super().__init__(folder, {"shop": shop, "lake": {"type": "directory", "path": "lake"}, "dw": {"type": "sqlite", "path": "dw.db"}},
                         {name: dict(table) for name, table in TABLES.items()})
        self.environment = {"MARIADB_PASSWORD": server.secret, "MYSQL_PASSWORD": server.secret}

    def read_from(self, server, *args, **options):
        self.address.target = server.port
        return self.sync(*args, **options)

    def read(self, key):
        return (self.folder / "lake" / key).read_bytes()

    def assert_equal(self, server):
        assert sqlite_rows(self.folder / "dw.db", "SELECT id, note FROM journal ORDER BY id") == list(server.run("SELECT id, note FROM journal ORDER BY id", "shop"))


@pytest.fixture
def make_shop(tmp_path):
    made = []

    def make(server, name="shop"):
        made.append(Shop(tmp_path / name, server))
        return made[-1]
    yield make
    for shop in made:
        shop.address.close()


@pytest.fixture
def start(servers):
    """Servers of a test's own: they do not outlive it."""
    made = []

    def start(kind, name, **options):
        settings = {**({} if issubclass(kind, MySQL) else SMALL), **options}
        made.append(servers.get(kind, f"failover-{next(NUMBERS)}-{name}", **settings))
        return made[-1]
    yield start
    for server in reversed(made):
        server.kill()


def open_shop(server):
    server.new_database("shop")
    server.run(MAKE, "shop")
    put(server, "first", 3)


def test_what_a_replica_that_took_over_had_not_got_is_told_and_nobody_else_is_troubled(start, make_shop):
    """It gives the same numbers again, which no run would read. One table was read before, and has lost nothing."""
    primary = start(MariaDB, "primary", **primary_settings())
    replica = start(Replica, "replica", primary=primary, **LOGGED)
    open_shop(primary)
    replica.catch_up()
    early, late = make_shop(primary, "early"), make_shop(primary, "late")
    early.tables["journal"]["lag"] = "1s"  # a replica shows no open transactions
    early.write_config()
    replica.run("STOP SLAVE; CHANGE MASTER TO master_delay = 3600; START SLAVE")
    put(primary, "second", 3)
    for _ in range(2):
        early.sync()
        time.sleep(1.1)
    kept = early.scope("journal")["source_place"]
    assert kept.startswith("1@") and " 0-1-" in kept
    early.read_from(replica)  # it is behind: what it lacks will come
    assert early.scope("journal")["source_place"] == kept
    replica.run("STOP SLAVE; CHANGE MASTER TO master_delay = 0; START SLAVE")
    replica.catch_up()
    replica.run("STOP SLAVE IO_THREAD")
    put(primary, "lost", 5)
    late.sync()
    primary.kill()
    replica.run("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0")
    put(replica, "again", 9)
    assert_told(late.read_from(replica, status=6), "journal: ", "'shop' has lost changes of what 'p/journal' was read from",
                "its binary log goes on up to", "waybill sync pipeline -p p -t journal --full-refresh")
    assert "has lost changes" in late.run("plan", "-p", "p", status=6).err
    late.sync("--full-refresh")
    assert "warning" not in early.read_from(replica).out
    assert early.scope("journal")["source_place"].startswith("2@")
    time.sleep(1.1)
    for shop in (early, late):
        shop.sync()
        shop.assert_equal(replica)


@pytest.mark.parametrize("kind", [MariaDB, MySQL])
def test_a_log_that_was_begun_anew_is_no_loss_and_an_older_state_is(start, make_shop, kind):
    server = start(kind, "only", **primary_settings())
    open_shop(server)
    shop = make_shop(server)
    shop.sync()
    server.run("RESET MASTER")
    shop.sync()
    put(server, "second", 2)
    shop.sync()
    server.stop()
    run("cp", "-a", server.folder / "data", server.folder / "older")
    server.start()
    put(server, "lost", 4)
    shop.sync()
    server.stop()
    run("rm", "-rf", server.folder / "data")
    run("mv", server.folder / "older", server.folder / "data")
    server.start()
    assert_told(shop.sync(status=6), "journal: ", "'shop' may have lost changes", "its binary log" if kind is MariaDB else "it has not executed", "run once with --accept-source")
    shop.sync("--accept-source")
    shop.sync()
    if kind is MySQL:
        return
    server.run("RESET MASTER")
    server.stop()
    server.start()
    assert "'shop' may have lost changes" in shop.sync(status=6).err  # nothing tells this from an older state


def test_a_server_without_a_binary_log_tells_nothing_and_is_not_in_the_way_when_it_begins_one(start, make_shop):
    server = start(MariaDB, "only")
    open_shop(server)
    shop = make_shop(server)
    shop.sync()
    assert shop.scope("journal").get("source_place") is None
    server.stop()
    del server.settings["skip-log-bin"]
    server.settings["log-bin"] = "binlog"
    server.start()
    put(server, "second")
    shop.sync()
    assert shop.scope("journal")["source_place"]
    shop.assert_equal(server)


def test_another_mysql_that_has_executed_all_of_it_goes_on_and_one_that_has_not_is_told(start, make_shop):
    """Each has an identity of its own; the identifiers of transactions are everybody's."""
    primary, standby = start(MySQL, "primary"), start(MySQL, "standby", **{"server-id": 2})
    for one in (primary, standby):
        one.run("SET SESSION sql_log_bin = 0; CREATE DATABASE shop; GRANT SELECT ON shop.* TO 'etl'@'127.0.0.1'")
    primary.run(f"CREATE USER 'replica'@'127.0.0.1' IDENTIFIED WITH mysql_native_password BY '{primary.secret}'; GRANT REPLICATION SLAVE ON *.* TO 'replica'@'127.0.0.1'")
    standby.run(f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {primary.port}, SOURCE_USER = 'replica', SOURCE_PASSWORD = '{primary.secret}',"
                " SOURCE_AUTO_POSITION = 1, SOURCE_CONNECT_RETRY = 1; START REPLICA")
    primary.run(MAKE, "shop")
    put(primary, "first", 3)
    early, late = make_shop(primary, "early"), make_shop(primary, "late")
    early.sync()
    catch_up(primary, standby)
    standby.run("STOP REPLICA IO_THREAD")
    put(primary, "lost", 2)
    late.sync()
    primary.kill()
    standby.run("STOP REPLICA; RESET REPLICA ALL")
    put(standby, "again", 4)
    assert_told(late.read_from(standby, status=6), "journal: ", "'shop' has lost changes of what 'p/journal' was read from",
                "it has not executed ", "--full-refresh")
    early.read_from(standby)
    early.assert_equal(standby)
    assert early.scope("journal")["source_id"] == standby.run("SELECT @@server_uuid")[0][0]


def catch_up(primary, standby):
    at = primary.run("SELECT @@GLOBAL.gtid_executed")[0][0].replace("\n", "")
    assert standby.run(f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{at}', 60)")[0][0] == 0
