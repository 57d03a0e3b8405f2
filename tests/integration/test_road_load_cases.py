"""Numbered cases of loading, between real servers: names, schemas, keys, files, and what counts as done."""
import json
import time

import pytest
from pyarrow import parquet

import lineitem
from proxy import Stall

SMALL = """
CREATE TABLE orders (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, note VARCHAR(32), total DECIMAL(20,6), updated_at DATETIME(6) NOT NULL DEFAULT NOW(6) ON UPDATE NOW(6), KEY (updated_at));
INSERT INTO orders (note, total, updated_at) SELECT CONCAT('order ', seq), seq / 7, NOW() - INTERVAL 1 DAY + INTERVAL seq SECOND FROM seq_1_to_1000;
"""


@pytest.fixture
def road(roads):
    made = roads({"orders": {}}, lag="0s")
    made.in_source(SMALL)
    return made


def tables(road):
    return {name for name, in road.in_target("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


@pytest.mark.parametrize("target", ["Orders of 2026", "order", "1st", 'with "quotes"', "größe"])
def test_s33_the_table_that_is_made_is_the_one_that_is_loaded(roads, target):
    road = roads({"orders": {"target": target}}, lag="0s")
    road.in_source(SMALL)
    road.sync()
    road.sync()
    assert tables(road) == {target, "waybill_position"}
    name = target.replace('"', '""')
    assert road.in_target(f'SELECT count(*) FROM "{name}"') == [(1000,)]


def test_s34_a_decimal_has_one_precision_in_all_files(roads):
    """The first rows would fit DECIMAL(3,0), the last need all 20 digits."""
    road = roads({"orders": {}}, lag="0s", chunk={"rows": 250})
    road.in_source(SMALL + "UPDATE orders SET total = 12345678901234.654321 WHERE id > 900; UPDATE orders SET total = 1 WHERE id < 300")
    road.sync()
    seen = set()
    for waybill in road.chain("orders"):
        for file in waybill["files"]:
            (road.folder / "file.parquet").write_bytes(road.read(file["key"]))
            seen.add(str(parquet.read_schema(road.folder / "file.parquet").field("total").type))
    assert len(road.chain("orders")) >= 4 and seen == {"decimal128(20, 6)"}
    assert road.in_target("SELECT numeric_precision, numeric_scale FROM information_schema.columns WHERE table_name = 'orders' AND column_name = 'total'") == [(20, 6)]
    road.assert_equal()


def test_s35_characters_are_not_bytes(road):
    road.in_source("INSERT INTO orders (note) VALUES (REPEAT('ü', 32)), (REPEAT('語', 32)), (REPEAT('🚚', 32))")
    road.sync()
    road.assert_equal()
    assert road.in_target("SELECT max(octet_length(note)), max(char_length(note)) FROM orders") == [(128, 32)]


def test_s37_a_listing_goes_on_after_a_thousand_keys(road):
    road.sync()
    road.sync()
    for number in range(1100):
        road.client.put_object(Bucket=road.name, Key=f"p/orders/dt=2020-01-01/wb=0190b0a0-0000-7000-8000-{number:012x}/file-00000.parquet", Body=b"x")
    done = road.run("s3clean", "orphans", "-t", "orders", "--older-than", "0s", "--force", "--output", "json")
    assert (done.json()["tables"][0]["count"], done.json()["tables"][0]["deleted"]) == (1100, 1100)
    there, wanted = road.objects()
    assert there == wanted


def test_s38_waybills_of_another_day_are_found_by_their_reference(road):
    road.sync("--backup-only")
    scope = road.scope("orders")
    today = scope["extracted"]["key"].split("/dt=")[1].split("/")[0]
    for key in road.keys():
        if f"/dt={today}/" in key or key == "watermark/tables/p/orders.json":
            body = road.read(key)
            body = body.replace(f"dt={today}".encode(), b"dt=1999-12-31") if key.endswith(".json") else body
            road.client.delete_object(Bucket=road.name, Key=key)
            road.client.put_object(Bucket=road.name, Key=key.replace(f"dt={today}", "dt=1999-12-31"), Body=body)
    road.in_source("UPDATE orders SET total = 0 WHERE id < 10")
    assert road.sync("--json-output", "-").moved()["orders"] == (9, 1009)
    road.assert_equal()


def test_s39_a_replace_shows_one_snapshot_and_never_an_empty_table(roads):
    road = roads({"orders": {"increment": "full_sync", "mode": "replace"}}, lag="0s", file_bytes="16KiB", chunk={"rows": 100})
    road.in_source(SMALL)
    road.sync("--backup-only")
    road.in_source("DELETE FROM orders WHERE id > 600")
    road.sync("--backup-only")  # a second snapshot waits behind the first
    running = road.start_sync("--redshift-only")
    seen = set()
    while running.next_line():
        if "orders" in tables(road):
            seen |= set(road.in_target("SELECT count(*) FROM orders"))
    road.finish(running)
    assert seen <= {(0,), (1000,), (600,)} and (600,) in seen, seen
    road.sync()
    road.assert_equal()
    seen.clear()
    running = road.start_sync()
    while running.next_line():
        seen |= set(road.in_target("SELECT count(*) FROM orders"))
    road.finish(running)
    assert seen == {(600,)}, "readers see the old rows until the new ones are all there"


def test_s40_what_was_staged_once_is_never_written_again(road):
    road.sync()
    before = {key: road.client.head_object(Bucket=road.name, Key=key)["ETag"] for key in road.keys("p/")}
    road.run("watermark", "reset", "-t", "orders", "--reason", "again")
    assert road.sync("--json-output", "-").moved()["orders"] == (1000, 1000)
    after = {key: road.client.head_object(Bucket=road.name, Key=key)["ETag"] for key in road.keys("p/")}
    assert before.items() <= after.items() and len(after) == 2 * len(before)
    road.assert_equal()


def test_s42_a_file_that_is_gone_is_no_green_run(roads):
    road = roads({"orders": {}}, lag="0s", file_bytes="4KiB", max_memory="64MiB")
    road.in_source(SMALL)
    road.sync("--backup-only")
    files = road.chain("orders")[-1]["files"]
    road.client.delete_object(Bucket=road.name, Key=files[-1]["key"])
    done = road.sync("--log-level", "error", status=6)
    assert files[-1]["key"] in done.err and "--from-target" in done.err
    assert "orders" not in tables(road) or road.in_target("SELECT count(*) FROM orders") == [(0,)], "all of a waybill, or nothing"


def test_s44_many_small_batches_are_one_file(roads):
    """A file is as large as asked for, however the rows come."""
    road = roads({"lineitem": {}}, lag="0s")
    lineitem.create(road.mariadb, road.name, rows=51 * 150)
    road.sync()
    assert [len(waybill["files"]) for waybill in road.chain("lineitem")] == [1]


def test_s45_a_limit_bounds_what_is_loaded_too(road):
    assert road.sync("--limit", "150", "--json-output", "-").moved()["orders"] == (150, 150)
    assert road.in_target("SELECT count(*), max(id) FROM orders") == [(150, 150)]
    done = road.sync("--redshift-only", "--limit", "10", status=2)
    assert "--limit" in done.err


def test_s67_a_column_that_was_added_meanwhile_is_seen_and_filled(road):
    road.sync()
    road.in_source("ALTER TABLE orders ADD COLUMN colour VARCHAR(10) AFTER id, MODIFY note VARCHAR(32) AFTER total; UPDATE orders SET colour = 'red' WHERE id % 2")
    road.sync()
    road.assert_equal()
    assert road.in_target("SELECT count(*) FROM orders WHERE colour = 'red'") == [(500,)]


def test_s74_what_was_staged_before_a_column_came_is_loaded_as_it_was(road):
    road.sync("--backup-only")
    road.in_source("ALTER TABLE orders ADD COLUMN colour VARCHAR(10) FIRST; UPDATE orders SET colour = 'blue' WHERE id <= 3")
    assert road.sync("--json-output", "-").moved()["orders"] == (3, 1003)
    assert road.in_target("SELECT count(*), count(colour) FROM orders") == [(1000, 3)]
    road.assert_equal()


def test_s68_notices_and_warnings_of_the_servers_are_no_failure(road):
    road.postgres.run(f"ALTER DATABASE \"{road.name}\" SET client_min_messages = debug1")
    assert "DEBUG:" not in road.sync().err, "what a server says of rows is not shown"
    road.in_source("UPDATE orders SET total = 1 / NULLIF(id % 2, 0)")
    road.sync()
    road.assert_equal()


def test_s69_what_waits_for_its_load_is_not_cleaned_away_after_a_failure(road):
    road.sync("--backup-only")
    road.in_target("REVOKE CREATE ON SCHEMA public FROM loader")
    assert road.sync(status=None).status not in (0, 6)
    road.run("s3clean", "orphans", "-t", "orders", "--older-than", "0s", "--force")
    road.in_target("GRANT CREATE ON SCHEMA public TO loader")
    assert road.sync("--json-output", "-").moved()["orders"] == (0, 1000), "staged before the run that failed"
    road.assert_equal()


def test_s70_success_is_told_by_status_and_document_not_by_the_log(road):
    done = road.sync("-q", "--log-level", "none", "--json-output", "-")
    assert done.err == "" and done.json()["waybill"]["tables"]["orders"]["rows_loaded"] == 1000
    road.in_source("INSERT INTO orders (note) VALUES ('last')")
    road.postgres.stop()
    try:
        failed = road.sync("-q", "--log-level", "none", "--json-output", "run.json", status=None)
    finally:
        road.postgres.start()
    assert failed.status == 5
    document = json.loads((road.folder / "run.json").read_text())
    assert document["status"] == "failed"


def test_s30_a_load_behind_a_dead_network_ends(roads):
    """A deadline of the client's own: the server will never say anything again."""
    road = roads({"orders": {}}, lag="0s", lease="6s")
    road.in_source(SMALL)
    proxy = road.through("dw")
    road.connections["dw"]["statement_timeout"] = "3s"
    road.write_config()
    running = road.start_sync()
    assert running.until_arrow("load")

    proxy.fault = Stall(after=0)
    asked = time.monotonic()
    assert road.finish(running, status=None, timeout=60).status in (5, 7)
    assert time.monotonic() - asked < 40
    proxy.fault = None
    proxy.cut_all()
    road.sync()
    road.assert_equal()
