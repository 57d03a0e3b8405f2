"""watermark and lease as people use them: where each table stands, who has it, and putting either right by hand."""
import re
import time

import pytest

import small_shop
from small_shop import OWNER, change, take_lease
from waybill import contents


@pytest.fixture
def shop(route):
    return small_shop.make(route)


# --- watermark ---------------------------------------------------------------------------------------------------------


def test_get_gives_the_scope_document_as_it_is(shop):
    shop.sync()
    assert shop.run("watermark", "get", "-t", "orders", "--output", "json").out == (shop.lake / "watermark/tables/p/orders.json").read_text()
    text = shop.run("watermark", "get", "-t", "orders").out
    for field in ("mark", "last_mysql_extraction_time", "mysql_rows_extracted", "redshift_status", "processed_s3_files", "backup_strategy"):
        assert f"\n{field} " in text
    assert shop.run("watermark", "get", "-t", "nix", status=4).err.count("what to do") == 1
    shop.run("watermark", "get", status=2)


def test_list_has_every_mark(shop):
    assert shop.run("watermark", "list", "--output", "json").json() == {"watermarks": []}
    shop.sync()
    assert [one["table_name"] for one in shop.run("watermark", "list", "--output", "json").json()["watermarks"]] == ["orders", "log"]
    assert shop.run("watermark", "list").out.splitlines()[2].split()[:4] == ["log", "up", "to", "key"]


def test_s08_setting_the_id_keeps_the_time(shop):
    shop.sync("-t", "orders")
    at = "2025-09-12 01:00:00"
    shop.run("watermark", "set", "-t", "orders", "--timestamp", at)
    assert shop.scope("orders")["extracted"]["pos"] == {"at": at}
    said = shop.run("watermark", "set", "-t", "orders", "--id", "60", "--output", "json").json()
    assert said == {"scope": "p/orders", "epoch": 2, "was": {"at": at}, "is": {"at": at, "after": ["60"]}}
    done = shop.sync("--output", "json").json()["table_results"]
    assert done["orders"]["rows_processed"] == 40, "61 to 100: 60 stands at that time"
    shop.compare()


def test_s13_an_id_that_is_set_counts(shop):
    shop.sync()
    refused = shop.run("watermark", "set", "-t", "log", "--id", "20", status=2)
    assert "--allow-duplicates" in refused.err, "log is appended to"
    shop.run("watermark", "set", "-t", "log", "--id", "20", "--allow-duplicates")
    assert shop.sync("-t", "log", "--output", "json").json()["summary"]["total_rows_processed"] == 10
    assert shop.in_target("SELECT count(*), count(DISTINCT id) FROM log") == [(40, 30)]


@pytest.mark.parametrize("verb", ["set", "reset"])
def test_s83_a_mark_that_is_set_drops_what_waits(shop, verb):
    shop.sync("-t", "orders")
    change(shop)
    shop.sync("-t", "orders", "--backup-only")
    assert shop.run("status", "-t", "orders", "--output", "json").json()["tables"][0]["waiting"] == 1
    flags = ["--timestamp", "2025-09-12 01:30:00"] if verb == "set" else []
    shop.run("watermark", verb, "-t", "orders", *flags, "--reason", "again")
    assert shop.run("status", "-t", "orders", "--output", "json").json()["tables"][0]["waiting"] == 0
    assert shop.sync("-t", "orders", "--redshift-only", "--output", "json").json()["summary"]["total_rows_processed"] == 0
    expected = 18 if verb == "set" else 100  # 90 to 100, and the 7 that changed
    assert shop.sync("-t", "orders", "--output", "json").json()["summary"]["total_rows_processed"] == expected
    shop.run("sync", "-t", "log")
    shop.compare()


def test_history_knows_who_and_why_and_restore_goes_back(shop):
    shop.sync("-t", "orders")
    first = shop.scope("orders")["extracted"]["pos"]
    shop.run("watermark", "set", "-t", "orders", "--timestamp", "2025-09-12 01:00:00", "--reason", "prices were wrong")
    shop.run("watermark", "reset", "-t", "orders")
    history = shop.run("watermark", "history", "-t", "orders", "--output", "json").json()["history"]
    assert [list(one) for one in history] == [["entry", "at", "author", "change", "reason", "mark"]] * 2
    assert [one["mark"] for one in history] == [first, {"at": "2025-09-12 01:00:00"}]
    assert history[0]["reason"] == "prices were wrong" and re.fullmatch(r"[^@]+@.+", history[0]["author"])
    shop.run("watermark", "restore", "-t", "orders")
    assert shop.scope("orders")["extracted"]["pos"] == {"at": "2025-09-12 01:00:00"}, "the newest entry"
    shop.run("watermark", "restore", "-t", "orders", "--entry", history[0]["entry"])
    assert shop.scope("orders")["extracted"]["pos"] == first
    assert "prices were wrong" in shop.run("watermark", "history", "-t", "orders").out
    assert "watermark history" in shop.run("watermark", "restore", "-t", "orders", "--entry", "nix", status=4).err


def test_s81_a_lost_scope_document_is_restored_from_the_target(shop):
    shop.sync()
    (shop.lake / "watermark/tables/p/orders.json").unlink()
    assert "watermark restore --from-target -p p -t orders" in shop.sync("-t", "orders", status=6).err
    shop.run("watermark", "restore", "--from-target", "-t", "orders")
    change(shop)
    assert shop.sync("-t", "orders", "--output", "json").json()["table_results"]["orders"]["status"] == "success"
    shop.compare()


def test_s88_a_staged_file_that_is_gone_names_the_way_out(shop):
    shop.sync("-t", "orders")
    change(shop)
    shop.sync("-t", "orders", "--backup-only")
    shop.at(shop.chain("orders")[-1]["files"][0]["key"]).unlink()
    done = shop.sync("-t", "orders", status=6)
    assert shop.chain("orders")[-1]["files"][0]["key"] in done.err
    assert "waybill watermark restore --from-target -p p -t orders" in done.err
    shop.run("watermark", "restore", "--from-target", "-t", "orders")
    shop.sync()
    shop.compare()


@pytest.mark.parametrize("flags", [[], ["--timestamp", "tomorrow"], ["--id", "x"], ["--timestamp", "2025-09-12"]])
def test_a_mark_that_makes_no_sense_is_refused(shop, flags):
    shop.sync()
    before = contents(shop.lake)
    done = shop.run("watermark", "set", "-t", "log", *flags, status=2)
    assert "what to do" in done.err
    assert contents(shop.lake) == before


# --- lease -------------------------------------------------------------------------------------------------------------


def test_leases_are_listed_and_broken(shop):
    assert shop.run("lease", "list").out == "no lease is held in pipeline p\n"
    shop.sync()
    take_lease(shop)
    leases = shop.run("lease", "list", "--output", "json").json()["leases"]
    assert leases == [{"run_id": OWNER["run_id"], "host": "elsewhere", "pid": 1, "beat_at": OWNER["beat_at"], "ttl_seconds": 60,
                       "table": "orders", "owner_is_gone": False}]
    assert "elsewhere" in shop.run("lease", "list").out
    token = shop.scope("orders")["token"]
    assert "is broken" in shop.run("lease", "break", "-t", "orders").out
    assert shop.scope("orders")["lease"] is None and shop.scope("orders")["token"] == token + 1
    assert shop.run("lease", "break", "-t", "orders", "--output", "json").json() == {"scope": "p/orders", "broken": None}
    began = time.monotonic()
    shop.sync()
    assert time.monotonic() - began < 30
    shop.run("lease", "break", "-t", "nix", status=4)
