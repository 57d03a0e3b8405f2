"""What goes wrong with real servers in the first hour: each message says what failed, on which object, why, and what to do, and
the same failure ends with the same status whichever server it comes from (the table of the README)."""
import re

import pytest

from proxy import DOWN, Cut, Stall
from server_s3 import MinIO, VersityGW
from waybill import assert_told

CONFIG, NOT_FOUND, TEMPORARY, INTEGRITY, DENIED = 2, 4, 5, 6, 8

MAKE = """
CREATE TABLE orders (id INT NOT NULL PRIMARY KEY, note VARCHAR(20), updated_at DATETIME NOT NULL, KEY (updated_at));
INSERT INTO orders SELECT seq, seq, NOW() - INTERVAL 1 DAY FROM seq_1_to_100;
"""
NOT_THE_SECRET = "n0t-the-passw0rd"


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
    """An option None is taken out."""
    merged = road.connections[connection] | options
    road.connections[connection] = {name: value for name, value in merged.items() if value is not None}
    road.write_config()


def set_environment(road, **values):
    road.environment |= values


def narrow(road):
    road.mariadb.run(f"CREATE USER IF NOT EXISTS 'narrow'@'127.0.0.1' IDENTIFIED BY '{road.mariadb.secret}'; GRANT PROCESS ON *.* TO 'narrow'@'127.0.0.1'")
    change(road, "shop", user="narrow")


def reader(road):
    road.s3.new_user("READER", "s3cret-of-reader")
    set_environment(road, AWS_ACCESS_KEY_ID="READER", AWS_SECRET_ACCESS_KEY="s3cret-of-reader")


def no_readable_authority(road, connection):
    change(road, connection, tls_ca=str(road.folder / "nothing.pem"))


# What is broken, the status, and the four parts: what failed, on which object, why, what to do. {port}: of that server.
TABLE = {
    # the source
    "a wrong password of MariaDB": (lambda r: set_environment(r, MARIADB_PASSWORD=NOT_THE_SECRET), DENIED,
                                    "source 'shop'", "127.0.0.1:{mariadb}", "Access denied", "password"),
    "nobody listens where MariaDB should be": (lambda r: change(r, "shop", port=1), TEMPORARY, "source 'shop'", "127.0.0.1:1", "onnect", "'port'"),
    "a host of MariaDB that has no address": (lambda r: change(r, "shop", host="db.invalid"), TEMPORARY, "source 'shop'", "db.invalid", "Unknown server host", "host"),
    # so it is said to whoever has no rights on it
    "a database of MariaDB that is not there": (lambda r: change(r, "shop", database="shpo"), DENIED, "source 'shop'", "shpo", "Access denied", "database"),
    "a database of MariaDB without rights": (narrow, DENIED, "source 'shop'", "{name}", "Access denied", "GRANT SELECT"),
    "open transactions that may not be seen": (lambda r: change(r, "shop", user="blind"), CONFIG, "open transactions", "shop", "nothing tells which rows may still change", "lag: 10m"),
    "a certificate of MariaDB that nobody vouches for": (lambda r: change(r, "shop", tls_ca=None), DENIED,
                                                         "source 'shop'", "127.0.0.1:{mariadb}", "certificate", "tls_ca"),
    "no file of authorities for MariaDB": (lambda r: no_readable_authority(r, "shop"), CONFIG, "'shop'", "nothing.pem", "No such file", "'tls_ca'"),
    # the store
    "a wrong secret key": (lambda r: set_environment(r, AWS_SECRET_ACCESS_KEY=NOT_THE_SECRET), DENIED,
                           "store 'lake'", "s3://{name}", "SignatureDoesNotMatch", "secret"),
    "an access key that the store does not know": (lambda r: set_environment(r, AWS_ACCESS_KEY_ID="NOBODY"), DENIED,
                                                   "store 'lake'", "s3://{name}", "InvalidAccessKeyId", "access_key_id"),
    "no keys at all": (lambda r: set_environment(r, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""), CONFIG,
                       "store 'lake'", "credentials", "AWS_ACCESS_KEY_ID is not set", "AWS_ACCESS_KEY_ID"),
    "a bucket that is not there": (lambda r: change(r, "lake", bucket="nobodys-bucket"), NOT_FOUND, "store 'lake'", "nobodys-bucket", "NoSuchBucket", "bucket"),
    "a user who may not write": (reader, DENIED, "store 'lake'", "s3://{name}", "AccessDenied", "s3:PutObject"),
    "nobody listens where the store should be": (lambda r: change(r, "lake", endpoint="http://127.0.0.1:1"), TEMPORARY,
                                                 "store 'lake'", "127.0.0.1:1", "no connection", "the server runs"),
    "an endpoint that has no address": (lambda r: change(r, "lake", endpoint="http://s3.invalid"), TEMPORARY,
                                        "store 'lake'", "s3.invalid", "resolve", "host"),
    # the target
    "a wrong password of PostgreSQL": (lambda r: set_environment(r, POSTGRES_PASSWORD=NOT_THE_SECRET), DENIED,
                                       "target 'dw'", "127.0.0.1:{postgres}", "password authentication failed", "password"),
    "nobody listens where PostgreSQL should be": (lambda r: change(r, "dw", port=1), TEMPORARY, "target 'dw'", "127.0.0.1:1", "refused", "`port`"),
    "a host of PostgreSQL that has no address": (lambda r: change(r, "dw", host="db.invalid"), TEMPORARY, "target 'dw'", "db.invalid", "could not translate host name", "host"),
    "a database of PostgreSQL that is not there": (lambda r: change(r, "dw", database="nowhere"), NOT_FOUND, "target 'dw'", "nowhere", "does not exist", "database"),
    "a schema that is not there": (lambda r: change(r, "dw", schema="ods"), NOT_FOUND, "target 'dw'", "ods", "does not exist", "create the schema"),
    "no right to create tables": (lambda r: r.in_target("REVOKE CREATE ON SCHEMA public FROM loader"), DENIED,
                                  "target 'dw'", "public", "permission denied", "GRANT"),
    "a certificate of PostgreSQL that nobody vouches for": (lambda r: change(r, "dw", tls_ca=None), DENIED,
                                                            "target 'dw'", "127.0.0.1:{postgres}", "certificate", "tls_ca"),
    "no file of authorities for PostgreSQL": (lambda r: no_readable_authority(r, "dw"), CONFIG, "target 'dw'", "nothing.pem", "does not exist", "`tls_ca`"),
}


@pytest.mark.parametrize("case", TABLE)
def test_a_door_that_is_shut(road, case):
    breaks, status, *parts = TABLE[case]
    breaks(road)
    done = sync(road, status=status)
    names = {"name": road.name, "mariadb": road.mariadb.port, "postgres": road.postgres.port}
    assert_told(done, *(part.format_map(names) for part in parts))
    assert NOT_THE_SECRET not in done.err
    assert [key for key in road.keys() if key.endswith(".parquet")] == []


# --- the source -------------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_told_by_check_too(road):
    road.environment["MARIADB_PASSWORD"] = NOT_THE_SECRET
    done = road.run("check", status=None)
    assert done.status in (3, DENIED)
    assert re.search(r"shop .*Access denied", done.out + done.err), done.out + done.err


def test_a_missing_table_of_mariadb(road):
    assert_told(sync(road, "-t", "ordres", status=NOT_FOUND), "no table", "'ordres'", "did you mean 'orders'", "SHOW TABLES")
    assert road.keys("watermark/tables/p/") == []


def test_a_column_that_may_not_be_read_does_not_exist(road):
    narrow(road)
    road.mariadb.run(f"GRANT SELECT (id, updated_at) ON `{road.name}`.orders TO 'narrow'@'127.0.0.1'")
    sync(road, status=0)
    assert road.in_target("SELECT count(*) FROM information_schema.columns WHERE table_name = 'orders'") == [(2,)]


def test_a_lag_stands_in_for_open_transactions_that_may_not_be_seen(road):
    change(road, "shop", user="blind")
    road.pipeline["lag"] = "10m"
    road.write_config()
    sync(road, status=0)


@pytest.mark.parametrize("fault", [Cut(after=60), Stall(after=60), Cut(after=200, way=DOWN), Stall(after=200, way=DOWN)], ids=lambda fault: f"{type(fault).__name__} {fault.way}")
def test_a_connection_that_ends_in_the_handshake_is_no_wrong_certificate(road, fault):
    """The greeting has come, TLS has begun: what is wrong is the network, and it may be well in a minute."""
    proxy = road.through("shop")
    change(road, "shop", connect_timeout="1s")
    proxy.fault = fault
    done = sync(road, status=5)
    assert_told(done, "source 'shop'", f"127.0.0.1:{proxy.port}", "onnect", "again")
    assert proxy.hits > 0 and "certificate" not in done.err
    proxy.fault = None
    sync(road, status=0)


# --- the store --------------------------------------------------------------------------------------------------------


def test_a_wrong_region_is_put_right_by_what_the_server_says(road):
    change(road, "lake", region="eu-central-1")
    sync(road, status=0)
    road.assert_equal()


def test_a_certificate_of_the_store_that_nobody_vouches_for(roads, servers):
    road = roads({"orders": {}}, store=servers.get(VersityGW, "versitygw-tls", tls=True))
    road.in_source(MAKE)
    assert_told(sync(road, status=DENIED), "store 'lake'", "127.0.0.1", "certificate", "tls_ca")
    no_readable_authority(road, "lake")
    assert_told(sync(road, status=CONFIG), "store 'lake'", "nothing.pem", "cannot be read", "tls_ca")
    change(road, "lake", tls_ca=str(road.s3.authority))
    sync(road, status=0)
    road.assert_equal()


def test_plain_http_where_tls_is_spoken(roads, servers):
    road = roads({"orders": {}}, store=servers.get(VersityGW, "versitygw-tls", tls=True))
    road.in_source(MAKE)
    change(road, "lake", endpoint=road.s3.endpoint.replace("https", "http"))
    assert_told(sync(road, status=TEMPORARY), "store 'lake'", "127.0.0.1", "no whole answer", "whether it speaks http:// or https://")


# Tokens: MinIO is the server that has them. It forgets the keys of one that has expired, as `forget` makes it do at once.


@pytest.fixture
def token_road(roads, servers):
    road = roads({"orders": {}}, store=servers.get(MinIO), lag="0s")
    road.in_source(MAKE)
    return road


def assert_token_is_not_told(road, keys):
    assert keys["AWS_SESSION_TOKEN"][:20] not in "".join(road.said)


def test_a_session_token_that_is_none(token_road):
    road, keys = token_road, token_road.s3.short_lived(900)
    road.environment |= keys
    sync(road, status=0)
    road.environment["AWS_SESSION_TOKEN"] = keys["AWS_SESSION_TOKEN"][:-9] + "AAAAAAAAA"
    done = sync(road, status=DENIED)
    assert_told(done, "store 'lake'", f"s3://{road.name}", "InvalidTokenId", "new credentials")
    assert f"session token of the environment (access key {keys['AWS_ACCESS_KEY_ID']})" in done.err
    assert_token_is_not_told(road, keys)


def test_a_session_token_that_has_expired(token_road):
    road, keys = token_road, token_road.s3.short_lived(900)
    road.environment |= keys
    sync(road, status=0)
    road.s3.forget(keys["AWS_ACCESS_KEY_ID"])
    done = sync(road, status=DENIED)
    assert_told(done, "store 'lake'", f"s3://{road.name}", "has expired", "new credentials")
    assert f"session token of the environment (access key {keys['AWS_ACCESS_KEY_ID']})" in done.err
    assert_token_is_not_told(road, keys)


def write_profile(road, keys):
    folder = road.folder / ".aws"
    folder.mkdir(exist_ok=True)
    fresh = folder / "fresh"
    fresh.write_text("[default]\n" + "".join(f"{name.lower()} = {value}\n" for name, value in keys.items()))
    fresh.rename(folder / "credentials")


def test_a_session_token_that_expires_in_the_middle_of_a_run_is_replaced_from_where_it_came(token_road):
    road = token_road
    old, new = road.s3.short_lived(900), road.s3.short_lived(900)
    write_profile(road, old)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        road.environment[name] = ""
    road.in_source("INSERT INTO orders SELECT seq, seq, NOW() - INTERVAL 1 DAY FROM seq_101_to_100000")
    road.pipeline |= {"chunk": {"rows": 5000}, "max_pending": 1}
    road.write_config()
    running = road.start_sync()
    assert running.until_arrow("load", nth=3)
    write_profile(road, new)
    road.s3.forget(old["AWS_ACCESS_KEY_ID"])
    done = road.finish(running)
    assert done.status == 0, done.err
    road.assert_equal()
    assert len(road.chain("orders")) == 20
    for keys in (old, new):
        assert_token_is_not_told(road, keys)


# --- the target -------------------------------------------------------------------------------------------------------


def test_a_table_of_another_shape_in_the_target(road):
    road.in_target("CREATE TABLE orders (id text, other int); ALTER TABLE orders OWNER TO loader")
    assert_told(sync(road, status=INTEGRITY), "target 'dw'", "'orders' does not fit the source", "~ id: text -> integer", "ALTER TABLE")


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_pooler_that_shares_sessions_is_refused_and_one_that_does_not_is_taken(road, mode):
    pooler = road.postgres.pooler(road.name, mode)
    try:
        change(road, "dw", port=pooler.port, tls="off", tls_ca=None)
        if mode == "session":
            sync(road, status=0)
            road.assert_equal()
        else:
            assert_told(sync(road, status=CONFIG), "target 'dw'", f"127.0.0.1:{pooler.port}", "pooler", "pool_mode = session")
    finally:
        pooler.stop()


def test_a_full_disk_of_the_target_is_temporary(road):
    road.in_target("CREATE TABLE orders (id int PRIMARY KEY, note varchar(20), updated_at timestamp); ALTER TABLE orders OWNER TO loader;"
                   "CREATE FUNCTION full_disk() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$ LANGUAGE plpgsql;"
                   "CREATE TRIGGER full_disk BEFORE INSERT ON orders FOR EACH STATEMENT EXECUTE FUNCTION full_disk()")
    sync(road, status=TEMPORARY)
    road.in_target("DROP TRIGGER full_disk ON orders")
    sync(road, status=0)
    road.assert_equal()
