"""`waybill check --grants`: what each role lacks, and that what it says to paste is enough."""
import json

import boto3
import pytest

from server_s3 import MinIO

TABLES = {"orders": {"increment": "hybrid"}, "log": {"increment": "full_sync", "mode": "replace"}}
SHOP = """
CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(20), updated_at DATETIME NOT NULL, KEY (updated_at));
CREATE TABLE log (id INT PRIMARY KEY, line VARCHAR(20));
INSERT INTO orders VALUES (1, 'a', NOW() - INTERVAL 2 DAY); INSERT INTO log VALUES (1, 'b');
"""


@pytest.fixture
def road(roads):
    made = roads({name: dict(entry) for name, entry in TABLES.items()})
    made.in_source(SHOP)
    return made


def grants(road, connection, status=0, *words):
    (found,) = road.run("check", "--grants", connection, *words, "--output", "json", status=status).json()["connections"]
    return found


def states(found, state="missing"):
    return [one["right"] for one in found["grants"] if one["state"] == state]


def test_a_mariadb_source_gets_along_with_what_it_is_told_to_paste(road):
    road.mariadb.run(f"CREATE USER 'poor'@'127.0.0.1' IDENTIFIED BY '{road.mariadb.secret}'; GRANT SELECT (id) ON `{road.name}`.log TO 'poor'@'127.0.0.1'")
    road.connections["shop"]["user"] = "poor"
    road.write_config()
    try:
        found = grants(road, "shop", 8)
        on = f"`{road.name}`"
        assert states(found) == [f"SELECT on {on}.`orders`", "PROCESS on *.*", "SLAVE MONITOR on *.*"]
        assert states(found, "there") == [f"SELECT on {on}.`log`"]
        assert [one["needed"] for one in found["grants"]] == [True, True, True, False], "nothing says that this is a replica"
        text = road.run("check", "--grants", "shop", status=8).out
        assert f"GRANT SELECT ON {on}.`orders` TO `poor`@`127.0.0.1`;" in text and "missing, not needed" in text
        road.mariadb.run(found["statements"][0])
        assert "PROCESS on *.*" in states(grants(road, "shop", 8))
        for statement in found["statements"][1:]:
            road.mariadb.run(statement)
        found = grants(road, "shop")
        assert states(found) == [] and found["statements"] == []
        road.sync()
    finally:
        road.mariadb.run("DROP USER 'poor'@'127.0.0.1'")


def test_a_lag_makes_process_a_right_that_is_not_needed(road):
    road.connections["shop"]["user"] = "blind"
    road.write_config()
    assert grants(road, "shop", 8)["grants"][2]["needed"]
    road.tables["orders"]["lag"] = "1m"
    road.tables["lo*"] = {"increment": "full_sync", "mode": "replace"}
    road.tables["gone"] = {"lag": "1m"}
    road.write_config()
    found = grants(road, "shop")
    assert states(found) == ["PROCESS on *.*", "SLAVE MONITOR on *.*"] and not any(one["needed"] for one in found["grants"] if one["state"] == "missing")
    assert states(found, "unknown") == [f"SELECT on `{road.name}`.`gone`", f"SELECT on `{road.name}`.*"]
    assert states(found, "there") == [f"SELECT on `{road.name}`.`orders`", f"SELECT on `{road.name}`.`log`"]


def test_a_postgres_target_gets_along_with_what_it_is_told_to_paste(road):
    road.in_target(f"REVOKE TEMPORARY ON DATABASE \"{road.name}\" FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM loader, PUBLIC;"
                   " CREATE TABLE log (id int PRIMARY KEY, line text)")
    found = grants(road, "dw", 8)
    assert states(found) == [f"TEMPORARY on DATABASE \"{road.name}\"", 'INSERT on "public"."log"', 'DELETE on "public"."log"', 'ownership of "public"."log"',
                             'USAGE on SCHEMA "public"', 'CREATE on SCHEMA "public"']
    needless = [one["right"] for one in found["grants"] if not one["needed"]]
    assert needless == ['ownership of "public"."log"']
    assert [one["for"] for one in found["grants"] if one["right"] in needless] == [
        "to add or to widen columns, where `waybill plan` tells of any; it is postgres's"]
    for statement in found["statements"]:
        if "OWNER" not in statement:
            road.in_target(statement)
    found = grants(road, "dw")
    assert states(found) == needless
    road.sync()
    road.in_target("REVOKE UPDATE ON orders FROM loader; REVOKE CREATE ON SCHEMA public FROM loader; REVOKE INSERT ON waybill_position FROM loader")
    found = grants(road, "dw", 8)
    assert states(found) == ['INSERT on "public"."waybill_position"', 'UPDATE on "public"."orders"', *needless, 'CREATE on SCHEMA "public"']
    assert [one["needed"] for one in found["grants"]][-1] is False, "every table is there"
    road.tables["log"]["audit"] = "profile"
    road.write_config()
    assert 'SELECT on "public"."log"' in states(grants(road, "dw", 8))
    road.connections["dw"]["schema"] = "nowhere"
    road.write_config()
    assert 'CREATE SCHEMA "nowhere" AUTHORIZATION "loader";' in grants(road, "dw", 8)["statements"]


def test_ownership_is_needed_where_a_table_is_swapped_or_gets_a_column(road):
    road.tables |= {"log": {"increment": "full_sync", "replace": "swap"}, "orders": {"delete_detection": "keys", "soft_delete": "gone_at"}}
    road.write_config()
    road.in_target("CREATE TABLE log (id int PRIMARY KEY, line text); CREATE TABLE orders (id int PRIMARY KEY, note text, updated_at timestamp);"
                   " GRANT ALL ON log, orders TO loader")
    owners = {'ownership of "public"."log"', 'ownership of "public"."orders"'}
    found = grants(road, "dw", 8)
    assert set(states(found)) == owners and all(one["needed"] for one in found["grants"] if one["right"] in owners)
    told = {one["right"]: one["for"] for one in found["grants"]}
    assert "swap" in told['ownership of "public"."log"'] and "'gone_at'" in told['ownership of "public"."orders"']
    assert 'ALTER TABLE "public"."log" OWNER TO loader' in road.run("plan", "-t", "log", status=8).err
    for statement in found["statements"]:
        road.in_target(statement)
    found = grants(road, "dw")
    assert states(found) == []
    road.sync()
    assert not any(one["needed"] for one in grants(road, "dw")["grants"] if one["right"] == 'ownership of "public"."orders"'), "its column is there"


def test_a_postgres_source_gets_along_with_what_it_is_told_to_paste(roads):
    road = roads({"story.orders": {"increment": "hybrid"}, "log": {"increment": "full_sync", "mode": "replace"}})
    road.in_target("CREATE SCHEMA story; CREATE TABLE story.orders (id int PRIMARY KEY, updated_at timestamptz NOT NULL); CREATE TABLE log (id int PRIMARY KEY);"
                   " CREATE INDEX ON story.orders (updated_at); ALTER TABLE log ENABLE ROW LEVEL SECURITY")
    road.connections["shop"] = road.postgres.connection(road.name)
    road.write_config()
    try:
        road.in_target("REVOKE pg_read_all_stats FROM loader")  # which other stories may have given
        found = grants(road, "shop", 8)
        assert states(found) == ["USAGE on SCHEMA story", "SELECT on story.orders", "SELECT on public.log", "BYPASSRLS", "pg_read_all_stats"]
        for i, statement in enumerate(found["statements"]):
            assert len(states(grants(road, "shop", 8))) == 5 - i
            road.in_target(statement)
        found = grants(road, "shop")
        assert states(found) == [] and found["statements"] == []
    finally:
        road.in_target("REVOKE pg_read_all_stats FROM loader; ALTER ROLE loader NOBYPASSRLS")


def test_the_policy_of_an_s3_store_is_enough_and_each_action_that_is_missing_is_named(road, servers):
    minio = servers.get(MinIO)
    minio.new_bucket(road.name)
    road.connections["lake"] = minio.connection(road.name)
    road.write_config()

    def become(policy):
        token = boto3.client("sts", endpoint_url=minio.endpoint, aws_access_key_id=minio.access_key, aws_secret_access_key=minio.secret, region_name="us-east-1").assume_role(
            RoleArn="arn:xxx:xxx:xxx:xxxx", RoleSessionName="test", DurationSeconds=900, Policy=policy)["Credentials"]
        road.environment |= {"AWS_ACCESS_KEY_ID": token["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": token["SecretAccessKey"], "AWS_SESSION_TOKEN": token["SessionToken"]}

    road.environment |= {"AWS_ACCESS_KEY_ID": minio.access_key, "AWS_SECRET_ACCESS_KEY": minio.secret}
    (text,) = grants(road, "lake")["statements"]
    policy = json.loads(text)
    assert policy["Statement"][0]["Resource"] == [f"arn:aws:s3:::{road.name}/{prefix}*" for prefix in (
        "watermark/.probe/", "watermark/tables/p/", "watermark/history/p/", "completion_markers/p/", "p/")]
    become(text)
    found = grants(road, "lake")
    assert states(found) == [] and len(states(found, "there")) == 6 and len(states(found, "unknown")) == 4
    road.run("check", "lake")
    road.sync()
    road.run("status")
    road.run("s3clean", "orphans", "-t", "orders")
    for statement, action in [(0, "s3:PutObject"), (0, "s3:GetObject"), (0, "s3:DeleteObject"), (0, "s3:AbortMultipartUpload"), (1, "s3:ListBucket"), (1, "s3:ListBucketMultipartUploads")]:
        lesser = json.loads(text)
        lesser["Statement"][statement]["Action"].remove(action)
        become(json.dumps(lesser))
        assert [right.split(",")[0] for right in states(grants(road, "lake", 8))] == [action]
    become(text)
    assert minio.client().list_objects_v2(Bucket=road.name, Prefix="watermark/.probe/").get("KeyCount") <= 1, "only what may not be deleted stays"


def test_the_policy_names_the_key_of_sse_kms(road):
    def key_of(**options):
        road.connections["lake"] = road.s3.connection(road.name) | options
        road.write_config()
        (text,) = grants(road, "lake")["statements"] or [None]
        return next((one for one in json.loads(text)["Statement"] if one["Sid"] == "WaybillKey"), None)

    assert key_of() is None and key_of(sse="aws:kms") is None, "S3's own key is open to whoever may use the bucket"
    found = key_of(sse="aws:kms", kms_key_id="1234-56")
    assert found["Resource"] == "arn:aws:kms:us-east-1:*:key/1234-56" and found["Action"] == ["kms:GenerateDataKey", "kms:Decrypt"]
    assert key_of(sse="aws:kms:dsse", kms_key_id="arn:aws:kms:us-east-1:1:key/1")["Resource"] == "arn:aws:kms:us-east-1:1:key/1"
    found = key_of(sse="aws:kms", kms_key_id="alias/lake")
    assert found["Resource"] == "arn:aws:kms:us-east-1:*:key/*" and found["Condition"] == {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/lake"}}


def test_files_are_told_by_their_permissions(route):
    shop = route({"orders": {}})
    shop.in_source("CREATE TABLE orders (id INTEGER PRIMARY KEY, updated_at DATETIME NOT NULL)")
    found = shop.run("check", "--grants", "--output", "json").json()["connections"]
    assert [(one["connection"], one["as"], {grant["state"] for grant in one["grants"]}) for one in found] == [
        ("shop", "source", {"there"}), ("lake", "store", {"there"}), ("dw", "target", {"there"})]
    assert shop.run("check", "--grants", "-p", "nope", status=2).err.startswith("waybill: error:")
    assert "goes with --grants" in shop.run("check", "-p", "p", status=2).err
    shop.connections["dw"]["path"] = "missing/dw.db"
    shop.write_config()
    assert "\nmkdir -p " in shop.run("check", "--grants", status=8).out
