"""s3clean list, clean, clean-all: what was loaded may go, by exact key, and nothing else ever does."""
import json
import os
import sqlite3
import time

import pytest

import server_s3
import small_shop
from server_s3 import MinIO
from small_shop import change, litter, on_terminal
from waybill import contents


@pytest.fixture
def shop(route):
    return small_shop.make(route)


def parts(shop, table="orders"):
    return sorted(key for key in shop.keys() if key.startswith(f"p/{table}/") and key.endswith(".parquet"))


def documents(shop):
    return sorted(key for key in shop.keys() if key.endswith(".json"))


def totals(shop, *flags):
    return {one["table"]: one for one in shop.run("s3clean", "list", "--output", "json", *flags).json()["tables"]}


def age(shop, keys, days):
    for key in keys:
        os.utime(shop.at(key), (time.time() - days * 86400,) * 2)


def test_totals_tell_what_is_loaded_what_waits_and_what_nobody_reaches(shop):
    assert totals(shop)["orders"]["loaded"] == {"waybills": 0, "files": 0, "bytes": 0}
    shop.sync("--limit", "40")
    shop.sync("-t", "orders", "--backup-only")
    litter(shop, 0)
    found = totals(shop)
    size = {key: shop.at(key).stat().st_size for key in parts(shop)}
    first, second = (wb["files"][0]["key"] for wb in shop.chain("orders"))
    assert found["orders"] == {"pipeline": "p", "table": "orders", "loaded": {"waybills": 1, "files": 1, "bytes": size[first]},
                               "waiting": {"waybills": 1, "files": 1, "bytes": size[second]}, "other": {"waybills": 1, "files": 1, "bytes": 6}}
    assert found["log"]["loaded"]["files"] == 1
    age(shop, [first], 8)
    assert totals(shop, "--older-than", "7d")["orders"]["loaded"]["files"] == 1
    assert totals(shop, "--older-than", "7d")["orders"]["waiting"]["files"] == 0
    assert totals(shop, "-t", "orders", "--pattern", "dt=2025-*")["orders"]["other"]["files"] == 1
    lines = shop.run("s3clean", "list").out.splitlines()
    assert lines[0].split() == ["table", "files", "size", "loaded", "waiting", "unreachable"] and lines[1].split()[:2] == ["orders", "3"]


def test_only_files_of_loaded_waybills_go_and_documents_stay(shop):
    shop.sync()
    change(shop)
    shop.sync("-t", "orders", "--backup-only")
    loaded, waiting = (wb["files"][0]["key"] for wb in shop.chain("orders"))
    before, log = documents(shop), parts(shop, "log")
    dry = shop.run("s3clean", "clean", "-t", "orders", "--dry-run", "--output", "json").json()
    assert dry["dry_run"] and (dry["tables"][0]["count"], dry["tables"][0]["samples"], dry["tables"][0]["deleted"]) == (1, [loaded], 0)
    assert "--force" in shop.run("s3clean", "clean", "-t", "orders", status=2).err and parts(shop) == sorted([loaded, waiting])
    assert "orders: 1 object deleted" in shop.run("s3clean", "clean", "-t", "orders", "--force").out
    assert parts(shop) == [waiting] and parts(shop, "log") == log and documents(shop) == before
    assert shop.run("s3clean", "clean", "-t", "orders", "--force", "--output", "json").json()["tables"][0]["count"] == 0
    shop.sync()
    shop.compare()
    shop.run("s3clean", "clean-all", "--force")
    assert parts(shop) == parts(shop, "log") == []
    change(shop)
    shop.sync()
    shop.compare()


def test_age_and_pattern_narrow_it(shop):
    for _ in range(3):
        shop.sync("-t", "orders", "--limit", "20")
    old, middle, young = (wb["files"][0]["key"] for wb in shop.chain("orders"))
    age(shop, [old], 10), age(shop, [middle], 3)
    assert shop.run("s3clean", "clean", "-t", "orders", "--older-than", "7d", "--dry-run", "--output", "json").json()["tables"][0]["samples"] == [old]
    assert shop.run("s3clean", "clean", "-t", "orders", "--pattern", "file-0*", "--dry-run", "--output", "json").json()["tables"][0]["count"] == 3
    assert shop.run("s3clean", "clean", "-t", "orders", "--pattern", "dt=1999-*", "--dry-run", "--output", "json").json()["tables"][0]["count"] == 0
    folder = middle.split("/")[3]
    shop.run("s3clean", "clean", "-t", "orders", "--pattern", f"*{folder}*", "--force")
    assert parts(shop) == sorted([old, young])
    shop.run("s3clean", "clean", "-t", "orders", "--older-than", "7d", "--force")
    assert parts(shop) == [young]


@pytest.mark.parametrize("answer, is_there", [("y\n", False), ("n\n", True)])
def test_on_a_terminal_somebody_is_asked(shop, answer, is_there):
    shop.sync("-t", "orders")
    status, said = on_terminal(shop, ["s3clean", "clean", "-t", "orders"], "[y/N] ", answer)
    assert status == 0 and "delete 1 loaded file (" in said
    assert (parts(shop) != []) == is_there


def test_without_a_target_sealed_has_to_be_said(route):
    shop = small_shop.make(route, target="none")
    shop.sync()
    assert "--sealed" in shop.run("s3clean", "clean", "-t", "orders", "--force", status=2).err
    assert len(parts(shop)) == 1
    shop.run("s3clean", "clean", "-t", "orders", "--sealed", "--force")
    assert parts(shop) == [] and len(parts(shop, "log")) == 1
    change(shop)
    shop.sync()
    assert len(parts(shop)) == 1


def test_sealed_is_refused_where_receipts_tell(shop):
    shop.sync()
    assert "receipts" in shop.run("s3clean", "clean", "-t", "orders", "--sealed", "--force", status=2).err


def test_s88_what_a_restored_target_needs_and_was_cleaned_is_named_with_the_way_out(shop):
    shop.sync()
    backup = shop.folder / "backup.db"
    with sqlite3.connect(shop.dw) as dw, sqlite3.connect(backup) as to:
        dw.backup(to)
    dw.close(), to.close()
    change(shop)
    shop.sync()
    gone = shop.chain("orders")[-1]["files"][0]["key"]
    shop.run("s3clean", "clean", "-t", "orders", "--force")
    for path in shop.folder.glob("dw.db*"):
        path.unlink()
    backup.rename(shop.dw)
    done = shop.sync("-t", "orders", status=6)
    assert f"'{gone}' is gone" in done.err and "s3clean" in done.err and "broken-chain" in done.err
    assert "waybill watermark restore --from-target -p p -t orders" in done.err
    shop.run("watermark", "restore", "--from-target", "-t", "orders")
    shop.sync()
    shop.compare()


def test_what_the_target_has_not_is_kept_though_it_has_a_receipt(shop):
    """A receipt of before the target went back: the file is needed once more."""
    shop.sync()
    backup = shop.folder / "backup.db"
    with sqlite3.connect(shop.dw) as dw, sqlite3.connect(backup) as to:
        dw.backup(to)
    dw.close(), to.close()
    change(shop)
    shop.sync()
    first, second = (wb["files"][0]["key"] for wb in shop.chain("orders"))
    for path in shop.folder.glob("dw.db*"):
        path.unlink()
    backup.rename(shop.dw)
    shop.run("s3clean", "clean", "-t", "orders", "--force")
    assert parts(shop) == [second]
    shop.sync()
    shop.compare()


def test_nothing_goes_while_s_and_t_do_not_fit(shop):
    shop.sync()
    (shop.lake / "watermark/tables/p/orders.json").unlink()
    before = contents(shop.lake)
    assert "watermark restore --from-target" in shop.run("s3clean", "clean", "-t", "orders", "--force", status=6).err
    assert {key: value for key, value in contents(shop.lake).items() if key.startswith("p/")} == {key: value for key, value in before.items() if key.startswith("p/")}


def test_nothing_goes_while_another_run_has_the_lease(shop):
    shop.sync("-t", "orders")
    running = shop.start_sync("-t", "orders")
    assert running.hold_at_arrow("bound")
    try:
        assert "lease" in shop.run("s3clean", "clean", "-t", "orders", "--force", status=7, timeout=180).err
        assert len(parts(shop)) == 1
    finally:
        shop.finish(running)
    shop.run("s3clean", "clean", "-t", "orders", "--force")


# --- S3 ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(roads, s3):
    road = roads({"orders": {"increment": "id_only", "mode": "append"}}, lag="0s")
    road.in_source("CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(20)); INSERT INTO orders SELECT seq, 'x' FROM seq_1_to_30")
    return road


def test_keys_that_may_not_be_deleted_are_a_partial_failure(many, servers):
    import boto3
    minio = servers.get(MinIO)
    minio.new_bucket(many.name)
    many.connections["lake"] = minio.connection(many.name)
    many.write_config()
    many.environment |= {"AWS_ACCESS_KEY_ID": minio.access_key, "AWS_SECRET_ACCESS_KEY": minio.secret}
    many.sync()
    many.in_source("INSERT INTO orders VALUES (31, 'y')")
    many.sync()
    kept = json.loads(minio.client().get_object(Bucket=many.name, Key="watermark/tables/p/orders.json")["Body"].read())["extracted"]["key"].rpartition("/")[0]
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::*"},
        {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{many.name}/{kept}/*"}]}
    token = boto3.client("sts", endpoint_url=minio.endpoint, aws_access_key_id=minio.access_key, aws_secret_access_key=minio.secret, region_name="us-east-1").assume_role(
        RoleArn="arn:xxx:xxx:xxx:xxxx", RoleSessionName="test", DurationSeconds=900, Policy=json.dumps(policy))["Credentials"]
    many.environment |= {"AWS_ACCESS_KEY_ID": token["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": token["SecretAccessKey"], "AWS_SESSION_TOKEN": token["SessionToken"]}
    done = many.run("s3clean", "clean", "-t", "orders", "--force", status=3)
    assert "1 of 2 loaded files could not be deleted" in done.err and kept in done.err and "1 object deleted" in done.out
    assert [key for key in server_s3.keys(minio.client(), many.name, "p/orders/") if key.endswith(".parquet")] == [f"{kept}/file-00000.parquet"]
    del many.environment["AWS_SESSION_TOKEN"]
    many.environment |= {"AWS_ACCESS_KEY_ID": many.s3.access_key, "AWS_SECRET_ACCESS_KEY": many.s3.secret}


# --- orphans -----------------------------------------------------------------------------------------------------------


def test_orphans_are_shown_and_deleted_only_when_told_to(shop):
    shop.sync()
    old, young = litter(shop, 3), litter(shop, 0, "wb=0190b0a0-0000-7000-8000-000000000002")
    before = contents(shop.lake)
    found = shop.run("s3clean", "orphans", "--dry-run", "--output", "json").json()
    assert found["dry_run"] and found["tables"][0] == {
        "pipeline": "p", "table": "orders", "count": 1, "bytes": 6, "samples": [str(old.relative_to(shop.lake))], "deleted": 0, "failed": 0}
    assert "1 orphan, 6 B" in shop.run("s3clean", "orphans", "--dry-run").out
    assert "--force" in shop.run("s3clean", "orphans", status=2).err, "nobody is there to be asked"
    assert contents(shop.lake) == before
    done = shop.run("s3clean", "orphans", "--force", "-t", "orders")
    assert "orders: 1 object deleted" in done.out
    assert not old.exists() and young.exists()
    shop.run("s3clean", "orphans", "--force", "--older-than", "0s")
    assert not young.exists()
    shop.assert_tidy()


@pytest.mark.parametrize("answer, is_there", [("y\n", False), ("n\n", True), ("\n", True), ("\x04", True)])
def test_on_a_terminal_somebody_is_asked_about_orphans(shop, answer, is_there):
    shop.sync("-t", "orders")
    old = litter(shop, 3)
    status, said = on_terminal(shop, ["s3clean", "orphans"], "[y/N] ", answer)
    assert status == 0 and "delete 1 orphan (6 B) for good? [y/N] " in said
    assert old.exists() == is_there


def test_orphans_without_a_scope_document_are_not_called_so(shop):
    shop.sync("-t", "orders")
    old = litter(shop, 3)
    (shop.lake / "watermark/tables/p/orders.json").unlink()
    assert "watermark restore --from-target" in shop.run("s3clean", "orphans", "-t", "orders", "--force", status=6).err
    assert old.exists()
