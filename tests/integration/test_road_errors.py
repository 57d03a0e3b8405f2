"""What goes wrong with real servers in the first hour: each message says what failed, on which object, why, and what to do."""
import re

import pytest

from server_s3 import MinIO, VersityGW
from test_first_hour import assert_told

MAKE = """
CREATE TABLE orders (id INT NOT NULL PRIMARY KEY, note VARCHAR(20), updated_at DATETIME NOT NULL, KEY (updated_at));
INSERT INTO orders SELECT seq, seq, NOW() - INTERVAL 1 DAY FROM seq_1_to_100;
"""


@pytest.fixture
def road(roads):
    made = roads({"orders": {}})
    made.in_source(MAKE)
    return made


def sync(road, *flags, status):
    done = road.sync("--log-level", "error", "--progress", "none", *flags, status=None, timeout=90)
    print(done.err)
    assert done.status == status, f"ended with {done.status}\n{done.err}"
    return done


def change(road, connection, **options):
    road.connections[connection].update(options)
    road.write_config()


def assert_nothing_happened(road):
    assert [key for key in road.keys() if "/.probe/" not in key and key.endswith(".parquet")] == []
    assert road.in_target("SELECT count(*) FROM pg_tables WHERE tablename = 'orders'") == [(0,)]


# --- the source -------------------------------------------------------------------------------------------------------


def test_a_wrong_password_of_mariadb(road):
    road.environment["MARIADB_PASSWORD"] = "n0t-the-passw0rd"
    done = sync(road, status=8)
    assert_told(done, "source 'shop'", f"127.0.0.1:{road.mariadb.port}", "Access denied", "password")
    assert "n0t-the-passw0rd" not in done.err
    assert_nothing_happened(road)


def test_a_wrong_password_is_told_by_check_too(road):
    road.environment["MARIADB_PASSWORD"] = "n0t-the-passw0rd"
    done = road.run("check", status=None)
    assert done.status in (3, 8)
    assert re.search(r"shop .*Access denied", done.out + done.err), done.out + done.err


def test_nobody_listens_where_mariadb_should_be(road, servers):
    change(road, "shop", port=1)
    assert_told(sync(road, status=5), "source 'shop'", "127.0.0.1:1", "onnect", "")


def test_a_host_that_has_no_address(road):
    change(road, "shop", host="db.invalid")
    assert_told(sync(road, status=5), "source 'shop'", "db.invalid", "", "host")


def test_a_database_that_is_not_there(road):
    change(road, "shop", database="shpo")
    done = sync(road, status=8)  # so it is said to whoever has no rights on it
    assert_told(done, "source 'shop'", "shpo", "", "database")


def test_a_missing_table_of_mariadb(road):
    assert_told(sync(road, "-t", "ordres", status=4), "no table", "'ordres'", "did you mean 'orders'", "")
    assert road.keys("watermark/tables/p/") == []


def test_a_table_that_may_not_be_read(road):
    road.mariadb.run(f"CREATE USER 'narrow'@'127.0.0.1' IDENTIFIED BY '{road.mariadb.secret}'; GRANT PROCESS ON *.* TO 'narrow'@'127.0.0.1';"
                     f" GRANT SELECT (id, updated_at) ON `{road.name}`.orders TO 'narrow'@'127.0.0.1'")
    change(road, "shop", user="narrow")
    road.in_target("SELECT 1")
    done = road.sync("--log-level", "error", "--progress", "none", status=None)
    if done.status == 0:
        assert road.in_target("SELECT count(*) FROM information_schema.columns WHERE table_name = 'orders'") == [(2,)], "a column that may not be seen does not exist"
    else:
        assert_told(done, "'orders'", "", "", "GRANT SELECT")


def test_open_transactions_that_may_not_be_seen(road):
    change(road, "shop", user="blind")
    assert_told(sync(road, status=2), "open transactions", "shop", "", "lag: 10m")
    assert_nothing_happened(road)
    road.pipeline["lag"] = "10m"
    road.write_config()
    sync(road, status=0)


def test_a_certificate_of_mariadb_that_nobody_vouches_for(road):
    road.connections["shop"].pop("tls_ca")
    road.write_config()
    assert_told(sync(road, status=8), "source 'shop'", f"127.0.0.1:{road.mariadb.port}", "certificate", "tls_ca")


# --- the store --------------------------------------------------------------------------------------------------------


def test_a_wrong_secret_key(road):
    road.environment["AWS_SECRET_ACCESS_KEY"] = "n0t-the-secret"
    done = sync(road, status=8)
    assert_told(done, "store 'lake'", f"s3://{road.name}", "SignatureDoesNotMatch", "secret")
    assert "n0t-the-secret" not in done.err
    assert_nothing_happened(road)


def test_an_access_key_that_the_store_does_not_know(road):
    road.environment["AWS_ACCESS_KEY_ID"] = "NOBODY"
    assert_told(sync(road, status=8), "store 'lake'", f"s3://{road.name}", "InvalidAccessKeyId", "")


def test_no_keys_at_all(road):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        road.environment[name] = ""
    assert_told(sync(road, status=2), "store 'lake'", "credentials", "AWS_ACCESS_KEY_ID is not set", "AWS_ACCESS_KEY_ID")


def test_a_bucket_that_is_not_there(road):
    change(road, "lake", bucket="nobodys-bucket")
    assert_told(sync(road, status=2), "store 'lake'", "nobodys-bucket", "NoSuchBucket", "bucket")


def test_a_wrong_region_is_put_right_by_what_the_server_says(road):
    change(road, "lake", region="eu-central-1")
    done = road.sync("--log-level", "error", "--progress", "none", status=None)
    if done.status != 0:
        assert_told(done, "store 'lake'", f"s3://{road.name}", "us-east-1", "region")


def test_a_user_who_may_not_write(road, s3):
    s3.new_user("READER", "s3cret-of-reader")
    road.environment |= {"AWS_ACCESS_KEY_ID": "READER", "AWS_SECRET_ACCESS_KEY": "s3cret-of-reader"}
    assert_told(sync(road, status=8), "store 'lake'", f"s3://{road.name}", "AccessDenied", "")


def test_a_token_that_is_none(roads, servers):
    road = roads({"orders": {}}, store=servers.get(MinIO))
    road.in_source(MAKE)
    keys = road.s3.short_lived(900)
    road.environment |= keys
    sync(road, status=0)
    road.environment["AWS_SESSION_TOKEN"] = keys["AWS_SESSION_TOKEN"][:-9] + "AAAAAAAAA"
    done = sync(road, status=8)
    assert_told(done, "store 'lake'", f"s3://{road.name}", "InvalidTokenId", "new credentials")
    assert keys["AWS_SESSION_TOKEN"][:20] not in "".join(road.said)


def test_a_certificate_of_the_store_that_nobody_vouches_for(roads, servers):
    road = roads({"orders": {}}, store=servers.get(VersityGW, "versitygw-tls", tls=True))
    road.in_source(MAKE)
    assert_told(sync(road, status=2), "store 'lake'", "127.0.0.1", "certificate", "tls_ca")
    change(road, "lake", tls_ca=str(road.s3.authority))
    sync(road, status=0)
    road.assert_equal()


def test_plain_http_where_tls_is_spoken(roads, servers):
    road = roads({"orders": {}}, store=servers.get(VersityGW, "versitygw-tls", tls=True))
    road.in_source(MAKE)
    change(road, "lake", endpoint=road.s3.endpoint.replace("https", "http"))
    done = road.sync("--log-level", "error", "--progress", "none", status=None, timeout=90)
    assert done.status not in (0, 6)
    assert_told(done, "store 'lake'", "127.0.0.1", "", "")


# --- the target -------------------------------------------------------------------------------------------------------


def test_a_wrong_password_of_postgresql(road):
    road.environment["POSTGRES_PASSWORD"] = "n0t-the-passw0rd"
    done = sync(road, status=8)
    assert_told(done, "target 'dw'", f"127.0.0.1:{road.postgres.port}", "password authentication failed", "password")
    assert "n0t-the-passw0rd" not in done.err


def test_a_database_of_postgresql_that_is_not_there(road):
    change(road, "dw", database="nowhere")
    assert_told(sync(road, status=4), "target 'dw'", "nowhere", "does not exist", "database")


def test_a_schema_that_is_not_there(road):
    change(road, "dw", schema="ods")
    assert_told(sync(road, status=4), "target 'dw'", "ods", "does not exist", "create the schema")


def test_no_right_to_create_tables(road):
    road.in_target("REVOKE CREATE ON SCHEMA public FROM loader")
    assert_told(sync(road, status=8), "target 'dw'", "public", "permission denied", "GRANT")


def test_a_certificate_of_postgresql_that_nobody_vouches_for(road):
    road.connections["dw"].pop("tls_ca")
    road.write_config()
    assert_told(sync(road, status=8), "target 'dw'", f"127.0.0.1:{road.postgres.port}", "certificate", "tls_ca")


def test_a_table_of_another_shape_in_the_target(road):
    road.in_target("CREATE TABLE orders (id text, other int); ALTER TABLE orders OWNER TO loader")
    done = sync(road, status=6)
    assert_told(done, "'orders'", "", "", "")


def test_a_full_disk_of_the_target_is_temporary(road):
    road.in_target("CREATE TABLE orders (id int PRIMARY KEY, note varchar(20), updated_at timestamp); ALTER TABLE orders OWNER TO loader;"
                   "CREATE FUNCTION full_disk() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$ LANGUAGE plpgsql;"
                   "CREATE TRIGGER full_disk BEFORE INSERT ON orders FOR EACH STATEMENT EXECUTE FUNCTION full_disk()")
    done = road.sync("--log-level", "error", "--progress", "none", status=None)
    print(done.err)
    assert done.status == 5
    road.in_target("DROP TRIGGER full_disk ON orders")
    sync(road, status=0)
    road.assert_equal()
