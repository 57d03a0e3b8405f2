"""A Galera cluster of two real nodes as the source: a transaction that is open on the other node is seen by nobody here, and is not lost."""
import contextlib

import pytest

from server_mariadb import Node
from waybill import Pipeline, assert_told, sqlite_rows, wait_for

TABLES = {"items": {"mode": "merge"}}
MAKE = "CREATE TABLE items (id INT NOT NULL PRIMARY KEY, name VARCHAR(20) NOT NULL, updated_at DATETIME(3) NOT NULL, KEY (updated_at))"


@pytest.fixture(scope="module")
def nodes(servers):
    first = servers.get(Node, "node-1")
    first.new_database("shop")
    first.run(MAKE, "shop")
    return first, servers.get(Node, "node-2", other=first)


@pytest.fixture
def shop(tmp_path, nodes):
    made = Pipeline(tmp_path, {"shop": nodes[0].connection("shop"), "lake": {"type": "directory", "path": "lake"}, "dw": {"type": "sqlite", "path": "dw.db"}},
                    {name: dict(table) for name, table in TABLES.items()})
    made.environment = {"MARIADB_PASSWORD": nodes[0].secret}
    return made


def test_what_is_open_on_another_node_of_a_cluster_is_waited_for_by_a_lag_alone(shop, nodes):
    first, second = nodes
    first.run("INSERT INTO items VALUES (1, 'here', NOW(3))", "shop")
    assert_told(shop.sync(status=2), "items: ", "'shop' does not show other sessions' open transactions", "which rows may still change",
                "it is a node of a cluster, and does not show what is open on the others: read while they are down, or say how long a transaction lasts at most: `lag: 10m`")
    shop.tables["items"]["lag"] = "4s"
    shop.write_config()
    with contextlib.closing(second.connect("shop", autocommit=False)) as session, session.cursor() as cursor:
        cursor.execute("INSERT INTO items VALUES (2, 'there', NOW(3))")
        first.run("DO SLEEP(1); INSERT INTO items VALUES (3, 'later', NOW(3))", "shop")
        shop.sync()
        session.commit()
    first.run("DO SLEEP(5)")
    shop.sync()
    assert sqlite_rows(shop.folder / "dw.db", "SELECT id FROM items ORDER BY id") == [(1,), (2,), (3,)]


def test_a_node_that_is_alone_in_its_cluster_shows_all_that_is_open(shop, nodes):
    first, second = nodes
    second.stop()
    try:
        shop.sync()
    finally:
        second.start()
    assert "it is a node of a cluster" in shop.sync(status=2).err


def test_a_node_that_has_lost_the_others_is_not_read(shop, nodes):
    first, second = nodes
    shop.tables["items"]["lag"] = "1s"
    shop.write_config()
    second.kill()
    try:
        wait_for(lambda: not first.is_ready())
        assert_told(shop.sync(status=5), "items: ", "'shop'", "not yet prepared node for application use", "read from another")
    finally:
        first.run("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'")
        second.start()
    shop.sync()
