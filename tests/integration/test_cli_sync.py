"""sync as its user meets it: exit statuses, what stands on standard output, documents, metrics, time and pace."""
import json
import re
import time

import pytest

import small_shop
from documented import SEED_METADATA, keys
from small_shop import OWNER, change, on_terminal, take_lease
from waybill import ROOT, contents

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"


@pytest.fixture
def shop(route):
    return small_shop.make(route)


def test_the_json_output_is_the_documented_one_field_for_field(shop):
    shop.sync("-t", "orders", "--json-output", "out.json")
    text = (shop.folder / "out.json").read_text()
    document = json.loads(text)
    assert text == json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    assert list(document)[-1] == "waybill", "what is new stands behind what was documented"
    del document["waybill"]
    assert keys(document) == keys(SEED_METADATA)
    assert re.fullmatch(r"sync_\d{8}_\d{6}_[0-9a-f]{8}", document["execution_id"])
    for instant in (document["start_time"], document["end_time"], document["table_results"]["orders"]["completed_at"]):
        assert re.fullmatch(STAMP, instant)
    assert document["table_results"]["orders"]["rows_processed"] == 100
    assert document["summary"] == {"success_count": 1, "failure_count": 0, "total_rows_processed": 100, "total_files_created": 1}
    assert (document["status"], document["pipeline"], document["tables_requested"]) == ("success", "p", ["orders"])


def test_standard_output_holds_the_document_and_nothing_else(shop):
    for flags in (["--json-output", "-"], ["--output", "json"]):
        document = shop.sync(*flags).json()
        assert list(document["table_results"]) == ["orders", "log"]


def test_a_run_says_what_it_moved_table_by_table(shop):
    out = shop.sync().out.splitlines()
    assert out[0].split() == ["table", "extracted", "loaded", "waybills", "files", "MB", "seconds", "status"]
    assert out[1].split()[:5] == ["orders", "100", "100", "1", "1"] and out[1].split()[-1] == "success"
    assert out[2].split()[:5] == ["log", "30", "30", "1", "1"]
    assert re.fullmatch(r"2 tables, all through: 130 rows extracted, 130 loaded, [\d.]+ k?B in \d+s", out[3])
    assert "2 tables, 1 not through: 0 rows extracted, " in shop.sync("-t", "orders", "-t", "nix", status=3).out
    shop.compare()
    change(shop)
    assert shop.run("sync").out.splitlines()[1].split()[:4] == ["orders", "7", "7", "1"], "sync alone is sync pipeline"
    shop.compare()
    assert shop.run("sync", "-q").out == ""


def test_a_table_that_a_full_refresh_has_made_takes_the_merges_that_follow(shop):
    shop.sync("-t", "orders", "--full-refresh")
    shop.sync("-t", "log")
    change(shop)
    shop.sync()
    shop.compare()


@pytest.mark.parametrize("flags", [["--json-output", "out.json"], ["--json-output", "out.json", "--s3-completion-bucket", "lake"]])
def test_a_run_that_cannot_begin_writes_its_document_too(shop, flags):
    shop.shop.rename(shop.folder / "away.db")
    done = shop.sync("-t", "orders", *flags, status=4)
    assert "source 'shop'" in done.err and "what to do" in done.err
    document = json.loads((shop.folder / "out.json").read_text())
    assert (document["status"], document["table_results"]["orders"]["status"]) == ("failed", "failed")
    assert document["summary"]["failure_count"] == 1
    assert document["waybill"]["exit_status"] == 4 and "shop.db" in document["waybill"]["error"]["text"]
    assert list(shop.folder.glob("*.tmp")) == []
    assert len(list(shop.lake.rglob("failure_marker.txt"))) == ("lake" in flags)


def test_even_a_pipeline_that_is_not_known_has_its_document(shop):
    document = shop.run("sync", "-p", "nix", "-t", "orders", "--json-output", "-", status=2).json()
    assert (document["status"], document["pipeline"], document["tables_requested"]) == ("failed", "nix", ["orders"])


def test_some_tables_failed_is_exit_3_and_each_failure_is_told(shop):
    done = shop.sync("-t", "orders", "-t", "nix", "--json-output", "out.json", status=3)
    assert "nix: there is no table 'nix'" in done.err and "what to do" in done.err
    document = json.loads((shop.folder / "out.json").read_text())
    assert document["status"] == "partial"
    assert {name: result["status"] for name, result in document["table_results"].items()} == {"orders": "success", "nix": "failed"}
    assert shop.sync("-t", "nix", "-t", "nux", status=4).err.count("what to do") == 2


def test_a_failure_that_tables_share_is_told_once(shop):
    shop.dw.write_text("no database")
    done = shop.sync(status=6)
    assert done.err.count("waybill: error:") == 1 and "orders and 1 more tables" in done.err


@pytest.mark.parametrize("flags", [["--limit", "0"], ["--nix"], ["--backup-only", "--redshift-only"], ["-t"], ["--redshift-only", "--limit", "3"],
                                   ["--s3-completion-bucket", "acme"], ["-p", "q"], ["more"]])
def test_a_mistake_in_the_command_is_exit_2_and_changes_nothing(shop, flags):
    before = contents(shop.folder)
    done = shop.run("sync", "pipeline", *flags, status=2)
    assert done.err.startswith("waybill: error: ") and "what to do: " in done.err
    assert contents(shop.folder) == before


def test_an_unknown_marker_store_is_answered_with_those_there_are(shop):
    assert "'lake'" in shop.sync("--s3-completion-bucket", "acme-bucket", status=2).err


def test_backup_only_and_redshift_only_are_the_two_halves(shop):
    shop.sync("--backup-only", "--limit", "40", "-t", "orders")
    assert not shop.dw.exists()
    shop.sync("--backup-only", "-t", "orders")
    away = shop.shop.rename(shop.folder / "away.db")
    done = shop.sync("--redshift-only", "-t", "orders")
    assert done.out.splitlines()[1].split()[:5] == ["orders", "0", "100", "2", "2"]
    away.rename(shop.shop)
    assert shop.in_target("SELECT count(*) FROM orders") == [(100,)]


def test_rows_without_a_cursor_are_told_of(route):
    shop = route({"t": {"cursor": "at", "null_cursor": "exclude"}})
    shop.in_source("CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME);"
                   "INSERT INTO t VALUES (1, NULL), (2, '2025-01-01 00:00:00'), (3, NULL)")
    done = shop.sync("--json-output", "out.json")
    assert "warning: t: 2 rows without a cursor" in done.out
    assert json.loads((shop.folder / "out.json").read_text())["waybill"]["tables"]["t"]["rows_without_cursor"] == 2


def test_a_lease_that_is_waited_for_is_told_of(shop):
    shop.sync()
    take_lease(shop, ttl_ms=2000)
    began = time.monotonic()
    events = shop.sync("-t", "orders", "--log-format", "json").events("lease.waiting")
    assert time.monotonic() - began >= 2
    assert events[0]["owner"] == OWNER["run_id"] and events[0]["host"] == "elsewhere" and events[0]["at_most_seconds"] == 2


def test_a_terminal_shows_a_live_line_and_no_log(shop, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    status, said = on_terminal(shop, ["sync", "-t", "orders"], "never", "")
    assert status == 0 and "\r\x1b[J" in said and "arrow" not in said
    assert re.search(r"\norders  through +\d+s  100 rows |Jorders  through +\d+s  100 rows ", said)


# --- how long, how fast, and what is told to who watches ---------------------------------------------------------------


def test_a_run_that_reaches_its_deadline_ends_and_loses_nothing(shop):
    shop.in_source("INSERT INTO log WITH RECURSIVE n(i) AS (SELECT 31 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, 'line' FROM n")
    began = time.monotonic()
    done = shop.sync("--deadline", "1s", "--max-rows-per-second", "1000", "--json-output", "-", status=5)
    assert 0.9 < time.monotonic() - began < 15, "all of it takes 20 s"
    assert "its time (--deadline) is over" in done.err and "run the same command again" in done.err
    document = json.loads(done.out)
    assert document["status"] == "failed" and document["waybill"]["exit_status"] == 5
    assert document["waybill"]["tables"]["log"]["error"]["kind"] == "deadline"
    shop.sync("--deadline", "60s")
    shop.compare()


def test_a_run_reads_no_faster_than_it_may(shop):
    shop.pipeline["max_rows_per_second"] = 60
    shop.write_config()
    began = time.monotonic()
    shop.sync("-t", "orders")
    assert time.monotonic() - began > 100 / 60
    shop.pipeline["max_rows_per_second"] = 2
    shop.write_config()
    began = time.monotonic()
    shop.sync("-t", "log", "--max-rows-per-second", "1000000")
    assert time.monotonic() - began < 30 / 2 - 1
    shop.compare()


def metrics(shop):
    """{series: value}; each metric is introduced once, before its samples."""
    lines = (shop.folder / "waybill.prom").read_text().splitlines()
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    samples = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert {series.partition("{")[0] for series in samples} <= set(names)
    return {series: float(value) for series, value in samples.items()}


def test_metrics_are_written_for_prometheus_also_when_a_run_fails(shop):
    orders = 'waybill_table_{}{{pipeline="p",table="orders"}}'.format
    shop.sync("--metrics-file", "waybill.prom")
    well = metrics(shop)
    assert well['waybill_run_exit_status{pipeline="p"}'] == 0
    assert (well[orders("rows_extracted")], well[orders("rows_loaded")], well[orders("waybills_waiting")]) == (100, 100, 0)
    assert abs(well[orders("fresh_timestamp_seconds")] - time.time()) < 10 and 0 <= well[orders("freshness_seconds")] < 10
    shop.sync("--backup-only", "--metrics-file", "waybill.prom")
    shop.in_source("ALTER TABLE orders RENAME TO elsewhere")
    shop.sync("--metrics-file", "waybill.prom", status=3)
    failed = metrics(shop)
    assert failed['waybill_run_exit_status{pipeline="p"}'] == 3 and failed['waybill_run_failed_tables{pipeline="p"}'] == 1
    assert failed[orders("success")] == 0 and failed['waybill_table_success{pipeline="p",table="log"}'] == 1
    for name in ("last_success_timestamp_seconds", "fresh_timestamp_seconds"):
        assert well[orders("fresh_timestamp_seconds")] <= failed[orders(name)] < time.time()
    assert failed[orders("fresh_timestamp_seconds")] == well[orders("fresh_timestamp_seconds")]
    assert failed[orders("freshness_seconds")] > well[orders("freshness_seconds")]
    done = shop.sync("--metrics-file", "nowhere/waybill.prom", status=4)
    assert "--metrics-file" in done.err


# --- errors ------------------------------------------------------------------------------------------------------------


def test_an_error_is_told_with_its_word(shop):
    done = shop.sync("-t", "nothing", "--json-output", "-", status=4)
    assert "\n  more: 'not-found' in docs/errors.md\n" in done.err
    assert json.loads(done.out)["waybill"]["tables"]["nothing"]["error"]["id"] == "not-found"


def test_every_error_that_has_a_word_is_in_the_manual_and_no_other():
    sources = "".join(path.read_text() for path in sorted((ROOT / "src").rglob("*.[ch]")))
    ids = set(re.findall(r'(?:fail_id\([^,]+, |ERROR_ID\()"([^"]+)"', sources))
    kinds = set(re.findall(r'X\(RC_\w+, "([^"]+)"', sources)) - {"ok"}
    assert len(ids) > 15 and len(kinds) > 10
    rows = [line.split("|")[1] for line in (ROOT / "docs/errors.md").read_text().splitlines() if line.startswith("| `")]
    told = [word for cell in rows for word in re.findall(r"`([^`]+)`", cell)]
    assert len(told) == len(set(told))
    assert set(told) == ids | kinds


def test_rows_that_a_key_does_not_tell_apart_are_told(route):
    people = route({"people": {"cursor": "updated_at", "key": "name"}}, lag="0s")
    people.in_source("""
        CREATE TABLE people (name TEXT NOT NULL, city TEXT, updated_at DATETIME NOT NULL);
        INSERT INTO people VALUES ('ann', 'Bonn', '2025-01-01 00:00:00'), ('ann', 'Rome', '2025-01-02 00:00:00'),
                                  ('bob', 'Rome', '2025-01-02 00:00:00');""")
    done = people.sync()
    assert "1 rows had the key of another row, and only the latest of each was kept" in done.out + done.err
    assert people.in_target("SELECT name, city FROM people ORDER BY name") == [("ann", "Rome"), ("bob", "Rome")]
