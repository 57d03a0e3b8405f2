"""Every verb as its user meets it: exit statuses, what stands on standard output, and what is left in the world."""
import hashlib
import json
import os
import pathlib
import pty
import re
import sqlite3
import subprocess
import time

import pytest

from waybill import PROGRAM

SHOP = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT, updated_at DATETIME NOT NULL);
CREATE INDEX orders_updated_at ON orders (updated_at);
INSERT INTO orders WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
  SELECT i, 'order ' || i, datetime('2025-09-12 00:00:00', i || ' minutes') FROM n;
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
INSERT INTO log WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30) SELECT i, 'line ' || i FROM n;
"""
TABLES = {"orders": {}, "log": {"increment": "id_only", "mode": "append"}}
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"


@pytest.fixture
def shop(route):
    made = route(dict(TABLES), lag="0s")
    made.in_source(SHOP)
    return made


def change(shop):
    """Seven rows; a moment later, when the second is over, a run may take them."""
    shop.in_source("UPDATE orders SET note = note || '!', updated_at = datetime('now') WHERE id <= 7")
    time.sleep(1.05)


def world(folder):
    """Every file with its content, every folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in folder.rglob("*")
    }


def rows(database, sql):
    connection = sqlite3.connect(database)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def keys(value):
    """The shape of a document: its keys in their order, all the way down."""
    return [(key, keys(value[key])) for key in value] if isinstance(value, dict) else None


# --- sync -------------------------------------------------------------------------------------------------------------

# Word for word from the documentation that orchestrators were written against.
SEED_METADATA = json.loads("""{
  "execution_id": "sync_20250912_143022_a3f8e1b2",
  "start_time": "2025-09-12T14:30:22.135401+00:00",
  "pipeline": "us_dw_hybrid_v1_2",
  "tables_requested": ["orders"],
  "total_tables": 1,
  "table_results": {
    "orders": {
      "status": "success",
      "rows_processed": 15000,
      "files_created": 3,
      "duration_seconds": 45.2,
      "completed_at": "2025-09-12T14:31:07.466043+00:00"
    }
  },
  "status": "success",
  "end_time": "2025-09-12T14:31:07.567890+00:00",
  "duration_seconds": 45.43,
  "summary": {
    "success_count": 1,
    "failure_count": 0,
    "total_rows_processed": 15000,
    "total_files_created": 3
  }
}""")
SEED_METRICS = {
    "table_name": "", "pipeline": "",
    "mysql_metrics": {"rows_extracted": 0, "batches_processed": 0, "extraction_duration_seconds": 0, "avg_rows_per_second": 0},
    "s3_metrics": {"files_created": 0, "total_size_bytes": 0, "total_size_mb": 0, "compression_ratio": 0},
    "redshift_metrics": {"rows_loaded": 0, "files_loaded": 0, "load_duration_seconds": 0, "copy_statements_executed": 0,
                         "avg_load_rate_rows_per_second": 0},
}


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
    shop.compare()
    change(shop)
    assert shop.run("sync").out.splitlines()[1].split()[:4] == ["orders", "7", "7", "1"], "sync alone is sync pipeline"
    shop.compare()
    assert shop.run("sync", "-q").out == ""


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
    before = world(shop.folder)
    done = shop.run("sync", "pipeline", *flags, status=2)
    assert done.err.startswith("waybill: error: ") and "what to do: " in done.err
    assert world(shop.folder) == before


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
    assert rows(shop.dw, "SELECT count(*) FROM orders") == [(100,)]


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


# --- markers ----------------------------------------------------------------------------------------------------------


def markers_of(shop, table):
    return sorted(path for path in (shop.lake / f"completion_markers/p/{table}").glob("*/*"))


def test_markers_have_the_documented_names_and_text(shop):
    shop.sync("--s3-completion-bucket", "lake")
    for table, count in (("orders", 100), ("log", 30)):
        found = markers_of(shop, table)
        assert [path.name for path in found] == ["completion_marker.txt", "execution_metadata.json", "table_metrics.json"]
        assert re.fullmatch(r"\d{8}_\d{6}", found[0].parent.name)
        assert re.fullmatch(
            rf"SYNC_COMPLETED\nPipeline: p\nTable: {table}\nStatus: SUCCESS\n"
            rf"Timestamp: \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ\nDuration: \d+\.\d\ds\nRows: {count}\n", found[0].read_text())
        metadata = json.loads(found[1].read_text())
        assert metadata["tables_requested"] == ["orders", "log"], "it speaks of the whole run"
        metrics = json.loads(found[2].read_text())
        assert keys(metrics) == keys(SEED_METRICS)
        assert metrics["mysql_metrics"]["rows_extracted"] == metrics["redshift_metrics"]["rows_loaded"] == count
        assert metrics["s3_metrics"]["total_size_bytes"] == sum(file["bytes"] for w in shop.chain(table) for file in w["files"])


def test_nothing_new_is_announced_too(shop):
    shop.sync()
    shop.sync("-t", "orders", "--s3-completion-bucket", "lake")
    assert markers_of(shop, "orders")[0].read_text().endswith("Rows: 0\n")


def test_a_table_that_failed_has_a_failure_marker_and_no_other(shop):
    shop.sync("-t", "orders", "-t", "nix", "--s3-completion-bucket", "lake", status=3)
    assert [path.name for path in markers_of(shop, "nix")] == ["execution_metadata.json", "failure_marker.txt"]
    assert [path.name for path in markers_of(shop, "orders")][0] == "completion_marker.txt"
    assert markers_of(shop, "nix")[1].read_text().startswith("SYNC_FAILED\nPipeline: p\nTable: nix\nStatus: FAILED\n")


def test_a_debug_switch_tells_of_each_marker(shop, monkeypatch):
    assert "marker.written" not in shop.sync("-t", "orders", "--s3-completion-bucket", "lake").err
    monkeypatch.setenv("DEBUG_COMPLETION_MARKERS", "1")
    events = shop.sync("-t", "orders", "--s3-completion-bucket", "lake", "--log-format", "json").events("marker.written")
    assert [event["key"].rsplit("/", 1)[1] for event in events] == ["execution_metadata.json", "table_metrics.json", "completion_marker.txt"]


# --- looking ----------------------------------------------------------------------------------------------------------

LOOKS = [
    ["sync", "pipeline", "--dry-run", "--s3-completion-bucket", "lake", "--json-output", "dry.json"],
    ["sync", "--dry-run", "--backup-only"], ["sync", "--dry-run", "--redshift-only"], ["sync", "--dry-run", "--full-refresh", "-t", "orders"],
    ["plan"], ["plan", "-v", "--output", "json"], ["status"], ["watermark", "list"], ["watermark", "get", "-t", "orders"],
    ["watermark", "history", "-t", "orders"], ["lease", "list"], ["s3clean", "orphans", "--dry-run", "--older-than", "0s"],
    ["s3clean", "list"], ["s3clean", "clean", "-t", "orders", "--dry-run"], ["marker", "list", "-b", "lake"], ["marker", "clean", "-b", "lake", "--older-than", "0s", "--dry-run"],
]


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_invariant_e_looking_changes_no_byte_anywhere(shop, journal):
    shop.in_source(f"PRAGMA journal_mode = {journal}")
    before = world(shop.folder)
    for look in LOOKS:
        shop.run(*look, status=None)
        assert world(shop.folder) == before, f"{look}, before the first run"
    shop.sync("--backup-only")
    shop.sync("--limit", "3")
    change(shop)
    litter = shop.lake / "p/orders/dt=2025-01-01/wb=0190b0a0-0000-7000-8000-000000000001/file-00000.parquet"
    litter.parent.mkdir(parents=True)
    litter.write_bytes(b"litter")
    before = world(shop.folder)
    for look in LOOKS:
        shop.run(*look)
        assert world(shop.folder) == before, look


def test_a_plan_says_what_a_run_would_do(shop):
    plan = shop.run("plan", "--output", "json").json()
    orders, log = plan["tables"]
    assert plan["pipeline"] == "p"
    assert list(orders) == ["table", "target", "increment", "mode", "cursor", "key", "lo", "hi", "rows", "row_bytes", "null_cursors",
                            "odd_cursors", "waiting", "ddl"]
    assert (orders["increment"], orders["mode"], orders["key"], orders["rows"], orders["lo"]) == ("hybrid", "merge", ["id"], 100, None)
    assert orders["cursor"] == {"column": "updated_at", "form": "text 'YYYY-MM-DD HH:MM:SS'", "found": True, "indexed": True}
    assert orders["ddl"][0].startswith("CREATE TABLE")
    assert (log["increment"], log["mode"], log["cursor"], log["hi"], log["rows"]) == ("id_only", "append", None, {"after": ["30"]}, 30)
    shop.sync("--backup-only")
    assert [table["waiting"] for table in shop.run("plan", "--output", "json").json()["tables"]] == [1, 1]
    text = shop.run("sync", "-t", "orders", "--dry-run").out
    assert "orders -> dw orders" in text and "1 waybill staged and not loaded" in text


def test_a_plan_tells_where_each_value_comes_from(shop):
    shop.tables["orders"] = {"lag": "1m"}
    shop.write_config()
    plan = shop.run("plan", "-v", "-t", "orders", "--max-memory", "128MiB", "--output", "json").json()
    options = plan["tables"][0]["options"]
    assert options["lag"]["value"] == "1m" and options["lag"]["origin"].startswith("waybill.yml:")
    assert options["null_cursor"] == {"value": "fail", "origin": "default"}
    assert plan["options"]["max_memory"] == {"value": "128MiB", "origin": "--max-memory"}
    assert "waybill.yml:" in shop.run("plan", "-v").out


def test_a_plan_meets_what_would_stop_the_run(shop):
    plan = shop.run("plan", "-t", "orders", "-t", "nix", "--output", "json", status=3)
    assert plan.json()["tables"][1]["error"]["kind"] == "not-found"
    assert "nix: there is no table" in plan.err


def test_status_says_where_each_table_stands_and_what_to_do(shop):
    looked = {table["table"]: table for table in shop.run("status", "--output", "json").json()["tables"]}
    assert looked["orders"] == {"pipeline": "p", "table": "orders", "mark": None, "lag_seconds": None, "waiting": 0, "lease": None,
                                "last_result": "never", "next": "waybill sync pipeline -p p -t orders"}
    shop.sync("--backup-only")
    orders = shop.run("status", "-t", "orders", "--output", "json").json()["tables"][0]
    assert (orders["waiting"], orders["last_result"], orders["next"]) == (1, "success", "waybill sync pipeline -p p -t orders --redshift-only")
    assert 0 <= orders["lag_seconds"] < 600
    shop.run(*orders["next"].split()[1:])
    take_lease(shop)
    out = shop.run("status").out.splitlines()
    assert out[0].split("  ")[0] == "pipeline" and "elsewhere pid 1" in out[1] and "waybill lease list -p p" in out[1]


def test_a_lease_whose_owner_died_is_not_called_running(shop):
    shop.sync("-t", "orders")
    gone = subprocess.Popen(["true"])
    gone.wait()
    host = {"boot_id": pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip(), "pid_ns": os.readlink("/proc/self/ns/pid")}
    take_lease(shop, pid=gone.pid, **host)
    orders = shop.run("status", "-t", "orders", "--output", "json").json()["tables"][0]
    assert (orders["last_result"], orders["next"]) == ("failed", "waybill sync pipeline -p p -t orders")
    assert shop.run("lease", "list", "--output", "json").json()["leases"][0]["owner_is_gone"]


def test_advice_can_be_pasted_into_a_shell(shop):
    name = "it's an `order`"
    shop.in_source(f"CREATE TABLE \"{name}\" (id INTEGER PRIMARY KEY); INSERT INTO \"{name}\" VALUES (1)")
    shop.tables[name] = {"increment": "full_sync"}
    shop.write_config()
    shop.sync("--backup-only")
    following = next(table["next"] for table in shop.run("status", "--output", "json").json()["tables"] if table["table"] == name)
    done = subprocess.run(following.replace("waybill", str(PROGRAM), 1), shell=True, cwd=shop.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert rows(shop.dw, f"SELECT * FROM \"{name}\"") == [(1,)]


def test_a_plan_of_a_whole_table_begins_at_its_beginning(shop):
    shop.tables["orders"] = {"increment": "full_sync"}
    shop.write_config()
    shop.sync("-t", "orders")
    plan = shop.run("plan", "-t", "orders", "--output", "json").json()["tables"][0]
    assert (plan["lo"], plan["rows"]) == (None, 100)


def test_status_shows_tables_that_are_not_listed_and_all_pipelines(shop):
    shop.in_source("CREATE TABLE more (id INTEGER PRIMARY KEY)")
    shop.tables.clear()
    shop.tables["o*"] = {}
    shop.write_config()
    assert shop.run("status", "--output", "json").json() == {"tables": []}
    shop.sync()
    config = json.loads((shop.folder / "waybill.yml").read_text())
    config["pipelines"]["q"] = {**config["pipelines"]["p"], "tables": {"log": {}}}
    (shop.folder / "waybill.yml").write_text(json.dumps(config))
    looked = shop.run("status", "--output", "json").json()["tables"]
    assert [(table["pipeline"], table["table"]) for table in looked] == [("p", "orders"), ("q", "log")]
    assert [table["table"] for table in shop.run("status", "-p", "q", "--output", "json").json()["tables"]] == ["log"]


def test_check_tells_of_every_connection_and_leaves_nothing_behind(shop):
    shop.lake.mkdir()
    before = world(shop.folder)
    found = shop.run("check", "--output", "json").json()["connections"]
    assert [(one["connection"], one["as"], one["ok"]) for one in found] == [("shop", "source", True), ("lake", "store", True), ("dw", "target", True)]
    assert all(list(one) == ["connection", "type", "as", "address", "version", "tls", "latency_ms", "rights", "ok", "note"] for one in found)
    assert found[0]["version"].startswith("SQLite 3.") and "open transactions" in found[0]["rights"]
    assert not shop.dw.exists(), "a target that is to be made is not made"
    left = {name for name in world(shop.folder) if name not in before and not name.startswith("lake/.waybill")}
    assert not {name for name in left if world(shop.folder)[name] != "folder"}
    assert shop.run("check", "dw").out.splitlines()[1].split()[:3] == ["dw", "sqlite", "target"]


def test_check_says_why_not(shop):
    shop.shop.write_text("no database")
    done = shop.run("check", status=3)
    assert "file is not a database" in done.out and "what to do" in done.err
    assert shop.run("check", "shop", status=6).err.startswith("waybill: error: source 'shop'")
    assert "did you mean 'dw'" in shop.run("check", "dv", status=2).err


# --- watermark --------------------------------------------------------------------------------------------------------


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
    assert rows(shop.dw, "SELECT count(*), count(DISTINCT id) FROM log") == [(40, 30)]


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
    before = world(shop.lake)
    done = shop.run("watermark", "set", "-t", "log", *flags, status=2)
    assert "what to do" in done.err
    assert world(shop.lake) == before


# --- lease ------------------------------------------------------------------------------------------------------------

OWNER = {"run_id": "0190b0a0-0000-7000-8000-000000000000", "host": "elsewhere", "boot_id": "none", "pid_ns": "none", "pid": 1,
         "pid_start": 1, "beat": 5, "beat_at": "2025-09-12T14:30:22.135Z"}


def take_lease(shop, ttl_ms=60000, **owner):
    """A run on another host that may be gone or not: nobody here can know."""
    path = shop.lake / "watermark/tables/p/orders.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "lease": {**OWNER, **owner, "ttl_ms": ttl_ms}}, indent=2) + "\n")


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


# --- s3clean ----------------------------------------------------------------------------------------------------------


def litter(shop, days, name="wb=0190b0a0-0000-7000-8000-000000000001"):
    """An object that no chain reaches, as old as that."""
    path = shop.lake / f"p/orders/dt=2025-01-01/{name}/file-00000.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"litter")
    os.utime(path, (time.time() - days * 86400,) * 2)
    return path


def test_orphans_are_shown_and_deleted_only_when_told_to(shop):
    shop.sync()
    old, young = litter(shop, 3), litter(shop, 0, "wb=0190b0a0-0000-7000-8000-000000000002")
    before = world(shop.lake)
    found = shop.run("s3clean", "orphans", "--dry-run", "--output", "json").json()
    assert found["dry_run"] and found["tables"][0] == {
        "pipeline": "p", "table": "orders", "count": 1, "bytes": 6, "samples": [str(old.relative_to(shop.lake))], "deleted": 0, "failed": 0}
    assert "1 orphan, 6 B" in shop.run("s3clean", "orphans", "--dry-run").out
    assert "--force" in shop.run("s3clean", "orphans", status=2).err, "nobody is there to be asked"
    assert world(shop.lake) == before
    done = shop.run("s3clean", "orphans", "--force", "-t", "orders")
    assert "orders: 1 object deleted" in done.out
    assert not old.exists() and young.exists()
    shop.run("s3clean", "orphans", "--force", "--older-than", "0s")
    assert not young.exists()
    shop.assert_tidy()


@pytest.mark.parametrize("answer, is_there", [("y\n", False), ("n\n", True), ("\n", True), ("\x04", True)])
def test_on_a_terminal_somebody_is_asked(shop, answer, is_there):
    shop.sync("-t", "orders")
    old = litter(shop, 3)
    status, said = on_terminal(shop, ["s3clean", "orphans"], "[y/N] ", answer)
    assert status == 0 and "delete 1 orphan (6 B) for good? [y/N] " in said
    assert old.exists() == is_there


def on_terminal(shop, words, question, answer):
    """Runs the program where a person sits; the answer is typed when the question stands there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(shop.folder)
        os.execv(PROGRAM, [PROGRAM, *words])
    said = b""
    try:
        while chunk := os.read(terminal, 4096):
            is_asked = question.encode() not in said and question.encode() in said + chunk
            said += chunk
            if is_asked:
                os.write(terminal, answer.encode())
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()


def test_a_terminal_shows_a_live_line_and_no_log(shop, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    status, said = on_terminal(shop, ["sync", "-t", "orders"], "never", "")
    assert status == 0 and "\r\x1b[J" in said and "arrow" not in said
    assert "orders          success   100 rows" in said


def test_orphans_without_a_scope_document_are_not_called_so(shop):
    shop.sync("-t", "orders")
    old = litter(shop, 3)
    (shop.lake / "watermark/tables/p/orders.json").unlink()
    assert "watermark restore --from-target" in shop.run("s3clean", "orphans", "-t", "orders", "--force", status=6).err
    assert old.exists()


# --- help -------------------------------------------------------------------------------------------------------------


def test_every_verb_has_a_help_with_examples(shop):
    overview = shop.run("--help").out
    assert "watermark restore" in shop.run("watermark", "--help").out
    assert shop.run("help", "lease").out == shop.run("lease", "-h").out
    verbs = re.findall(r"^  ([a-z0-9]+(?: [a-z0-9]+)*) {2,}[A-Z]", overview, re.MULTILINE)
    assert {"sync pipeline", "plan", "check", "status", "watermark get", "lease break", "s3clean orphans"} <= set(verbs)
    for verb in verbs:
        text = shop.run(*verb.split(), "--help").out
        assert text == shop.run("help", *verb.split()).out
        assert f"usage: waybill {verb}" in text
        assert "\nexamples\n  waybill " in text or verb == "version", verb


# --- how long, how fast, and what is told to who watches --------------------------------------------------------------


def test_a_run_that_reaches_its_deadline_ends_and_loses_nothing(shop):
    shop.in_source("INSERT INTO log WITH RECURSIVE n(i) AS (SELECT 31 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, 'line' FROM n")
    began = time.monotonic()
    done = shop.sync("--deadline", "1s", "--max-rows-per-second", "5000", "--json-output", "-", status=5)
    assert 0.9 < time.monotonic() - began < 4
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
    began = time.monotonic()
    shop.sync("-t", "log", "--max-rows-per-second", "1000000")
    assert time.monotonic() - began < 1.5
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


def test_every_error_that_has_a_word_is_in_the_manual_and_no_other():
    root = pathlib.Path(__file__).resolve().parents[2]
    sources = "".join(path.read_text() for path in sorted((root / "src").rglob("*.[ch]")))
    ids = set(re.findall(r'(?:fail_id\([^,]+, |ERROR_ID\()"([^"]+)"', sources))
    kinds = set(re.findall(r'X\(RC_\w+, "([^"]+)"', sources)) - {"ok"}
    assert len(ids) > 15 and len(kinds) > 10
    rows = [line.split("|")[1] for line in (root / "docs/errors.md").read_text().splitlines() if line.startswith("| `")]
    told = [word for cell in rows for word in re.findall(r"`([^`]+)`", cell)]
    assert len(told) == len(set(told))
    assert set(told) == ids | kinds


def test_an_error_is_told_with_its_word(shop):
    done = shop.sync("-t", "nothing", "--json-output", "-", status=4)
    assert "\n  more: 'not-found' in docs/errors.md\n" in done.err
    assert json.loads(done.out)["waybill"]["tables"]["nothing"]["error"]["id"] == "not-found"
