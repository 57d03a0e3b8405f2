"""Verbs that look and change nothing: plan, status, check, help, and everything with --dry-run."""
import json
import os
import pathlib
import re
import subprocess

import pytest

import small_shop
from small_shop import change, litter, take_lease
from waybill import PROGRAM, contents


@pytest.fixture
def shop(route):
    return small_shop.make(route)


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
    before = contents(shop.folder)
    for look in LOOKS:
        shop.run(*look, status=None)
        assert contents(shop.folder) == before, f"{look}, before the first run"
    shop.sync("--backup-only")
    shop.sync("--limit", "3")
    change(shop)
    litter(shop, 0)
    before = contents(shop.folder)
    for look in LOOKS:
        shop.run(*look)
        assert contents(shop.folder) == before, look


def test_a_plan_says_what_a_run_would_do(shop):
    plan = shop.run("plan", "--output", "json").json()
    orders, log = plan["tables"]
    assert plan["pipeline"] == "p"
    assert list(orders) == ["table", "target", "increment", "mode", "cursor", "key", "lo", "hi", "rows", "row_bytes", "null_cursors",
                            "odd_cursors", "waiting", "ddl"]
    assert (orders["increment"], orders["mode"], orders["key"], orders["rows"], orders["lo"]) == ("hybrid", "merge", ["id"], 100, None)
    assert orders["cursor"] == {"column": "updated_at", "type": "DATETIME 'YYYY-MM-DD HH:MM:SS'", "form": "text 'YYYY-MM-DD HH:MM:SS'",
                                "found": True, "indexed": True}
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
    assert shop.in_target(f"SELECT * FROM \"{name}\"") == [(1,)]


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
    before = contents(shop.folder)
    found = shop.run("check", "--output", "json").json()["connections"]
    assert [(one["connection"], one["as"], one["ok"]) for one in found] == [("shop", "source", True), ("lake", "store", True), ("dw", "target", True)]
    assert all(list(one) == ["connection", "type", "as", "address", "version", "tls", "latency_ms", "rights", "ok", "note"] for one in found)
    assert found[0]["version"].startswith("SQLite 3.") and "open transactions" in found[0]["rights"]
    assert not shop.dw.exists(), "a target that is to be made is not made"
    left = {name for name in contents(shop.folder) if name not in before and not name.startswith("lake/.waybill")}
    assert not {name for name in left if contents(shop.folder)[name] != "folder"}
    assert shop.run("check", "dw").out.splitlines()[1].split()[:3] == ["dw", "sqlite", "target"]


def test_check_says_why_not(shop):
    shop.shop.write_text("no database")
    done = shop.run("check", status=3)
    assert "file is not a database" in done.out and "what to do" in done.err
    assert shop.run("check", "shop", status=6).err.startswith("waybill: error: source 'shop'")
    assert "did you mean 'dw'" in shop.run("check", "dv", status=2).err


# --- what nobody has to see -------------------------------------------------------------------------------------------


def test_a_table_without_rows_leads_to_no_dead_end(shop):
    shop.in_source("CREATE TABLE notes (id INTEGER PRIMARY KEY, updated_at DATETIME NOT NULL); CREATE INDEX notes_at ON notes (updated_at)")
    assert "nothing of 'p/orders' was loaded yet" in shop.run("audit", "-t", "orders", status=4).err
    shop.tables["notes"] = {}
    shop.write_config()
    shop.sync("-t", "notes")
    audited = shop.run("audit", "-t", "notes", "--output", "json").json()["tables"]
    assert audited == [{"pipeline": "p", "table": "notes", "audit_status": "passed", "source_rows": 0}]
    assert re.search(r"^notes +0 +- +- +- +- +0 +passed$", shop.run("audit", "-t", "notes").out, re.MULTILINE)
    shop.in_source("INSERT INTO notes VALUES (1, '2024-01-01 00:00:00')")
    assert "waybill sync pipeline -p p -t notes" in shop.run("audit", "-t", "notes", status=4).err
    shop.sync("-t", "notes")
    shop.run("audit", "-t", "notes")


def ended_unread(shop, *words):
    """Whoever reads standard output is gone before anything is written there."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run([PROGRAM, *words], cwd=shop.folder, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    finally:
        os.close(writer)


def test_a_reader_that_has_seen_enough_is_no_failure_to_be_told(shop):
    for words in ["plan"], ["docs", "reference"], ["sync", "--log-level", "warn"]:
        done = ended_unread(shop, *words)
        assert (done.returncode, done.stderr) == (141, ""), words
    shop.run("audit")


def test_output_that_has_no_room_says_so(shop):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([PROGRAM, "version"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 5 and "writing to standard output: No space left on device" in done.stderr


# --- help --------------------------------------------------------------------------------------------------------------


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
