"""Reading from a real replica of a MariaDB, and of a MySQL 8, while its primary is written to: nothing is lost, however far behind it is."""
import time

import pytest

import road_writers
from road import Road
from server_mariadb import MariaDB, Replica, primary_settings
from server_mysql import MySQL, MySQLReplica
from waybill import PLANTED, assert_told

TABLES = {"items": {"mode": "merge", "lag": "2s"}, "moves": {"increment": "id_only", "mode": "append", "lag": "2s"}}
MAKE = f"""
CREATE TABLE items (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(9000) NOT NULL, updated_at DATETIME(3) NOT NULL, KEY (updated_at));
CREATE TABLE moves (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, note VARCHAR(20) NOT NULL);
"""
PUT = f"INSERT INTO items (name, updated_at) VALUES ('{PLANTED}', NOW(3)); INSERT INTO moves (note) VALUES ('{PLANTED}');"


@pytest.fixture(scope="module", params=["mariadb", "mysql8"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def replica(servers, kind):
    if kind == "mariadb":
        return servers.get(Replica, "replica", primary=servers.get(MariaDB, "primary", **primary_settings()))
    return servers.get(MySQLReplica, "replica8", primary=servers.get(MySQL, "primary8"))


class ReplicaRoad(Road):
    """Written to on the primary, read from its replica, and compared with the primary."""

    def __init__(self, folder, name, replica, s3, postgres, tables):
        super().__init__(folder, name, replica.primary, s3, postgres, tables)
        self.replica = replica
        self.connections["shop"] = replica.connection(name)
        self.environment["MYSQL_PASSWORD"] = replica.secret
        self.write_config()
        replica.catch_up()

    def in_source_and_replica(self, script):
        Road.in_source(self, script)
        self.replica.catch_up()

    def is_equal(self):
        there = self.in_target("SELECT count(*) FROM pg_class WHERE relname IN ('items', 'moves') AND relkind = 'r'")[0][0]
        return there == len(TABLES) and self.differences() == []

    def rows(self):
        return [self.in_target(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES]

    def run_until_equal(self, seconds=40):
        """What a run leaves to the next one arrives; what it has lost never does."""
        deadline = time.monotonic() + seconds
        self.sync()
        while not self.is_equal() and time.monotonic() < deadline:
            time.sleep(1)
            self.sync()
        self.assert_equal()


@pytest.fixture
def road(tmp_path, kind, replica, s3, postgres):
    made = ReplicaRoad(tmp_path, f"{kind}-{tmp_path.name[-24:].replace('_', '-').lower()}", replica, s3, postgres, {name: dict(entry) for name, entry in TABLES.items()})
    yield made
    replica.go_on()
    made.close()
    made.assert_nothing_planted()
    made.assert_no_secret()


def test_a_replica_wants_to_know_how_long_a_transaction_lasts(road):
    road.in_source_and_replica(MAKE + PUT)
    road.tables["items"].pop("lag")
    road.write_config()
    assert_told(road.sync("-t", "items", status=2), "items: ", "'shop' does not show other sessions' open transactions", "which rows may still change",
                "read from its primary, or say how long a transaction lasts at most: `lag: 10m`")


def test_s27_live_writers_on_the_primary_lose_nothing_over_its_replica(road, kind):
    """One of them keeps transactions open across several runs, so that rows with old stamps come late."""
    for table in TABLES:
        road.tables[table] = road_writers.TABLES[table] | {"lag": "8s"}
    road.write_config()
    road.in_source = road.in_source_and_replica
    if kind == "mysql8":
        road.in_source(road_writers.SEQUENCE_OF_MYSQL)
    runs, statements = road_writers.write_and_run(road, seconds=14, open_s=5, settle=ReplicaRoad.run_until_equal,
                                                   refused="is a replica that did not show within")
    assert runs >= 2 and statements >= 100, "the test had nothing to do"
    road.assert_tidy()


@pytest.mark.parametrize("thread", ["SQL_THREAD", "IO_THREAD"])
def test_a_replica_that_stands_still_is_not_read_and_loses_nothing_when_it_goes_on(road, thread):
    road.in_source_and_replica(MAKE + PUT)
    road.run_until_equal()
    road.replica.halt(thread)
    road.in_source(PUT)
    time.sleep(3.5)  # what was written is older than the lag by now
    assert_told(road.sync("-t", "items", status=5), "items: ", f"replication of 'shop' stands still ({road.replica.running}:", "when the rows of 'items' are complete",
                f"{road.replica.status} says why; start it again")
    assert road.sync("-t", "moves", status=5).err.count("replica-stands-still") == 1
    assert "stands still" in road.run("check", "shop").out
    road.replica.go_on(thread)
    road.run_until_equal()
    assert road.rows() == [2, 2]


def test_a_delayed_replica_holds_the_bound_back(road):
    road.in_source_and_replica(MAKE + PUT)
    road.run_until_equal()
    road.replica.delay(5)
    try:
        road.in_source(PUT)
        time.sleep(3.2)  # older than the lag, and not there for some seconds more
        road.sync()
        assert road.rows() == [1, 1]
        road.run_until_equal()
        assert road.rows() == [2, 2]
    finally:
        road.replica.delay(0)


def test_who_may_not_ask_how_far_behind_a_replica_is_reads_nothing_from_it(road):
    road.in_source_and_replica(MAKE + PUT)
    road.connections["shop"] = road.replica.connection(road.name, user="blind")
    road.write_config()
    assert_told(road.sync("-t", "items", status=8), "items: ", "'shop' looks like a replica, and this user may not see how far behind it is",
                "when the rows of 'items' are complete", f"GRANT {road.replica.right} ON *.* TO this user, or read from the primary")
    road.replica.halt()
    road.replica.run("SET GLOBAL read_only = OFF")  # where nothing runs, and anybody may write, its GTIDs tell
    try:
        assert "looks like a replica" in road.sync("-t", "items", status=8).err
    finally:
        road.replica.run(road.replica.locks)


@pytest.fixture
def second(servers, kind, road):
    """Another primary of the same replica, by a channel of its own, five seconds behind."""
    small = {"server-id": 3, "innodb-buffer-pool-size": "32M"}
    if kind == "mariadb":
        made = servers.get(MariaDB, "primary-2", **{**primary_settings(), **small, "gtid-domain-id": 3, "innodb-log-file-size": "16M"})
    else:
        made = servers.get(MySQL, "primary8-2", **{**small, "performance-schema": "OFF"})
    road.replica.add_second(made)
    yield made
    road.replica.drop_second()


def test_of_several_primaries_the_one_that_is_furthest_behind_counts(road, second):
    road.in_source_and_replica(MAKE + PUT)
    road.run_until_equal()
    before = road.rows()
    second.run("INSERT INTO other.rows_of_it VALUES (1)")
    road.in_source_and_replica(PUT)
    time.sleep(2.5)  # the first primary's rows are there, and older than the lag
    road.sync()
    assert road.rows() == before
    road.run_until_equal()
    road.replica.halt_second()
    assert_told(road.sync("-t", "items", status=5), "items: ", "replication 'second' of 'shop' stands still", "when the rows of 'items' are complete", road.replica.status)
