"""Completion markers as orchestrators and people use them: stamps, waiting, writing again, cleaning, and who is told."""
import contextlib
import http.server
import json
import os
import pathlib
import re
import threading
import time

import pytest

import small_shop
from documented import SEED_METRICS, keys
from server_moto import Moto
from small_shop import TABLES, change
from waybill import contents

DOCUMENTS = pathlib.Path(__file__).parent / "documents"
MARKERS = (DOCUMENTS / "s3_completion_markers.md").read_text()


@pytest.fixture
def shop(route):
    made = small_shop.make(route)
    made.environment["WAYBILL_S3_COMPLETION_BUCKET"] = "lake"
    return made


def folder(shop, table, stamp):
    return shop.lake / f"completion_markers/p/{table}/{stamp}"


def names(shop, table, stamp):
    return sorted(path.name for path in folder(shop, table, stamp).iterdir())


# --- what a run writes -------------------------------------------------------------------------------------------------


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
    told = [path.read_text() for path in markers_of(shop, "orders") if path.name == "completion_marker.txt"]
    assert told[-1].endswith("Rows: 0\n")


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


# --- stamps -----------------------------------------------------------------------------------------------------------


def test_the_orchestrator_names_the_folder(shop):
    shop.sync("--marker-stamp", "20250912T020000", "--json-output", "out.json")
    for table in TABLES:
        assert names(shop, table, "20250912T020000") == ["completion_marker.txt", "execution_metadata.json", "table_metrics.json"]
    assert json.loads((shop.folder / "out.json").read_text())["waybill"]["marker_stamp"] == "20250912T020000"
    shop.sync("-t", "orders", "--marker-stamp", "scheduled__2025-09-12T02:00:00+00:00")
    assert [one["stamp"] for one in shop.run("marker", "list", "-p", "p", "-t", "orders", "--output", "json").json()["markers"]] == [
        "scheduled__2025-09-12T02:00:00+00:00", "20250912T020000"]


def test_a_run_of_the_same_second_as_another_one_has_a_folder_of_its_own(shop):
    stamps = []
    while len(set(stamps)) == len(stamps):  # until two were begun within one second
        assert len(stamps) < 50
        done = shop.sync("-t", "orders", "--json-output", "-").json()
        stamps.append(done["execution_id"][5:20])
        assert done["waybill"]["marker_stamp"] == stamps[-1] + ("" if stamps.count(stamps[-1]) == 1 else done["execution_id"][20:])
        assert json.loads((folder(shop, "orders", done["waybill"]["marker_stamp"]) / "execution_metadata.json").read_text())["execution_id"] == done["execution_id"]
    listed = shop.run("marker", "list", "--limit", "100", "--output", "json").json()["markers"]
    assert len(listed) == len(stamps) and {one["status"] for one in listed} == {"success"}


def test_a_run_that_another_one_keeps_out_never_takes_its_folder(shop):
    at_work = shop.start_sync("-t", "orders")
    assert at_work.hold_at_arrow("extract")
    kept_out = shop.sync("-t", "orders", "--json-output", "-", status=7).json()
    assert re.fullmatch(r"\d{8}_\d{6}_[0-9a-f]{8}", kept_out["waybill"]["marker_stamp"])
    assert names(shop, "orders", kept_out["waybill"]["marker_stamp"]) == ["execution_metadata.json", "failure_marker.txt"]
    shop.finish(at_work)
    statuses = {one["stamp"]: one["status"] for one in shop.run("marker", "list", "--output", "json").json()["markers"]}
    assert sorted(statuses.values()) == ["failed", "success"]
    assert [re.fullmatch(r"\d{8}_\d{6}", stamp) is not None for stamp, status in statuses.items() if status == "success"] == [True]


def test_runs_that_fail_before_they_have_a_lease_share_no_folder(shop):
    shop.shop.rename(shop.folder / "away.db")
    stamps = [shop.sync("-t", "orders", "--json-output", "-", status=4).json()["waybill"]["marker_stamp"] for _ in range(3)]
    assert len(set(stamps)) == 3 and all(re.fullmatch(r"\d{8}_\d{6}_[0-9a-f]{8}", stamp) for stamp in stamps)
    assert [one["status"] for one in shop.run("marker", "list", "--output", "json").json()["markers"]] == ["failed"] * 3


def test_a_stamp_without_a_place_for_markers_is_refused(shop):
    del shop.environment["WAYBILL_S3_COMPLETION_BUCKET"]
    done = shop.run("sync", "-t", "orders", "--marker-stamp", "X", status=2)
    assert "none would be written" in done.err and "--s3-completion-bucket" in done.err
    shop.environment["WAYBILL_MARKER_STAMP"] = "X"  # for all commands of a DAG, say
    shop.run("sync", "-t", "orders")


@pytest.mark.parametrize("stamp", ["a/b", "..", "a b", "2025-09-12_*", "ü", "x" * 129, "a%2Fb"])
def test_a_stamp_that_is_no_folder_is_refused_before_anything_is_done(shop, stamp):
    before = contents(shop.folder)
    assert "ts_nodash" in shop.sync("--marker-stamp", stamp, status=2).err
    assert contents(shop.folder) == before


def test_each_step_is_logged_where_that_is_asked_for(shop):
    shop.environment["DEBUG_COMPLETION_MARKERS"] = "1"
    done = shop.sync("-t", "orders", "-t", "nix", "--marker-stamp", "X", "--log-format", "json", status=3)
    assert [event["key"] for event in done.events("markers.of_success") + done.events("markers.of_failure")] == [
        "completion_markers/p/orders/X/", "completion_markers/p/nix/X/"]
    written = [event["key"].rpartition("/")[2] for event in done.events("marker.written")]
    assert written == ["execution_metadata.json", "table_metrics.json", "completion_marker.txt", "execution_metadata.json", "failure_marker.txt"]
    assert len(done.events("marker.writing")) == len(written)


# --- looking ----------------------------------------------------------------------------------------------------------


def test_markers_are_listed_newest_first_and_one_is_shown(shop):
    shop.sync("-t", "orders", "--marker-stamp", "B")
    change(shop)
    shop.sync("-t", "orders", "-t", "nix", "--marker-stamp", "A", status=3)
    listed = shop.run("marker", "list", "--output", "json").json()["markers"]
    assert [(one["table"], one["stamp"], one["status"], one["rows"]) for one in listed] == [
        ("nix", "A", "failed", 0), ("orders", "A", "success", 7), ("orders", "B", "success", 100)]
    assert shop.run("marker", "list", "-p", "p", "-t", "orders", "--limit", "1").out.splitlines()[1].split()[:5] == ["p", "orders", "A", "success", "7"]
    assert shop.run("marker", "list", "-p", "other").out.splitlines()[1:] == []
    shown = shop.run("marker", "show", "-t", "orders")
    assert shown.out.split("\n", 1)[1] == (folder(shop, "orders", "A") / "completion_marker.txt").read_text()
    everything = shop.run("marker", "show", "-t", "orders", "--stamp", "B", "--output", "json").json()
    assert everything["execution_metadata"] == json.loads((folder(shop, "orders", "B") / "execution_metadata.json").read_text())
    assert everything["table_metrics"]["mysql_metrics"]["rows_extracted"] == 100
    assert "there is no table 'nix'" in shop.run("marker", "show", "-t", "nix").out
    assert "marker list" in shop.run("marker", "show", "-t", "orders", "--stamp", "C", status=4).err


def test_markers_that_another_program_wrote_are_read_too(shop):
    """What the documentation shows, word for word, and nothing of ours in it."""
    example = folder(shop, "settlement.settle_orders", "20250912_143022")
    example.mkdir(parents=True)
    metadata, metrics = re.findall(r"```json\n(\{\n  \"(?:execution_id|table_name)\".*?)\n```", MARKERS, re.S)
    (example / "execution_metadata.json").write_text(metadata)
    (example / "table_metrics.json").write_text(metrics)
    (example / "completion_marker.txt").write_text(re.search(r"```\n(SYNC_COMPLETED.*?)```", MARKERS, re.S).group(1))
    (one,) = shop.run("marker", "list", "--output", "json").json()["markers"]
    assert (one["status"], one["rows"], one["files"], one["duration_seconds"]) == ("success", 15000, 3, 45.43)
    (shop.folder / "old.json").write_text(metadata)
    shop.run("marker", "write", "--from", "old.json", "--marker-stamp", "again")
    again = folder(shop, "settlement.settle_orders", "again").parent.parent.parent / "us_dw_hybrid_v1_2/settlement.settle_orders/again"
    assert (again / "completion_marker.txt").read_text().splitlines()[-2:] == ["Duration: 45.20s", "Rows: 15000"]
    assert json.loads((again / "table_metrics.json").read_text())["mysql_metrics"] == {
        "rows_extracted": 15000, "batches_processed": 3, "extraction_duration_seconds": None, "avg_rows_per_second": None}


# --- waiting ----------------------------------------------------------------------------------------------------------


def test_waiting_ends_when_all_tables_are_through(shop):
    running = shop.start("marker", "wait", "-t", "orders", "-t", "log", "--stamp", "X", "--interval", "100ms", "--output", "json")
    shop.sync("-t", "orders", "--marker-stamp", "X")
    time.sleep(0.3)
    assert running.process.poll() is None, "the other table is not through"
    shop.sync("-t", "log", "--marker-stamp", "X")
    found = shop.finish(running).json()["markers"]
    assert {(one["table"], one["status"]) for one in found} == {("orders", "success"), ("log", "success")}


def test_s97_yesterdays_marker_is_not_todays(shop):
    shop.sync("--marker-stamp", "yesterday")
    done = shop.run("marker", "wait", "-t", "orders", "--stamp", "today", "--timeout", "300ms", "--interval", "100ms", status=5)
    assert "no marker of 'orders' with the stamp 'today'" in done.err
    written = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 3))
    assert shop.run("marker", "wait", "-t", "orders", "--newer-than", written, "--timeout", "300ms", "--interval", "100ms", status=5).err
    assert shop.run("marker", "wait", "-t", "orders", "--newer-than", "2025-01-01 00:00:00").out.splitlines()[1].split()[2] == "yesterday"


def test_a_failure_ends_the_wait_at_once(shop):
    shop.sync("-t", "orders", "-t", "nix", "--marker-stamp", "X", status=3)
    done = shop.run("marker", "wait", "-t", "nix", "-t", "orders", "--stamp", "X", status=1)
    assert "the run of 'p/nix' with the marker 'X' failed: there is no table 'nix'" in done.err
    assert "awaited-run-failed" in done.err


def test_of_two_runs_with_one_stamp_the_last_one_counts(shop):
    away = shop.shop.rename(shop.folder / "away.db")
    shop.sync("-t", "orders", "--marker-stamp", "X", status=4)
    shop.run("marker", "wait", "-t", "orders", "--stamp", "X", status=1)
    away.rename(shop.shop)
    shop.sync("-t", "orders", "--marker-stamp", "X")
    assert "failure_marker.txt" in names(shop, "orders", "X"), "no right to delete is asked for"
    shop.run("marker", "wait", "-t", "orders", "--stamp", "X")
    shop.shop.rename(away)
    shop.sync("-t", "orders", "--marker-stamp", "X", status=4)
    shop.run("marker", "wait", "-t", "orders", "--stamp", "X", status=1)
    assert shop.run("marker", "list", "--output", "json").json()["markers"][0]["status"] == "failed"


@pytest.mark.parametrize("flags", [[], ["--stamp", "X", "--newer-than", "2025-01-01"], ["--newer-than", "tomorrow"], ["--stamp", "20250912_*"]])
def test_a_wait_for_any_marker_is_refused(shop, flags):
    assert "what to do" in shop.run("marker", "wait", "-t", "orders", *flags, status=2).err


def test_a_wait_needs_no_configuration_where_the_bucket_is_a_uri(shop, tmp_path):
    shop.sync("--marker-stamp", "X")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    del shop.environment["WAYBILL_S3_COMPLETION_BUCKET"]
    shop.folder, there = elsewhere, shop.folder
    assert shop.run("marker", "wait", "-b", str(shop.lake), "-p", "p", "-t", "orders", "--stamp", "X").status == 0
    assert "--pipeline" in shop.run("marker", "wait", "-b", str(shop.lake), "-t", "orders", "--stamp", "X", status=2).err
    shop.folder = there


# --- writing again, and cleaning --------------------------------------------------------------------------------------


def test_markers_are_written_once_more_from_receipts(shop):
    shop.sync("-t", "orders")
    change(shop)
    shop.sync("-t", "orders", "--marker-stamp", "lost", "--json-output", "out.json")
    run = json.loads((shop.folder / "out.json").read_text())
    lost = json.loads((folder(shop, "orders", "lost") / "table_metrics.json").read_text())
    shop.run("marker", "write", "-t", "orders", "--marker-stamp", "found")
    found = folder(shop, "orders", "found")
    again, metrics = (json.loads((found / name).read_text()) for name in ("execution_metadata.json", "table_metrics.json"))
    assert again["waybill"]["run_id"] == run["waybill"]["run_id"] and again["execution_id"][:21] == run["execution_id"][:21]
    assert again["summary"] == run["summary"] and again["start_time"][:19] == run["start_time"][:19]
    assert metrics["s3_metrics"]["total_size_bytes"] == lost["s3_metrics"]["total_size_bytes"]
    assert metrics["redshift_metrics"]["rows_loaded"] == 7 and metrics["mysql_metrics"]["extraction_duration_seconds"] is None
    assert (found / "completion_marker.txt").read_text().endswith("Rows: 7\n")
    shop.run("marker", "write", "-t", "orders")
    assert folder(shop, "orders", run["execution_id"][5:20]).is_dir(), "the name that the run would have given it"


def test_nothing_that_was_never_announced_is_written_again(shop):
    assert "nothing of 'p/orders' was announced" in shop.run("marker", "write", "-t", "orders", status=4).err
    shop.sync("-t", "orders", "--backup-only")
    assert shop.run("marker", "write", "-t", "orders", status=4)
    shop.sync("-t", "orders")
    done = shop.run("marker", "write", status=3)
    assert "orders: success, 100 rows" in done.out and "log: nothing of" in done.err


def test_markers_are_written_from_the_json_of_a_run_a_failure_too(shop):
    shop.sync("-t", "orders", "-t", "nix", "--marker-stamp", "X", "--json-output", "out.json", status=3)
    before = {table: {path.name: path.read_bytes() for path in folder(shop, table, "X").iterdir()} for table in ("orders", "nix")}
    shop.run("marker", "clean", "--older-than", "0s", "--force")
    assert not folder(shop, "orders", "X").exists()
    shop.run("marker", "write", "--from", "out.json")
    assert {table: {path.name: path.read_bytes() for path in folder(shop, table, "X").iterdir()} for table in ("orders", "nix")} == before
    (shop.folder / "nonsense.json").write_text("{}")
    assert "--json-output" in shop.run("marker", "write", "--from", "nonsense.json", "-t", "orders", "--marker-stamp", "X", status=6).err


def test_old_markers_are_cleaned_by_exact_key_and_nothing_else_is(shop):
    shop.sync("--marker-stamp", "old")
    strangers = [folder(shop, "orders", "old") / "notes.txt", shop.lake / "completion_markers/README.md", shop.lake / "completion_markers/p/orders/x.txt"]
    for path in strangers:
        path.write_text("somebody's")
    shop.sync("-t", "log", "--marker-stamp", "young")
    for path in folder(shop, "orders", "old").parent.parent.rglob("*"):
        if path.is_file() and "young" not in path.parts:
            os.utime(path, (time.time() - 40 * 86400,) * 2)
    before = contents(shop.lake)
    found = shop.run("marker", "clean", "--older-than", "30d", "--dry-run", "--output", "json").json()
    assert (found["count"], found["deleted"]) == (6, 0) and found["samples"][0].endswith("log/old/completion_marker.txt")
    assert "--force" in shop.run("marker", "clean", "--older-than", "30d", status=2).err
    assert contents(shop.lake) == before
    shop.run("marker", "clean", "-p", "other", "--older-than", "30d", "--force")
    assert contents(shop.lake) == before
    assert "6 objects deleted" in shop.run("marker", "clean", "-p", "p", "--older-than", "30d", "--force").out
    after = contents(shop.lake)
    assert {key for key in before if before[key] != "folder"} - set(after) == {
        f"completion_markers/p/{table}/old/{name}" for table in TABLES for name in ("completion_marker.txt", "execution_metadata.json", "table_metrics.json")}
    assert all(path.exists() for path in strangers)


def test_a_folder_is_as_old_as_its_newest_object(shop):
    shop.sync("-t", "orders", "--marker-stamp", "X")
    os.utime(folder(shop, "orders", "X") / "completion_marker.txt", (time.time() - 40 * 86400,) * 2)
    assert shop.run("marker", "clean", "--older-than", "30d", "--force", "--output", "json").json()["count"] == 0


# --- telling others ---------------------------------------------------------------------------------------------------


class Hook(http.server.BaseHTTPRequestHandler):
    """A webhook: takes what comes, and answers as the script says."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, self.headers["content-type"], json.loads(body)))
        status, word = self.server.script.pop(0) if self.server.script else (200, "ok")
        self.send_response(status)
        if status == 429:
            self.send_header("retry-after", "1")
        self.send_header("content-length", str(len(word)))
        self.end_headers()
        self.wfile.write(word.encode())

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def hook(*script):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        server.got, server.script = [], list(script)
        server.url = f"http://127.0.0.1:{server.server_port}/services/T0/B0/s3cr3t-part"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_slack_is_told_in_the_documented_form(shop):
    shop.sync("-t", "orders", "-t", "nix", "--marker-stamp", "X", status=3)
    with hook((429, "rate_limited"), (503, "busy")) as slack:
        shop.environment["WAYBILL_SLACK_WEBHOOK"] = slack.url
        assert shop.run("marker", "notify", "-t", "orders").out == "1 of 1 told to Slack\n"
        shop.run("marker", "notify", "-t", "nix", "--stamp", "X")
    assert [path for path, _, _ in slack.got] == ["/services/T0/B0/s3cr3t-part"] * 4 and slack.got[0][1].startswith("application/json")
    (good, bad) = (message for _, _, message in slack.got[2:])
    fields = {field["title"]: field["value"] for field in good["attachments"][0]["fields"]}
    assert good["text"] == "✅ Sync Completed Successfully" and good["attachments"][0]["color"] == "good"
    assert list(fields) == ["Pipeline", "Table", "Duration", "Rows", "Files"] and fields["Rows"] == "100" and fields["Files"] == "1"
    assert re.fullmatch(r"\d+\.\ds", fields["Duration"]) and all(field["short"] is True for field in good["attachments"][0]["fields"])
    assert bad["text"] == "❌ Sync Failed" and bad["attachments"][0]["color"] == "danger"
    assert [field["title"] for field in bad["attachments"][0]["fields"]] == ["Pipeline", "Table", "Duration"]


def test_the_address_of_a_webhook_is_a_secret(shop):
    shop.sync("-t", "orders")
    with hook((404, "no_service")) as slack:
        (shop.folder / "hook").write_text(slack.url + "\n")
        shop.environment["HOOK"] = slack.url
        assert "no_service" in shop.run("marker", "notify", "-t", "orders", "--slack-webhook", "${HOOK}", status=4).err
        shop.run("marker", "notify", "-t", "orders", "--slack-webhook", "file:hook", "--log-level", "debug")
        shop.run("marker", "notify", "-t", "orders", "--slack-webhook", "cmd:cat hook", "--output", "json")
        shop.run("marker", "notify", "-t", "orders", "--slack-webhook", slack.url, status=2)
        shop.run("marker", "notify", "-t", "orders", "--dry-run")
    assert len(slack.got) == 3
    shop.environment["HOOK"] = f"http://127.0.0.1:{slack.server_port}/services/s3cr3t-part"
    assert shop.run("marker", "notify", "-t", "orders", "--slack-webhook", "${HOOK}", status=5)
    assert "s3cr3t-part" not in "".join(shop.said)


@pytest.fixture
def moto(servers):
    return servers.get(Moto)


def published(moto, pipeline, table):
    """{name: (value, unit)} of the last datapoints."""
    client, found = moto.client("cloudwatch"), {}
    for metric in client.list_metrics(Namespace="DataSync", Dimensions=[{"Name": "Pipeline", "Value": pipeline}, {"Name": "Table", "Value": table}])["Metrics"]:
        assert [one["Name"] for one in metric["Dimensions"]] == ["Pipeline", "Table"]
        (point,) = client.get_metric_statistics(Namespace="DataSync", MetricName=metric["MetricName"], Dimensions=metric["Dimensions"], Period=86400,
                                                StartTime=time.time() - 86400, EndTime=time.time() + 86400, Statistics=["Maximum", "SampleCount"])["Datapoints"]
        assert point["SampleCount"] == 1
        found[metric["MetricName"]] = (point["Maximum"], point["Unit"])
    return found


def aws(moto):
    return {"AWS_ENDPOINT_URL_CLOUDWATCH": moto.endpoint, "AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_REGION": moto.region}


def test_cloudwatch_gets_the_documented_metrics(shop, moto):
    shop.sync("-t", "orders", "-t", "nix", "--marker-stamp", "X", status=3)
    shop.environment |= aws(moto)
    shop.run("marker", "metrics", "-t", "orders", "-t", "nix")
    metadata = json.loads((folder(shop, "orders", "X") / "execution_metadata.json").read_text())
    seconds = metadata["table_results"]["orders"]["duration_seconds"]
    assert published(moto, "p", "orders") == {"SyncDuration": (seconds, "Seconds"), "SyncSuccess": (1, "Count"), "RowsProcessed": (100, "Count")}
    assert published(moto, "p", "nix")["SyncSuccess"] == (0, "Count")
    assert "s3cret" not in "".join(shop.said)


def test_without_a_region_or_a_right_the_metrics_say_what_lacks(shop):
    shop.sync("-t", "orders")
    shop.environment |= {"AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "HOME": str(shop.folder)}
    assert "--region" in shop.run("marker", "metrics", "-t", "orders", status=2).err
    refusal = b"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>"

    class Refusing(Hook):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(403)
            self.send_header("content-length", str(len(refusal)))
            self.end_headers()
            self.wfile.write(refusal)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        shop.environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.server_port}"
        done = shop.run("marker", "metrics", "-t", "orders", "--region", "eu-central-1", status=8)
        server.shutdown()
    assert "AccessDenied: not authorized" in done.err and "cloudwatch:PutMetricData" in done.err


# --- the documentation's own code, on our markers ---------------------------------------------------------------------


def documented(name, **world):
    """A function of the documentation, with its world."""
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", MARKERS, re.S) if f"def {name}" in block]
    code = "\n".join(line for line in code.splitlines() if not re.match(r"import |from |cloudwatch = ", line))
    world |= {"json": json}
    exec(compile(code, "documentation", "exec"), world)
    return world[name]


class Boto3:
    """`boto3` of the documentation's code: its S3 is ours, its CloudWatch moto's."""

    def __init__(self, s3, moto):
        self.s3, self.moto = s3, moto

    def client(self, service):
        return self.s3.client() if service == "s3" else self.moto.client(service)


def test_what_the_documented_functions_make_of_a_marker_is_what_we_send(roads, s3, moto):
    road = roads({"parcels": {}}, lag="0s")
    road.in_source("CREATE TABLE parcels (id INT PRIMARY KEY, updated_at DATETIME NOT NULL, KEY (updated_at));"
                   "INSERT INTO parcels SELECT seq, NOW() - INTERVAL 1 DAY FROM seq_1_to_1234")
    bucket = f"{road.name}-markers"
    s3.new_bucket(bucket)
    road.sync("--s3-completion-bucket", bucket, "--marker-stamp", "X")
    path, ours = f"s3://{bucket}/completion_markers/p/parcels/X", road.environment | aws(moto) | {"AWS_ACCESS_KEY_ID": s3.access_key, "AWS_SECRET_ACCESS_KEY": s3.secret}
    road.environment = ours
    boto = Boto3(s3, moto)
    documented("publish_sync_metrics", boto3=boto, cloudwatch=moto.client("cloudwatch"))(path)
    client = moto.client("cloudwatch")
    road.run("marker", "metrics", "-b", bucket, "-t", "parcels", "--stamp", "X")
    for metric in ("SyncDuration", "SyncSuccess", "RowsProcessed"):
        (point,) = client.get_metric_statistics(
            Namespace="DataSync", MetricName=metric, Dimensions=[{"Name": "Pipeline", "Value": "p"}, {"Name": "Table", "Value": "parcels"}], Period=86400,
            StartTime=time.time() - 86400, EndTime=time.time() + 86400, Statistics=["Maximum", "Minimum", "SampleCount"])["Datapoints"]
        assert point["Maximum"] == point["Minimum"] and point["SampleCount"] == 2, metric
    with hook() as slack:
        import requests
        documented("send_sync_notification", boto3=boto, requests=requests)(path, slack.url)
        road.environment["WAYBILL_SLACK_WEBHOOK"] = slack.url
        road.run("marker", "notify", "-b", bucket, "-t", "parcels", "--stamp", "X")
    assert slack.got[0][2] == slack.got[1][2]
    assert {"title": "Rows", "value": "1,234", "short": True} in slack.got[1][2]["attachments"][0]["fields"]
