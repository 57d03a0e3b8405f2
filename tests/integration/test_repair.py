"""sync repair from SQLite: rows that are named come from the source again, whatever their key looks like."""
import sqlite3

import pytest

MAKE = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT, updated_at DATETIME NOT NULL);
CREATE INDEX orders_updated_at ON orders (updated_at);
CREATE TABLE stock (place TEXT, item INTEGER, count INTEGER, updated_at DATETIME NOT NULL, PRIMARY KEY (place, item));
CREATE INDEX stock_updated_at ON stock (updated_at);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
INSERT INTO orders WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
  SELECT i, 'note ' || i, datetime('2025-09-12 00:00:00', i || ' seconds') FROM n;
INSERT INTO stock SELECT CASE id % 2 WHEN 0 THEN 'north, "old"' ELSE 'süd' END, id, id * 7, updated_at FROM orders;
INSERT INTO log SELECT id, note FROM orders;
"""


@pytest.fixture
def shop(route):
    made = route({"orders": {}, "stock": {}, "log": {"increment": "id_only", "mode": "delete_insert"}}, lag="0s")
    made.in_source(MAKE)
    made.sync()
    return made


def in_target(shop, script):
    with sqlite3.connect(shop.dw) as database:
        database.executescript(script)
    database.close()


def repair(shop, table, *words, status=0):
    return shop.run("sync", "repair", "-p", "p", "-t", table, *words, status=status)


def test_rows_are_named_by_their_key(shop):
    in_target(shop, "UPDATE orders SET note = 'spoilt', updated_at = '2031-01-01 00:00:00' WHERE id IN (3, 4); DELETE FROM orders WHERE id = 5")
    repair(shop, "orders", "--keys", "3,4", "--keys", "5")
    shop.compare()
    shop.in_source("DELETE FROM orders WHERE id = 6")
    assert "1 of the keys are not in the source" in repair(shop, "orders", "--keys", "6").out
    repair(shop, "orders", "--keys", "6", "--delete-gone")
    shop.compare()
    assert "'six' is no key of 'orders'" in repair(shop, "orders", "--keys", "six", status=2).err


def test_rows_are_named_by_a_key_of_two_columns(shop):
    in_target(shop, "UPDATE stock SET count = 0 WHERE item IN (7, 8)")
    repair(shop, "stock", "--keys", '["süd", 7]', "--keys", '["north, \\"old\\"", 8]')
    shop.compare()
    assert "JSON array" in repair(shop, "stock", "--keys", "7", status=2).err


def test_a_range_is_read_again(shop):
    in_target(shop, "UPDATE orders SET note = 'spoilt' WHERE id < 50")
    repair(shop, "orders", "--range", "2025-09-12T00:00:00Z..2025-09-12T00:01:00Z")
    shop.compare()
    shop.in_source("DELETE FROM log WHERE id BETWEEN 20 AND 30")
    repair(shop, "log", "--range", "15..25")
    repair(shop, "log", "--range", "26..30")  # which has no rows any more
    shop.compare()
    shop.sync()
    shop.compare()
