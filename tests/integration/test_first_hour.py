"""What goes wrong in the first hour with a new tool: each message says what failed, on which object, why, and what to do."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

import pytest

from waybill import PROGRAM, Route, assert_told, next_second, sqlite_run

SHOP = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, note BLOB, updated_at DATETIME NOT NULL);
CREATE INDEX orders_updated_at ON orders (updated_at);
INSERT INTO orders WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
  SELECT i, randomblob(500), datetime('2025-09-12 00:00:00', i || ' seconds') FROM n;
"""
NOBODY = 65534


@pytest.fixture
def shop(route):
    made = route({"orders": {}}, lag="0s")
    made.in_source(SHOP)
    return made


def sync(shop, *flags, status, **options):
    return shop.sync("--log-level", "error", "--progress", "none", *flags, status=status, **options)


def edit(shop, change):
    path = shop.folder / "waybill.yml"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config, indent=1))


# --- the configuration ------------------------------------------------------------------------------------------------


def test_there_is_no_configuration(shop):
    (shop.folder / "waybill.yml").unlink()
    assert_told(sync(shop, status=2), "configuration", "'waybill.yml'", "No such file", "--config")


@pytest.mark.parametrize("old, new", [('"source":', '"soruce":'), ('"tables":', '"tabels":'), ('"path": "lake"', '"path": "lake", "pth": 1')])
def test_s65_an_unknown_key_is_told_with_its_place_and_the_nearest(shop, old, new):
    path = shop.folder / "waybill.yml"
    path.write_text(path.read_text().replace(old, new))
    done = sync(shop, status=2)
    line = [number for number, text in enumerate(path.read_text().splitlines(), 1) if new.split('"')[-2 if "pth" in new else 1] in text][0]
    assert_told(done, "unknown option", f"waybill.yml:{line}:", "did you mean", "the options here are")


def test_yaml_that_is_none_is_told_with_its_place(shop):
    (shop.folder / "waybill.yml").write_text("connections:\n  shop: {type: sqlite\n")
    assert_told(sync(shop, status=2), "not valid YAML", "waybill.yml:", "flow mapping", "indent")


def test_s64_an_unset_variable_is_told_by_its_name(shop):
    edit(shop, lambda config: config["connections"]["shop"].update(path="${SHOP_OF_NOBODY}/shop.db"))
    assert_told(sync(shop, status=2), "environment variable", "'SHOP_OF_NOBODY'", "not set", "export")


def test_a_connection_that_is_not_there(shop):
    edit(shop, lambda config: config["pipelines"]["p"].update(target="dww"))
    assert_told(sync(shop, status=2), "no connection", "'dww'", "did you mean 'dw'", "connections:")


def test_a_configuration_with_nothing_in_it(shop):
    (shop.folder / "waybill.yml").write_text("connections: {}\n")
    assert_told(shop.run("check", status=2), "no connections", "'waybill.yml'", "has no", "add 'connections:")
    assert_told(sync(shop, status=2), "no pipelines", "'waybill.yml'", "has no", "add 'pipelines:")


def test_a_pipeline_that_is_not_there(shop):
    assert_told(shop.run("plan", "-p", "q", status=2), "no pipeline", "'q'", "waybill.yml", "the pipelines are: p")


# --- the source -------------------------------------------------------------------------------------------------------


def test_a_missing_table(shop):
    assert_told(sync(shop, "-t", "ordres", status=4), "no table", "'ordres'", "did you mean 'orders'", ".tables")
    assert not shop.dw.exists() and not list(shop.lake.rglob("*.json")), "a mistyped name leaves nothing behind"


def test_a_missing_source(shop):
    shop.shop.unlink()
    assert_told(sync(shop, status=4), "source 'shop'", "'shop.db'", "No such file", "check the path")
    assert not shop.lake.exists()


def test_a_source_that_is_no_database(shop):
    shop.shop.write_text("id,note\n1,first\n" * 100)
    assert_told(sync(shop, status=6), "source 'shop'", "'shop.db'", "not a database", "check the path")


def test_a_table_without_a_cursor(shop):
    shop.in_source("CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT)")
    done = sync(shop, "-t", "notes", status=2)
    assert_told(done, "no cursor", "'notes'", "no column looks like the time", "increment: id_only")


def test_rows_without_a_cursor_value(shop):
    shop.in_source("CREATE TABLE notes (id INTEGER PRIMARY KEY, at DATETIME); INSERT INTO notes VALUES (1, NULL), (2, '2025-01-01 00:00:00')")
    edit(shop, lambda config: config["pipelines"]["p"]["tables"].update(notes={"cursor": "at"}))
    assert_told(sync(shop, "-t", "notes", status=6), "1 rows", "'notes'", "no 'at'", "null_cursor: exclude")


def test_a_run_that_is_asked_to_end_while_it_waits_for_a_writer(shop):
    writer = sqlite3.connect(shop.shop, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    running = shop.start_sync("--log-level", "debug")
    assert running.until_arrow("bound")
    time.sleep(0.2)
    running.signal(signal.SIGTERM)
    shop.finish(running, status=143)
    writer.close()
    told = running.lines[-1]
    assert '"event":"failed"' in told and "'shop.db'" in told and "run the same command again: it goes on where it stopped" in told


# --- what was written by others ---------------------------------------------------------------------------------------


def newer(path):
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "format": 3}, indent=2) + "\n")


def test_s98_a_newer_scope_document_is_left_alone(shop):
    sync(shop, status=0)
    path = shop.lake / "watermark/tables/p/orders.json"
    newer(path)
    before = path.read_text()
    for verb in (["sync"], ["plan"], ["watermark", "get", "-t", "orders"], ["watermark", "reset", "-t", "orders"], ["lease", "break", "-t", "orders"],
                 ["s3clean", "orphans", "--force"], ["status"]):
        done = shop.run(*verb, "--log-level", "error", status=6)
        assert_told(done, "scope document", "'watermark/tables/p/orders.json'", "has format 3", "newer waybill wrote it")
    assert path.read_text() == before


def test_s98_a_newer_waybill_is_left_alone(shop):
    sync(shop, "--backup-only", status=0)
    newer(shop.at(shop.scope("orders")["extracted"]["key"]))
    assert_told(sync(shop, status=6), "the waybill", shop.scope("orders")["extracted"]["id"], "has format 3", "newer waybill wrote it")
    assert shop.scope("orders")["lease"] is None


def test_s98_a_newer_position_row_is_left_alone(shop):
    sync(shop, status=0)
    sqlite_run(shop.dw, "UPDATE waybill_position SET format = 3")
    assert_told(sync(shop, status=6), "position", "'dw.db'", "has format 3", "use that version")


def test_a_damaged_scope_document(shop):
    sync(shop, status=0)
    path = shop.lake / "watermark/tables/p/orders.json"
    path.write_text(path.read_text()[:100])
    done = sync(shop, status=6)
    assert_told(done, "scope document", "'watermark/tables/p/orders.json'", "not valid JSON", "move it away")
    path.rename(shop.folder / "away.json")
    shop.run(*done.err.partition("waybill watermark ")[2].split("\n")[0].join(["watermark ", ""]).split())
    sync(shop, status=0)
    shop.compare()


def test_s94_two_pipelines_on_one_target_table(shop):
    sync(shop, status=0)
    edit(shop, lambda config: config["pipelines"].update(q=config["pipelines"]["p"]))
    for verb in ("plan", "sync"):
        done = shop.run(verb, "-p", "q", "-t", "orders", "--log-level", "error", status=2)
        assert not (shop.lake / "watermark/tables/q").exists(), "neither leaves anything behind"
        assert_told(done, "cannot load into it", "'q/orders'", "loaded by 'p/orders'", "shared: true")
    sync(shop, status=0)
    shop.compare()


# --- rights and room --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def mounted(folder, *options):
    folder.mkdir(exist_ok=True)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder], capture_output=True)
    if made.returncode != 0:
        pytest.skip("needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def remount(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def move(shop, name, path):
    """Puts a connection elsewhere."""
    edit(shop, lambda config: config["connections"][name].update(path=str(path)))


def test_a_full_stage_and_then_room(shop):
    with mounted(shop.folder / "small", "size=300k") as small:
        move(shop, "lake", small / "lake")
        done = sync(shop, "--json-output", "out.json", status=5)
        assert_told(done, "extracting 'orders'", "small/lake", "No space left", "free some space")
        assert not list(small.rglob("*.parquet")), "what was half written is gone"
        told = json.loads((shop.folder / "out.json").read_text())["waybill"]["tables"]["orders"]
        assert told["rows_extracted"] == 0, "rows that were read and are not staged do not count"
        remount(small, "size=30m")
        sync(shop, status=0)
        shop.compare()


def test_a_full_target_and_then_room(shop):
    with mounted(shop.folder / "small", "size=700k") as small:
        move(shop, "dw", small / "dw.db")
        done = sync(shop, status=5)
        assert_told(done, "loading", "small/dw.db", "full", "free some space")
        assert shop.run("status", "--output", "json").json()["tables"][0]["waiting"] == 1, "what is staged stays staged"
        remount(small, "size=30m")
        assert sync(shop, "--output", "json", status=0).json()["waybill"]["tables"]["orders"]["rows_extracted"] == 0
        shop.dw = small / "dw.db"
        shop.compare()


def test_a_target_on_a_read_only_file_system(shop):
    with mounted(shop.folder / "small", "size=30m") as small:
        move(shop, "dw", small / "dw.db")
        sync(shop, status=0)
        shop.in_source("UPDATE orders SET note = x'00', updated_at = datetime('now') WHERE id < 10")
        next_second()
        remount(small, "ro")
        assert_told(sync(shop, status=8), "target 'dw'", "small/dw.db", "only be read", "right to write")
        assert "only be read" in shop.run("check", "dw", status=8).err
        remount(small, "rw")
        sync(shop, status=0)
        shop.dw = small / "dw.db"
        shop.compare()


def test_a_stage_on_a_read_only_file_system(shop):
    with mounted(shop.folder / "small", "ro") as small:
        move(shop, "lake", small / "lake")
        assert_told(sync(shop, status=8), "store", "small/lake", "Read-only file system", "can be written")


def test_a_source_that_can_only_be_read_needs_a_lag(shop):
    edit(shop, lambda config: config["pipelines"]["p"].pop("lag"))
    with mounted(shop.folder / "small", "size=30m") as small:
        shutil.copy(shop.shop, small)
        move(shop, "shop", small / "shop.db")
        remount(small, "ro")
        assert_told(sync(shop, status=2), "open transactions", "'shop'", "does not show", "lag: 10m")
        assert "explicit lag" in shop.run("check", "shop").out
        edit(shop, lambda config: config["pipelines"]["p"].update(lag="10m"))
        sync(shop, status=0)
        shop.compare()


def test_orphans_that_cannot_be_deleted_are_a_partial_failure(shop):
    sync(shop, status=0)
    folder = shop.lake / "p/orders/dt=2025-01-01/wb=0190b0a0-0000-7000-8000-000000000001"
    with mounted(folder := make(folder), "size=1m"):
        (folder / "file-00000.parquet").write_bytes(b"litter")
        remount(folder, "ro")
        done = shop.run("s3clean", "orphans", "--older-than", "0s", "--force", "--output", "json", status=3)
        assert done.json()["tables"][0] | {"samples": []} == {
            "pipeline": "p", "table": "orders", "count": 1, "bytes": 6, "samples": [], "deleted": 0, "failed": 1}
        assert_told(done, "could not be deleted", "file-00000.parquet", "Read-only file system", "run the same command again")


def make(folder):
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def public():
    """A folder that nobody may use."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="waybill-"))
    folder.chmod(0o777)
    made = Route(folder, {"orders": {}}, lag="0s")
    made.in_source(SHOP)
    made.shop.chmod(0o644)
    (folder / "waybill.yml").chmod(0o644)
    yield made
    shutil.rmtree(folder)


def as_nobody(shop, *words, status):
    if os.geteuid() != 0:
        pytest.skip("needs root, to be somebody else")
    before = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if subprocess.run([*before, PROGRAM, "version"], capture_output=True).returncode != 0:
        pytest.skip("the program stands where nobody may run it")
    return shop.run(*words, "--log-level", "error", status=status, before=before)


def test_an_unreadable_source(public):
    public.shop.chmod(0o600)
    done = as_nobody(public, "sync", status=8)
    assert_told(done, "source 'shop'", "'shop.db'", "Permission denied", "give this user the right")


def test_an_unreadable_configuration(public):
    (public.folder / "waybill.yml").chmod(0o600)
    assert_told(as_nobody(public, "sync", status=8), "configuration", "'waybill.yml'", "Permission denied", "give this user the right")


def test_a_folder_where_no_target_can_be_made(public):
    public.lake.mkdir()
    public.lake.chmod(0o777)
    public.folder.chmod(0o755)
    done = as_nobody(public, "sync", status=8)
    assert_told(done, "target 'dw'", "'dw.db'", "Permission denied", "give this user the right")
    assert as_nobody(public, "check", "dw", status=8).err.count("Permission denied") == 1


def test_a_folder_where_no_stage_can_be_made(public):
    public.folder.chmod(0o755)
    assert_told(as_nobody(public, "sync", "--backup-only", status=8), "store", "lake", "Permission denied", "right")


def test_a_result_that_nobody_could_read_is_found_out_before_rows_move(public):
    out = make(public.folder / "out")
    out.chmod(0o755)
    done = as_nobody(public, "sync", "--json-output", "out/run.json", status=8)
    assert_told(done, "--json-output", "'out/run.json'", "Permission denied", "right")
    assert not public.lake.exists()
