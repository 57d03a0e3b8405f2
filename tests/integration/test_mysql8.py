"""Oracle's MySQL 8 as the source: what it has that MariaDB has not, or otherwise. What both have is tested with MariaDB."""
import json
import time

import pytest

import extremes
import road_writers
import test_extremes as every_type
from road import Road
from server_mysql import MySQL
from waybill import PLANTED, assert_told

ROWS = 3000
MAKE = f"""
CREATE TABLE orders (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, document JSON, seen DATETIME(6), at TIMESTAMP(3) NULL, price DECIMAL(20,6),
  ratio DOUBLE, small FLOAT, raw VARBINARY(64), flags BIT(12), kind ENUM('a','b','ü'), marks SET('x','y'), born YEAR, took TIME(3), place POINT,
  name VARCHAR(80) COLLATE utf8mb4_0900_ai_ci, hidden INT INVISIBLE DEFAULT 7, twice INT GENERATED ALWAYS AS (born * 2) VIRTUAL,
  updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (updated_at), KEY lower_name ((LOWER(name))));
INSERT INTO orders (document, seen, at, price, ratio, small, raw, flags, kind, marks, born, took, place, name, updated_at)
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
  SELECT /*+ SET_VAR(cte_max_recursion_depth = 100000) */ JSON_OBJECT('n', i, 'big', 12345678901234567890, 'half', i / 2, 'list', JSON_ARRAY(NULL, 'é', TRUE)),
    '2024-02-29 23:59:59.123456' + INTERVAL i SECOND, '2024-06-30 12:00:00.5' + INTERVAL i MINUTE, i / 7, SQRT(i), i / 3, UNHEX(MD5(i)), i % 4096,
    ELT(1 + i % 3, 'a', 'b', 'ü'), ELT(1 + i % 3, 'x', 'y', 'x,y'), 1901 + i % 200, SEC_TO_TIME(i), POINT(i, -i), CONCAT('{PLANTED} ', i),
    NOW(6) - INTERVAL 1 DAY - INTERVAL i SECOND FROM n;
"""
# Keys under the collation that is the default of MySQL 8 and that nothing else has: case and accents are no difference.
WORDS = """
CREATE TABLE words (word VARCHAR(40) COLLATE utf8mb4_0900_ai_ci NOT NULL, language CHAR(2) NOT NULL, n INT NOT NULL,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, PRIMARY KEY (word, language), KEY (updated_at));
INSERT INTO words WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
  SELECT CONCAT(ELT(1 + i % 6, 'Äpfel', 'apple', 'ZEBRA', 'ñandú', 'œuvre', '日本'), ' ', i DIV 2), IF(i % 2, 'de', 'en'), i, NOW() - INTERVAL 1 HOUR FROM n;
"""
COMPARED = {"id": "{}", "document": "JSON_EXTRACT({}, '$.n')", "seen": "DATE_FORMAT({}, '%Y-%m-%d %H:%i:%s.%f')", "at": "DATE_FORMAT(CONVERT_TZ({}, @@session.time_zone, '+00:00'), '%Y-%m-%d %H:%i:%s.%f')",
            "price": "{}", "raw": "LOWER(HEX({}))", "flags": "{} + 0", "kind": "{}", "marks": "{}", "born": "{} + 0", "name": "{}", "twice": "{}",
            "updated_at": "DATE_FORMAT({}, '%Y-%m-%d %H:%i:%s.%f')"}
IN_TARGET = {"document": "document::json ->> 'n'", "seen": "to_char(seen, 'YYYY-MM-DD HH24:MI:SS.US')", "at": "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
             "raw": "encode(raw, 'hex')", "updated_at": "to_char(updated_at, 'YYYY-MM-DD HH24:MI:SS.US')"}


@pytest.fixture(scope="module")
def mysql(servers):
    return servers.get(MySQL)


@pytest.fixture
def road(tmp_path, mysql, s3, postgres):
    made = Road(tmp_path, f"mysql8-{tmp_path.name[-24:].replace('_', '-').lower()}", mysql, s3, postgres, {"orders": {"mode": "merge"}}, lag="0s")
    made.environment["MYSQL_PASSWORD"] = mysql.secret
    yield made
    made.close()
    made.assert_nothing_planted()
    made.assert_no_secret()


def both_sides(road, where="TRUE"):
    theirs = road.in_source(f"SELECT CONCAT_WS('|', {', '.join(form.format(f'`{name}`') for name, form in COMPARED.items())}) FROM orders WHERE {where} ORDER BY id")
    ours = road.in_target(f"SELECT concat_ws('|', {', '.join(IN_TARGET.get(name, name) for name in COMPARED)}) FROM orders WHERE {where} ORDER BY id")
    return [row[0] for row in theirs], [row[0] for row in ours]


def assert_equal(road):
    theirs, ours = both_sides(road)
    assert theirs == ours


def test_its_types_indexes_and_hidden_columns_arrive_and_every_change_after_it(road):
    road.in_source(MAKE)
    road.sync()
    assert_equal(road)
    assert road.in_target("SELECT count(hidden), count(place), count(took), bool_and(ratio = sqrt(id::float8)) FROM orders") == [(ROWS, ROWS, ROWS, True)]
    road.in_source("UPDATE orders SET document = JSON_SET(document, '$.n', id) WHERE id % 10 = 1; UPDATE orders SET price = -1 WHERE id % 10 = 2")
    time.sleep(1.1)
    assert road.sync("--json-output", "-").moved() == {"orders": (ROWS // 10, ROWS // 10)}
    assert_equal(road)
    assert "passed" in road.run("audit", "-t", "orders").out


def test_keys_under_its_default_collation_are_walked_and_followed_in_chunks(road):
    road.tables = {"words": {"mode": "merge"}}
    road.pipeline["chunk"] = {"rows": 70}
    road.write_config()
    road.in_source(WORDS)
    both = "SELECT CONCAT_WS('|', word, language, n) AS w FROM words ORDER BY n"
    for _ in range(2):
        road.sync()
        assert road.in_source(both) == tuple(road.in_target(both))
        road.in_source("UPDATE words SET n = n + 1000 WHERE language = 'de'")
        time.sleep(1.1)
    assert len(road.chain("words")) > 15


def test_s27_live_writers_lose_nothing(road):
    for name, entry in road_writers.TABLES.items():
        road.tables[name] = dict(entry)
    del road.tables["orders"], road.pipeline["lag"]
    road.write_config()
    road.in_source(road_writers.SEQUENCE_OF_MYSQL)
    runs, statements = road_writers.write_and_run(road, seconds=10, open_s=4)
    assert runs >= 2 and statements >= 100, "the test had nothing to do"


def test_a_prepared_transaction_is_seen_and_waited_for(road):
    """Its session may be gone. So soon after the server's start nothing tells how old it is."""
    road.in_source("CREATE TABLE orders (id INT PRIMARY KEY, updated_at DATETIME NOT NULL, KEY (updated_at)); INSERT INTO orders VALUES (1, NOW() - INTERVAL 1 HOUR)")
    road.in_source("XA START 'x'; INSERT INTO orders VALUES (2, NOW()); XA END 'x'; XA PREPARE 'x'")
    usual = road.connections["shop"]
    try:
        road.connections["shop"] = road.mariadb.connection(road.name, user="unprepared")
        road.write_config()
        assert_told(road.sync(status=8), "orders: ", "looking whether 'shop' has prepared XA transactions from before its last start",
                    "XAER_RMERR", "GRANT XA_RECOVER_ADMIN ON *.* TO this user")
        road.connections["shop"] = usual
        road.write_config()
        time.sleep(2.1)
        road.in_source("INSERT INTO orders VALUES (3, NOW())")
        time.sleep(1.1)
        assert_told(road.sync(status=5), "orders: ", "'shop' has a prepared XA transaction", "nothing tells which rows it has changed", "list it with XA RECOVER")
    finally:
        road.in_source("XA COMMIT 'x'")
    time.sleep(1.1)
    assert road.sync("--json-output", "-").moved() == {"orders": (3, 3)}


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_a_password_goes_its_own_way_and_is_never_sent_in_plain(road, tls):
    """caching_sha2_password: within TLS, or enciphered with the server's RSA key; the first login of an account after a start has no cache."""
    road.mariadb.run("FLUSH PRIVILEGES")  # empties the cache of passwords
    road.in_source("CREATE TABLE orders (id INT PRIMARY KEY, updated_at DATETIME NOT NULL, KEY (updated_at)); INSERT INTO orders VALUES (1, NOW() - INTERVAL 1 HOUR)")
    if not tls:
        road.in_the_clear()
    road.sync()
    assert road.in_target("SELECT count(*) FROM orders") == [(1,)]
    road.environment["MYSQL_PASSWORD"] = "wrong"
    assert "wrong-login" in road.run("check", "shop", status=None).err + road.sync(status=8).err


def test_rights_are_told_as_it_names_them(road):
    road.in_source("CREATE TABLE orders (id INT PRIMARY KEY, updated_at DATETIME NOT NULL, KEY (updated_at))")
    found = json.loads(road.run("check", "shop", "--grants", "--output", "json").out)["connections"][0]["grants"]
    assert [(one["right"], one["state"]) for one in found] == [(f"SELECT on `{road.name}`.`orders`", "there"), ("PROCESS on *.*", "there"), ("REPLICATION CLIENT on *.*", "there"), ("XA_RECOVER_ADMIN on *.*", "there")]
    road.connections["shop"] = road.mariadb.connection(road.name, user="blind")
    del road.pipeline["lag"]
    road.write_config()
    assert_told(road.sync(status=2), "orders: ", "'shop' does not show other sessions' open transactions", "which rows may still change", "GRANT PROCESS ON *.* TO this user")


def test_a_right_that_is_missing_is_listed_with_its_grant(road):
    road.in_source("CREATE TABLE orders (id INT PRIMARY KEY, updated_at DATETIME NOT NULL, KEY (updated_at))")
    road.connections["shop"] = road.mariadb.connection(road.name, user="blind")
    del road.pipeline["lag"]
    road.write_config()
    found = json.loads(road.run("check", "shop", "--grants", "--output", "json", status=8).out)["connections"][0]["grants"]
    assert [(one["right"], one["state"], one["needed"]) for one in found[1:]] == [("PROCESS on *.*", "missing", True), ("REPLICATION CLIENT on *.*", "missing", False), ("XA_RECOVER_ADMIN on *.*", "missing", False)]
    assert "GRANT PROCESS ON *.* TO `blind`@`127.0.0.1`;" in road.run("check", "shop", "--grants", status=8).out


def test_a_role_gives_rights_as_well(road, mysql):
    road.in_source("CREATE TABLE orders (id INT PRIMARY KEY, updated_at DATETIME NOT NULL, KEY (updated_at)); INSERT INTO orders VALUES (1, NOW() - INTERVAL 1 HOUR)")
    mysql.run(f"CREATE ROLE IF NOT EXISTS reading; GRANT SELECT ON *.* TO reading; GRANT PROCESS, REPLICATION CLIENT ON *.* TO reading;"
              f" CREATE USER IF NOT EXISTS 'roled'@'127.0.0.1' IDENTIFIED BY '{mysql.secret}' DEFAULT ROLE reading; GRANT reading TO 'roled'@'127.0.0.1'")
    road.connections["shop"] = mysql.connection(road.name, user="roled")
    road.write_config()
    road.sync()
    assert road.in_target("SELECT count(*) FROM orders") == [(1,)]


def test_s73_every_type_at_its_extremes(road):
    """In the file and in the target is what it says itself of each value; server and session have zones of their own."""
    columns = extremes.COLUMNS_OF_MYSQL8
    road.tables = {"extremes": {"increment": "full_sync", "columns": extremes.wishes("postgres", columns)}}
    road.write_config()
    road.in_source(extremes.create(columns=columns))
    road.sync()
    expected = every_type.of_source(road, "postgres", columns)
    every_type.assert_same(expected, every_type.of_stage(road, "postgres", columns), "staged")
    every_type.assert_same(expected, every_type.of_postgres(road, columns), "in PostgreSQL")
