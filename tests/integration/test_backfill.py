"""One stretch of time is read again and the mark stays; rows without a cursor come with every run; whole tables add up."""
import json

from waybill import next_second

MAKE = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT, updated_at DATETIME);
INSERT INTO orders VALUES (1, 'a', '2024-05-01 10:00:00'), (2, 'b', '2024-05-02 10:00:00'),
                          (3, 'c', '2024-05-03 10:00:00'), (4, 'd', '2024-05-04 10:00:00');
CREATE INDEX orders_updated_at ON orders (updated_at);
"""
STRETCH = ("--start-time", "2024-05-02T10:00:00Z", "--end-time", "2024-05-04T12:00:00+02:00")  # 4 May 10:00, not in it


def extracted(done):
    return done.json()["table_results"]["orders"]["rows_processed"]


def test_a_backfill_reads_what_it_is_told_to_and_a_plan_says_so(route):
    shop = route({"orders": {"cursor": "updated_at"}})
    shop.in_source(MAKE)
    shop.sync()
    mark = shop.scope("orders")["extracted"]["pos"]
    shop.in_source("UPDATE orders SET note = 'mended in place'")  # and no cursor moved
    plan = shop.sync("--dry-run", *STRETCH).out
    assert "2024-05-02 10:00:00" in plan and "2024-05-04 10:00:00" in plan and "mark stays" in plan, plan
    plan = shop.sync("--dry-run", "--output", "json", *STRETCH).json()["tables"][0]
    assert plan["backfill"] is True and plan["mark"] == mark and plan["rows"] == 2
    assert extracted(shop.sync("--json-output", "-", *STRETCH)) == 2
    assert shop.scope("orders")["extracted"]["pos"] == mark
    assert shop.in_target("SELECT id, note FROM orders ORDER BY id") == [
        (1, "a"), (2, "mended in place"), (3, "mended in place"), (4, "d")]
    shop.sync("--start-time", "2024-01-01T00:00:00Z")
    shop.compare()
    shop.assert_tidy()


def test_bounds_that_cannot_be_are_refused(route):
    shop = route({"orders": {"cursor": "updated_at"}, "log": {"increment": "id_only", "key": "id"},
                  "facts": {"cursor": "updated_at", "mode": "append", "insert_only": True}})
    shop.in_source(MAKE)
    for flags, words in [
        (("--start-time", "2024-05-02"), "is not a time of RFC 3339"),
        (("--start-time", "2024-05-02T10:00:00"), "2024-05-01T08:00:00Z"),
        (("--start-time", "2024-05-02T10:00:00Z", "--end-time", "2024-05-02T10:00:00Z"), "the start is not before the end"),
        (("--advance",), "no bound is given"),
        (("--end-time", "2024-05-02T10:00:00Z", "--full-refresh"), "contradict"),
        (("--end-time", "2024-05-02T10:00:00Z", "--redshift-only"), "contradict"),
        (("-t", "log", "--end-time", "2024-05-02T10:00:00Z"), "goes by no time"),
        (("-t", "facts", "--end-time", "2024-05-02T10:00:00Z"), "--allow-duplicates"),
    ]:
        done = shop.sync(*flags, status=2)
        assert words in done.err, (flags, done.err)


def test_s84_a_backfill_that_was_staged_earlier_is_merged_after_newer_rows_and_these_stay(route):
    """Two pipelines share the target table; the second one brings newer rows before the first one's backfill is loaded."""
    shop = route({"orders": {"cursor": "updated_at", "shared": True}})
    config = json.loads((shop.folder / "waybill.yml").read_text())
    config["pipelines"]["q"] = config["pipelines"]["p"]
    (shop.folder / "waybill.yml").write_text(json.dumps(config))
    shop.in_source(MAKE)
    shop.sync()
    shop.sync("--backup-only", *STRETCH)
    shop.in_source("UPDATE orders SET note = 'newer', updated_at = '2024-05-10 10:00:00' WHERE id IN (1, 2)")
    shop.run("sync", "pipeline", "-p", "q")
    shop.sync("--redshift-only")
    assert shop.in_target("SELECT id, note FROM orders ORDER BY id") == [(1, "newer"), (2, "newer"), (3, "c"), (4, "d")]
    shop.sync()
    shop.compare()


def test_an_advance_takes_the_mark_along_stretch_by_stretch(route):
    shop = route({"orders": {"cursor": "updated_at"}})
    shop.in_source(MAKE)
    for day in range(2, 6):
        assert extracted(shop.sync("--advance", "--end-time", f"2024-05-0{day}T00:00:00Z", "--json-output", "-")) == 1
        assert shop.scope("orders")["extracted"]["pos"] == {"at": f"2024-05-0{day} 00:00:00"}
    shop.compare()
    done = shop.sync("--advance", "--start-time", "2024-05-20T00:00:00Z", status=2)
    assert "would never be read" in done.err
    shop.sync()
    shop.compare()


def test_rows_without_a_cursor_are_read_along(route):
    shop = route({"orders": {"cursor": "updated_at", "null_cursor": "include", "audit": "profile", "lag": "0s"}})
    shop.in_source(MAKE + "INSERT INTO orders VALUES (5, 'e', NULL), (6, 'f', NULL);")
    assert "2 rows without a cursor (null_cursor: include)" in shop.sync("--dry-run").out
    assert "2 rows without a cursor were read along" in shop.sync().out
    shop.compare()
    shop.in_source("UPDATE orders SET note = 'g' WHERE id = 5; UPDATE orders SET updated_at = NULL WHERE id = 1")
    shop.sync()
    shop.compare()
    shop.in_source("UPDATE orders SET updated_at = datetime('now') WHERE id IN (1, 5)")
    next_second()
    shop.sync()
    shop.compare()
    shop.run("audit", "-p", "p", "-t", "orders")


def test_a_whole_table_is_appended_once_for_each_run(route):
    shop = route({"orders": {"increment": "full_sync", "mode": "append"}})
    shop.in_source(MAKE.replace("PRIMARY KEY", ""))
    shop.sync()
    shop.sync()
    assert shop.in_target("SELECT id, count(*) FROM orders GROUP BY id ORDER BY id") == [(i, 2) for i in range(1, 5)]
    assert "takes it whole" in shop.sync("--limit", "1", status=2).err
    assert "is no copy of it" in shop.run("audit", "-p", "p", "-t", "orders", status=2).err
