"""Numbered cases and other troubles of loading into Redshift, by its stand-in: what breaks, and what is said of it."""
import json
import random
import signal
import threading
import time

import pytest

import road_kill
from server_redshift import Redshift
from server_s3 import MinIO
from test_road_errors import write_profile
from waybill import PLANTED

SMALL = """
CREATE TABLE orders (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, note VARCHAR(32), total DECIMAL(20,6), updated_at DATETIME(6) NOT NULL DEFAULT NOW(6) ON UPDATE NOW(6), KEY (updated_at));
INSERT INTO orders (note, total, updated_at) SELECT CONCAT('order ', seq), seq / 7, NOW() - INTERVAL 1 DAY + INTERVAL seq SECOND FROM seq_1_to_1000;
"""
MORE = "INSERT INTO orders (note) SELECT CONCAT('more ', seq) FROM seq_1_to_100; UPDATE orders SET total = total + 1 WHERE id % 7 = 1"


@pytest.fixture
def road(warehouses):
    made = warehouses({"orders": {}}, lag="0s", chunk={"rows": 400})
    made.in_source(SMALL)
    return made


def copies(road):
    return [line for line in road.statements() if "COPY " in line.upper() and road.name in line]


# --- what is asked of the cluster -------------------------------------------------------------------------------------------


def test_s36_s48_files_are_named_by_a_manifest_with_their_sizes_and_columns_by_their_names(road):
    """A file beside them that nobody sealed is not loaded, and a column that the source moved is not filled by another's."""
    road.sync("--backup-only")
    for waybill in road.chain("orders"):
        road.client.put_object(Bucket=road.name, Key=waybill["files"][0]["key"] + "x", Body=b"not of this waybill")
    road.in_source("ALTER TABLE orders MODIFY note VARCHAR(32) AFTER total")
    road.in_source(MORE)
    road.sync()
    road.assert_equal()
    said = copies(road)
    assert said and all("MANIFEST" in line and '("' in line for line in said)
    for waybill in road.chain("orders"):
        manifest = json.loads(road.read(waybill["folder"] + "/manifest.json"))
        assert manifest["entries"] == [{"url": f"s3://{road.name}/{file['key']}", "mandatory": True, "meta": {"content_length": file["bytes"]}}
                                       for file in waybill["files"]]
        road.client.delete_object(Bucket=road.name, Key=waybill["files"][0]["key"] + "x")
    road.assert_tidy()


def test_s46_statements_that_may_not_run_in_a_transaction_run_before_it(road):
    road.sync()
    road.in_source("ALTER TABLE orders MODIFY note VARCHAR(200), ADD COLUMN colour VARCHAR(10); "
                   f"INSERT INTO orders (note, colour) VALUES (CONCAT('{PLANTED} ', REPEAT('ü', 150)), 'red')")
    done = road.sync("--full-refresh", status=None)
    assert done.status == 0, done.err
    road.assert_equal()
    assert road.in_target("SELECT character_maximum_length FROM information_schema.columns WHERE table_name = 'orders' AND column_name = 'note'") == [(800,)]


@pytest.mark.parametrize("by", ["role", "keys"])
def test_s47_secrets_of_a_copy_stand_nowhere(warehouses, by):
    road = warehouses({"orders": {}}, by=by, lag="0s")
    road.in_source(SMALL)
    road.sync("--log-level", "debug")
    road.assert_equal()
    road.in_source(MORE)
    echo = f'error on=copy text="syntax error in COPY orders ACCESS_KEY_ID {road.s3.access_key} SECRET_ACCESS_KEY {road.s3.secret} FORMAT"'
    with road.redshift.fault(echo):
        done = road.sync("--log-level", "debug", status=None)
    assert done.status != 0
    assert by == "role" or road.s3.secret not in done.err + done.out
    if by == "role":  # nothing of the statement was secret, so the server may repeat what it likes
        road.said.clear()
    road.sync()
    road.assert_equal()


def test_s47_a_session_token_goes_along_and_a_newer_one_when_it_has_expired(warehouses, servers, postgres):
    """Keys of a profile that somebody renews, and a store that knows the old ones no more: each COPY has the ones of its time."""
    minio = servers.get(MinIO)
    road = warehouses({"orders": {}}, by="keys", cluster=servers.get(Redshift, "redshift-minio", postgres=postgres, s3=minio), store=minio,
                      lag="0s", chunk={"rows": 400}, max_pending=1)
    road.in_source(SMALL)
    old, new = minio.short_lived(900), minio.short_lived(900)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        road.environment[name] = ""
    write_profile(road, old)
    running = road.start_sync()
    assert running.until_arrow("load", nth=3)  # one has been loaded
    write_profile(road, new)
    minio.forget(old["AWS_ACCESS_KEY_ID"])
    road.finish(running)
    road.assert_equal()
    road.in_source(MORE)
    with road.redshift.fault('error on=copy text="S3ServiceException:The provided token has expired.,Status 400,Error ExpiredToken,Rid 0"') as fault:
        road.sync("--log-level", "debug")
        assert road.redshift.hits(fault) == 1
    road.assert_equal()
    said = "".join(copies(road))
    assert "ACCESS_KEY_ID" in said
    for keys in (old, new):
        for secret in (keys["AWS_SESSION_TOKEN"][:30], keys["AWS_SECRET_ACCESS_KEY"]):
            assert secret not in said + "".join(road.said), "a secret of COPY stands in a log"


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
@pytest.mark.parametrize("where", ["update", "copy", "insert", "commit"])
def test_s50_a_conflict_is_tried_again_as_a_whole_transaction(road, where, isolation):
    road.sync()
    road.in_source(MORE)
    with road.isolation(isolation), road.redshift.fault(f"conflict on={where} times=2") as fault:
        assert road.sync("--json-output", "-").moved() == {"orders": (243, 243)}
        assert road.redshift.hits(fault) == 2
    road.assert_equal()


def test_s50_a_conflict_that_does_not_end_is_temporary(road):
    road.sync()
    road.in_source(MORE)
    before = road.positions()
    with road.redshift.fault("conflict on=copy times=0") as fault:
        done = road.sync(status=5, timeout=300)
        assert road.redshift.hits(fault) == 8
    assert "same command again" in done.err
    assert road.positions()["orders"][0] == before["orders"][0]
    road.sync()
    road.assert_equal()


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_s77_two_loaders_at_once_load_each_waybill_once(warehouses, isolation):
    """Somebody breaks the lease of one that is at work, and a second one begins: where no key is enforced, rows that came twice would stay."""
    road = warehouses({"journal": {"increment": "id_only", "mode": "append"}, "orders": {}}, lag="0s", chunk={"rows": 150})
    road.in_source(SMALL + "CREATE TABLE journal (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, note VARCHAR(20)); INSERT INTO journal (note) SELECT seq FROM seq_1_to_1000")
    road.sync("--backup-only")
    waybills = sum(len(road.chain(table)) for table in road.tables)
    with road.isolation(isolation), road.redshift.fault("slow on=copy seconds=0.3 times=0"):
        first = road.start_sync("--redshift-only")
        assert first.hold_at_arrow("load", nth=2)
        for table in road.tables:
            road.run("lease", "break", "-t", table)
        second = road.start_sync("--redshift-only")
        assert second.until_arrow("take", "end")
        ends = [None, None]
        one = threading.Thread(target=lambda: ends.__setitem__(0, road.finish(first, status=None, timeout=300)))
        one.start()
        ends[1] = road.finish(second, status=None, timeout=300)
        one.join()
    assert {done.status for done in ends} <= {0, 3, 5, 7} and ends[0].status != 0, "whoever lost its lease says so"
    road.sync()
    road.assert_equal()
    assert len([waybill for table in road.tables for waybill in road.chain(table)]) == waybills
    assert road.in_redshift("SELECT count(*), count(DISTINCT id) FROM journal") == [(1000, 1000)]


# --- what is lost on the way --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("done", ["yes", "no"])
def test_s49_a_lost_answer_to_commit_is_found_out(road, done):
    road.sync()
    road.in_source(MORE)
    with road.redshift.fault(f"lose_commit done={done}") as fault:
        loaded = road.sync("--json-output", "-").moved()["orders"]
        assert loaded == (243, 243 if done == "no" else 0), "what was loaded by an attempt without an answer, nobody has counted"
        assert road.redshift.hits(fault) == 1
    road.assert_equal()


def test_s30_a_copy_that_hangs_is_given_up_and_the_next_run_goes_on(road):
    road.connections["dw"]["statement_timeout"] = "3s"
    road.write_config()
    road.sync()
    road.in_source(MORE)
    for way in ("", " cancel=no"):
        with road.redshift.fault("hang on=copy" + way):
            begun = time.monotonic()
            done = road.sync(status=5)
            assert time.monotonic() - begun < 60
        assert "statement_timeout" in done.err
    road.sync()
    road.assert_equal()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("where", ["copy", "update", "create", "commit"])
def test_a_connection_that_is_cut_costs_at_most_that_run(road, where, when):
    road.sync()
    road.in_source(MORE)
    with road.redshift.fault(f"cut on={where} when={when}"):
        assert road.sync(status=None).status in (0, 5)
    road.sync()
    road.assert_equal()


def test_s31_a_session_whose_client_is_gone_holds_nothing_for_ever(road):
    road.connections["dw"]["lock_timeout"] = "40s"
    road.write_config()
    road.sync()
    road.in_source(MORE)
    with road.redshift.fault("zombie seconds=600 times=0"), road.redshift.fault("hang on=insert"):
        running = road.start_sync()
        assert running.hold_at_arrow("load", "begin", "orders", 2)
        time.sleep(3)  # into the load's transaction
        running.kill()
        road.finish(running, status=-signal.SIGKILL)
    road.sync(timeout=200)
    road.assert_equal()


# --- what COPY refuses ----------------------------------------------------------------------------------------------------------


def test_s35_a_text_that_is_too_long_is_told_with_the_statement_that_helps(road):
    road.sync()
    road.in_redshift("ALTER TABLE orders ALTER COLUMN note TYPE varchar(20)")
    road.in_source(f"ALTER TABLE orders MODIFY note TEXT; INSERT INTO orders (note) VALUES ('short'), ('{PLANTED} is one of them'), (REPEAT('ü', 16))")
    done = road.sync("--full-refresh", status=6)
    assert "column 'note' holds 20 bytes, and 2 values have more, up to 32" in done.err and "row group 0" in done.err and "file-00000.parquet" in done.err
    statement = next(line for line in done.err.splitlines() if "ALTER TABLE" in line).split("ALTER TABLE")[1].split(";")[0]
    assert "varchar(32)" in statement
    road.in_redshift("ALTER TABLE" + statement)
    road.sync()
    road.assert_equal()


@pytest.mark.parametrize("denied", [[], ["sys_load_error_detail"], ["sys_load_error_detail", "stl_load_errors"]])
def test_it_finds_out_without_the_views_that_it_may_not_see(warehouses, servers, postgres, s3, denied):
    options = [word for view in denied for word in ("--deny", view)] + ["--edition", "provisioned"]
    cluster = servers.get(Redshift, f"redshift-denied-{len(denied)}", postgres=postgres, s3=s3, options=options)
    road = warehouses({"orders": {}}, cluster=cluster, lag="0s")
    road.in_source(SMALL)
    road.in_redshift("CREATE TABLE orders (id integer NOT NULL, note varchar(9), total numeric(20,6), updated_at timestamp NOT NULL)")
    road.in_source("ALTER TABLE orders MODIFY note TEXT")
    done = road.sync(status=6)
    assert "column 'note' holds 9 bytes, and" in done.err and "values have more, up to 10" in done.err


def test_a_null_where_none_may_be_is_told(road):
    road.sync()
    road.in_redshift("CREATE TABLE strict (id integer NOT NULL, note varchar(128) NOT NULL, total numeric(20,6), updated_at timestamp NOT NULL)")
    road.tables = {"orders": {"target": "strict", "mode": "replace", "increment": "full_sync"}}
    road.pipeline["tables"] = road.tables
    road.in_source("UPDATE orders SET note = NULL WHERE id = 400")
    other = road.folder / "other.yml"
    config = json.loads((road.folder / "waybill.yml").read_text())
    config["pipelines"] = {"q": {**road.pipeline, "tables": road.tables}}
    other.write_text(json.dumps(config))
    done = road.run("--config", str(other), "sync", "pipeline", "-p", "q", status=6)
    assert "column 'note' is NOT NULL in the target, and has 1 NULLs; the first in row 400" in done.err
    road.tables = {"orders": {}}


def test_a_stage_out_of_reach_is_refused_before_anything_is_opened(road):
    road.connections["lake"] = {"type": "directory", "path": "lake"}
    road.write_config()
    done = road.run("plan", status=2)
    assert "reads staged files from S3 by itself" in done.err and "waybill.yml" in done.err


def test_a_role_that_may_not_read_is_told_so(road):
    road.connections["dw"]["iam_role"] = "arn:aws:iam::123456789012:role/nobody"
    road.write_config()
    done = road.sync(status=None)
    assert done.status in (8, 6, 1) and "role" in done.err, done.err


# --- names, layout, rights ---------------------------------------------------------------------------------------------------------


def test_a_table_is_laid_out_as_it_says_and_keeps_it(warehouses):
    table = {"distkey": "id", "sortkey": ["updated_at", "id"], "columns": {"note": {"encode": "zstd"}}, "target": "Orders_2026"}
    road = warehouses({"orders": table}, lag="0s")
    road.in_source(SMALL)
    plan = road.run("plan").out
    assert 'DISTSTYLE KEY DISTKEY ("id") COMPOUND SORTKEY ("updated_at", "id")' in plan and "ENCODE zstd" in plan
    road.sync()
    road.in_source(MORE)
    road.sync()
    assert road.in_redshift("SELECT diststyle, sortkey1, sortkey_num FROM svv_table_info WHERE \"table\" = 'orders_2026'") == [("KEY(id)", "updated_at", 2)]
    assert road.in_target("SELECT count(*) FROM orders_2026") == [(1100,)]


def test_s66_names_are_folded_and_two_that_become_one_are_refused(warehouses):
    long = "a" * 64
    road = warehouses({"Größe of 'all'": {"columns": {"order": {"name": "Order"}}}, "twice": {}}, lag="0s")
    road.in_source(f"""CREATE TABLE `Größe of 'all'` (`ID` INT NOT NULL PRIMARY KEY, `order` INT, `1st"` INT, `{long}` INT, `back\\\\slash` VARCHAR(5), updated_at DATETIME NOT NULL DEFAULT (NOW() - INTERVAL 1 MINUTE), KEY (updated_at));
        INSERT INTO `Größe of 'all'` (ID, `order`) VALUES (1, 2), (2, NULL);
        CREATE TABLE twice (id INT NOT NULL PRIMARY KEY, Name INT, updated_at DATETIME NOT NULL DEFAULT NOW(), KEY (updated_at));""")
    done = road.sync("-t", "Größe of 'all'", status=None)
    assert done.status == 0, done.err
    assert road.in_redshift('SELECT id, "order", "1st""", "back\\\\slash" FROM "größe of \'all\'" ORDER BY id') == [(1, 2, None, None), (2, None, None, None)]
    road.tables["twice"] = {"columns": {"Name": {"name": "ID"}}}
    road.write_config()
    done = road.run("plan", "-t", "twice", status=2)
    assert "are one to Redshift" in done.err and "columns: {" in done.err


def test_check_says_what_it_is_and_grants_what_is_missing(road):
    check = road.run("check").out
    assert "Redshift 1.0" in check and "ok" in check
    road.sync()
    road.postgres.run("REVOKE UPDATE ON orders FROM loader; ALTER TABLE orders OWNER TO postgres; GRANT SELECT, INSERT ON orders TO loader", road.name)
    grants = road.run("check", "--grants", status=None).out
    assert 'GRANT UPDATE ON "public"."orders" TO "loader";' in grants and 'GRANT DELETE ON' in grants
    road.in_source(MORE)
    done = road.sync(status=8)
    assert 'GRANT UPDATE, DELETE ON "public"."orders" TO "loader"' in done.err


def test_an_audit_finds_what_differs(road):
    road.sync()
    assert "passed" in road.run("audit").out or road.run("audit").status == 0
    road.in_target("UPDATE orders SET note = 'ORDER 5' WHERE id = 5")
    done = road.run("audit", status=6)
    assert "note" in done.out + done.err


def test_a_table_that_had_a_key_twice_has_it_once_after_a_merge(road):
    road.sync()
    road.in_target("INSERT INTO orders SELECT id, 'again', total, updated_at - interval '1 day' FROM orders WHERE id <= 14")
    road.in_source("UPDATE orders SET total = -1 WHERE id <= 14")
    road.sync()
    road.assert_equal()


# --- whatever dies --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_killed_anywhere_nothing_is_lost_and_nothing_doubled(warehouses, isolation):
    """Some places, drawn anew by the isolation; make soak takes all, several times."""
    road = warehouses(road_kill.TABLES, lag="0s", lease=f"{road_kill.LEASE_S}s", chunk={"rows": 4000}, part_bytes="5MiB")
    with road.isolation(isolation):
        disturbed = road_kill.Disturbed(road, random.Random(isolation), 12_000, 0.3, print)
        road.sync(timeout=300)
        disturbed.look_at_places()
        for place in disturbed.chance.sample(road_kill.PLACES, 4) + [road_kill.Place("load", nth=2)]:
            disturbed.kill(place)
    road.assert_tidy(zombie=True)
