"""Rows that a run cannot see are missing or wrong: it says so, an audit counts them, and the command that it names puts them right."""
from waybill import next_second

TABLES = {"journal": {"increment": "id_only", "key": "id", "mode": "append", "lag": "0s"},
          "orders": {"cursor": "at", "key": "id", "lag": "0s"}}
MAKE = """CREATE TABLE journal (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO journal VALUES (1, 'a'), (2, 'b');
          CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT, at TEXT NOT NULL); CREATE INDEX orders_at ON orders (at);
          INSERT INTO orders VALUES (1, 'a', '2024-01-01 00:00:00'), (2, 'b', '2024-01-01 00:00:01')"""


def made(route, table):
    shop = route({table: dict(TABLES[table])})
    shop.in_source(MAKE)
    shop.sync()
    return shop


def test_a_number_that_sqlite_gives_out_again_is_told_and_its_row_is_found(route):
    shop = made(route, "journal")
    shop.in_source("DELETE FROM journal WHERE id = 2; INSERT INTO journal (note) VALUES ('another'), ('d')")
    plan = shop.run("plan", "-p", "p").out
    done = shop.sync()
    for said in (plan, done.out):
        assert "the row with the last 'id' that was read is another one now" in said
        assert "waybill sync pipeline -p p -t journal --full-refresh" in said
    assert shop.in_target("SELECT id, note FROM journal ORDER BY id") == [(1, "a"), (2, "b"), (3, "d")]
    assert "'note'" in shop.run("audit", "-p", "p", "-t", "journal", status=6).err
    shop.sync("--full-refresh")
    assert shop.in_target("SELECT id, note FROM journal ORDER BY id") == [(1, "a"), (2, "another"), (3, "d")]
    assert "warning" not in shop.sync().out


def test_a_column_that_was_excluded_for_a_while_is_told_and_its_old_values_are_found(route):
    shop = made(route, "orders")
    shop.tables["orders"]["exclude_columns"] = ["note"]
    shop.write_config()
    shop.in_source("UPDATE orders SET note = 'changed', at = datetime('now') WHERE id = 2")
    next_second()
    shop.sync()
    del shop.tables["orders"]["exclude_columns"]
    shop.write_config()
    shop.in_source("INSERT INTO orders VALUES (3, 'c', datetime('now'))")
    next_second()
    plan = shop.run("plan", "-p", "p").out
    done = shop.sync()
    for said in (plan, done.out):
        assert "'note' was not read before" in said
        assert "waybill sync pipeline -p p -t orders --full-refresh" in said
    assert shop.in_target("SELECT id, note FROM orders ORDER BY id") == [(1, "a"), (2, "b"), (3, "c")]
    assert "'note'" in shop.run("audit", "-p", "p", "-t", "orders", status=6).err
    shop.sync("--full-refresh")
    assert shop.in_target("SELECT id, note FROM orders ORDER BY id") == [(1, "a"), (2, "changed"), (3, "c")]
    shop.run("audit", "-p", "p", "-t", "orders")
