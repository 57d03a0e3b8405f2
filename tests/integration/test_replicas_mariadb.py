"""Reading from a real replica of a MariaDB, while its primary is written to: nothing is lost, however far behind it is."""
import time

import pytest

import road_writers
from road import Road
from server_mariadb import MariaDB, Replica, primary_settings
from waybill import PLANTED, assert_told

TABLES = {"items": {"mode": "merge", "lag": "2s"}, "moves": {"increment": "id_only", "mode": "append", "lag": "2s"}}
MAKE = f"""
CREATE TABLE items (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(9000) NOT NULL, updated_at DATETIME(3) NOT NULL, KEY (updated_at));
CREATE TABLE moves (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, note VARCHAR(20) NOT NULL);
"""
PUT = f"INSERT INTO items (name, updated_at) VALUES ('{PLANTED}', NOW(3)); INSERT INTO moves (note) VALUES ('{PLANTED}');"


@pytest.fixture(scope="module")
def primary(servers):
    return servers.get(MariaDB, "primary", **primary_settings())


@pytest.fixture(scope="module")
def replica(servers, primary):
    return servers.get(Replica, "replica", primary=primary)


class ReplicaRoad(Road):
    """Written to on the primary, read from its replica, and compared with the primary."""

    def __init__(self, folder, name, replica, s3, postgres, tables):
        super().__init__(folder, name, replica.primary, s3, postgres, tables)
        self.replica = replica
        self.connections["shop"] = replica.connection(name)
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
def road(tmp_path, replica, s3, postgres):
    made = ReplicaRoad(tmp_path, f"replica-{tmp_path.name[-24:].replace('_', '-').lower()}", replica, s3, postgres, {name: dict(entry) for name, entry in TABLES.items()})
    yield made
    replica.run(f"STOP SLAVE; CHANGE MASTER TO master_delay = 0, master_port = {replica.primary.port}; START SLAVE")
    made.close()
    made.assert_nothing_planted()
    made.assert_no_secret()


def test_a_replica_wants_to_know_how_long_a_transaction_lasts(road):
    road.in_source_and_replica(MAKE + PUT)
    road.tables["items"].pop("lag")
    road.write_config()
    assert_told(road.sync("-t", "items", status=2), "items: ", "'shop' does not show other sessions' open transactions", "which rows may still change",
                "read from its primary, or say how long a transaction lasts at most: `lag: 10m`")


def test_s27_live_writers_on_the_primary_lose_nothing_over_its_replica(road):
    """One of them keeps transactions open across several runs, so that rows with old stamps come late."""
    for table in TABLES:
        road.tables[table] = road_writers.TABLES[table] | {"lag": "8s"}
    road.write_config()
    road.in_source = road.in_source_and_replica
    runs, statements = road_writers.write_and_run(road, seconds=14, open_s=5, settle=ReplicaRoad.run_until_equal,
                                                   refused="is a replica that did not show within")
    assert runs >= 2 and statements >= 100, "the test had nothing to do"
    road.assert_tidy()


@pytest.mark.parametrize("thread", ["SQL_THREAD", "IO_THREAD"])
def test_a_replica_that_stands_still_is_not_read_and_loses_nothing_when_it_goes_on(road, thread):
    road.in_source_and_replica(MAKE + PUT)
    road.run_until_equal()
    road.replica.run(f"STOP SLAVE {thread}")
    road.in_source(PUT)
    time.sleep(3.5)  # what was written is older than the lag by now
    assert_told(road.sync("-t", "items", status=5), "items: ", "replication of 'shop' stands still (Slave_IO_Running:", "when the rows of 'items' are complete",
                "SHOW ALL SLAVES STATUS says why; start it again")
    assert road.sync("-t", "moves", status=5).err.count("replica-stands-still") == 1
    assert "stands still" in road.run("check", "shop").out
    road.replica.run(f"START SLAVE {thread}")
    road.run_until_equal()
    assert road.rows() == [2, 2]


def test_a_delayed_replica_holds_the_bound_back(road):
    road.in_source_and_replica(MAKE + PUT)
    road.run_until_equal()
    road.replica.run("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 5; START SLAVE")
    road.in_source(PUT)
    time.sleep(3.2)  # older than the lag, and not there for some seconds more
    road.sync()
    assert road.rows() == [1, 1]
    road.run_until_equal()
    assert road.rows() == [2, 2]


def test_who_may_not_ask_how_far_behind_a_replica_is_reads_nothing_from_it(road):
    road.in_source_and_replica(MAKE + PUT)
    road.connections["shop"] = road.replica.connection(road.name, user="blind")
    road.write_config()
    assert_told(road.sync("-t", "items", status=8), "items: ", "'shop' looks like a replica, and this user may not see how far behind it is",
                "when the rows of 'items' are complete", "GRANT SLAVE MONITOR ON *.* TO this user, or read from the primary")


@pytest.fixture
def second(servers, road):
    """Another primary of the same replica, by a channel of its own."""
    made = servers.get(MariaDB, "primary-2", **{**primary_settings(), "server-id": 3, "gtid-domain-id": 3, "innodb-buffer-pool-size": "32M", "innodb-log-file-size": "16M"})
    made.run(f"CREATE OR REPLACE USER 'replica'@'127.0.0.1' IDENTIFIED BY '{made.secret}'; GRANT REPLICATION SLAVE ON *.* TO 'replica'@'127.0.0.1';"
             f" CREATE DATABASE IF NOT EXISTS other; CREATE OR REPLACE TABLE other.rows_of_it (id INT)")
    at = made.run("SELECT @@GLOBAL.gtid_binlog_pos")[0][0]
    road.replica.run("STOP ALL SLAVES")
    known = road.replica.run("SELECT @@GLOBAL.gtid_slave_pos")[0][0]
    road.replica.run(f"CREATE DATABASE IF NOT EXISTS other; CREATE OR REPLACE TABLE other.rows_of_it (id INT); SET GLOBAL gtid_slave_pos = '{known},{at}';"
                     f" CHANGE MASTER 'second' TO master_host = '127.0.0.1', master_port = {made.port}, master_user = 'replica', master_password = '{made.secret}',"
                     " master_use_gtid = slave_pos, master_connect_retry = 1, master_delay = 5; START ALL SLAVES")
    yield made
    road.replica.run("STOP SLAVE 'second'; RESET SLAVE 'second' ALL")


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
    road.replica.run("STOP SLAVE 'second' SQL_THREAD")
    assert_told(road.sync("-t", "items", status=5), "items: ", "replication 'second' of 'shop' stands still", "when the rows of 'items' are complete", "SHOW ALL SLAVES STATUS")
