"""How rows are applied, between real servers: rows that are deleted, ranges and tables that are replaced, columns that change, repairs."""
import json

ORDERS = """
CREATE TABLE orders (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, note VARCHAR(40), amount DECIMAL(10,2),
                     updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (updated_at));
INSERT INTO orders (note, amount) SELECT CONCAT('n', seq), seq / 7 FROM seq_1_to_500;
"""


def table_of(done, table="orders"):
    return json.loads(done.out)["waybill"]["tables"][table]


def numbers(road, query):
    """What one row of the target says."""
    return [str(value) for value in road.in_target(query)[0]]


def test_rows_that_are_deleted_in_the_source_go_and_no_more_than_a_share_of_them(roads):
    road = roads({"orders": {"delete_detection": "keys"}}, lag="0s")
    road.in_source(ORDERS)
    road.sync()
    road.in_source("DELETE FROM orders WHERE id % 50 = 0; UPDATE orders SET note = 'moved' WHERE id < 9")
    done = table_of(road.sync("--json-output", "-"))
    assert (done["rows_extracted"], done["rows_deleted"]) == (8, 10)
    road.assert_equal()
    road.in_source("DELETE FROM orders WHERE id % 2 = 0")
    refused = road.sync(status=6)
    assert "--allow-deletes" in refused.err and "too-many-deletes" in refused.err
    assert "240 rows were gone from the source, and were deleted" in road.sync("--allow-deletes").out
    road.assert_equal()


def test_deleted_rows_may_be_noted_and_an_audit_passes_them_over(roads):
    road = roads({"orders": {"delete_detection": "keys", "soft_delete": "gone_at"}}, lag="0s", audit="profile")
    road.in_source(ORDERS)
    road.sync()
    road.in_source("DELETE FROM orders WHERE id IN (7, 8)")
    assert table_of(road.sync("--json-output", "-"))["audit_status"] == "passed"
    assert numbers(road, "SELECT count(*), count(gone_at) FROM orders") == ["500", "2"]


def test_a_table_is_swapped_with_its_grants_and_one_with_a_view_is_refused_before_anything(roads):
    road = roads({"orders": {"increment": "full_sync", "replace": "swap"}}, lag="0s")
    road.in_source(ORDERS)
    road.sync()
    road.in_target("CREATE INDEX by_note ON orders (note)")
    road.in_source("DELETE FROM orders WHERE id > 300; UPDATE orders SET note = 'x'")
    road.sync()
    road.assert_equal()
    assert numbers(road, "SELECT count(*) FROM pg_indexes WHERE tablename = 'orders'") == ["1"]
    road.in_target("CREATE VIEW notes AS SELECT note FROM orders")
    assert "view notes" in road.sync("--dry-run", status=2).err


def test_ranges_are_replaced_and_a_reset_doubles_nothing(roads):
    road = roads({"orders": {"increment": "id_only", "mode": "delete_insert"}}, lag="0s", chunk={"rows": 100})
    road.in_source(ORDERS)
    road.sync()
    road.in_source("DELETE FROM orders WHERE id % 5 = 1; UPDATE orders SET note = 'again'")
    road.run("watermark", "reset", "-t", "orders", "--reason", "read it again")
    road.sync()
    road.assert_equal()


def test_columns_become_wider_come_and_go_and_what_was_staged_before_loads_after(roads):
    road = roads({"orders": {}}, lag="0s")
    road.in_source(ORDERS.replace("INT UNSIGNED", "SMALLINT"))
    road.sync()
    road.in_source("INSERT INTO orders (note, amount) VALUES ('staged', 1)")
    road.sync("--backup-only")
    road.in_source("ALTER TABLE orders MODIFY id BIGINT NOT NULL AUTO_INCREMENT, MODIFY amount DECIMAL(14,4), ADD extra INT FIRST;"
                   "INSERT INTO orders (id, note, amount, extra) VALUES (5000000000, 'new', 1234567890.1234, 7)")
    plan = json.loads(road.run("plan", "--output", "json").out)["tables"][0]
    assert "~ id: int16 -> int64" in plan["changed_columns"] and "+ extra int32" in plan["changed_columns"]
    road.sync()
    road.assert_equal()
    road.in_source("ALTER TABLE orders DROP note; INSERT INTO orders (amount) VALUES (3)")
    done = table_of(road.sync("--json-output", "-"))
    assert "'note'" in done["warning"]
    assert numbers(road, "SELECT count(*) FROM orders WHERE note IS NULL") == ["1"]
    road.in_source("ALTER TABLE orders CHANGE amount price DECIMAL(14,4)")
    stopped = road.sync(status=6)
    assert "- amount" in stopped.err and "+ price" in stopped.err and "{name: OLD}" in stopped.err


def test_rows_that_are_named_are_repaired(roads):
    road = roads({"orders": {}}, lag="0s")
    road.in_source(ORDERS)
    road.sync()
    road.in_target("UPDATE orders SET note = 'spoilt', updated_at = '2031-01-01' WHERE id IN (3, 4)")
    road.in_source("DELETE FROM orders WHERE id = 5")
    look = json.loads(road.run("sync", "repair", "-t", "orders", "--keys", "3,4,5", "--dry-run", "--output", "json").out)
    assert (look["rows"], look["rows_gone"]) == (2, 1)
    assert len(road.differences()) > 0
    done = road.run("sync", "repair", "-t", "orders", "--keys", "3,4,5", "--delete-gone")
    assert "1 of the keys are not in the source" in done.out
    road.assert_equal()
    road.in_target("UPDATE orders SET note = 'spoilt'")
    road.run("sync", "repair", "-t", "orders", "--range", "2020-01-01T00:00:00Z..2030-01-01T00:00:00Z")
    road.assert_equal()
    road.sync()
    road.assert_equal()
