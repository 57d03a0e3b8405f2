"""S66: tables and columns of any name, through both databases and the keys of objects between; and names that cannot be."""
import pytest

import duck
from waybill import sqlite_rows

NAMES = ["order", "two words", "1st", "Upper", "quote'd", 'double"d', "back`tick", "Käse", "日本語", "per%cent", "semi;colon--", "x" * 63, "a/b\\c", "${HOME}"]
COLUMNS = ["select", "a b", "9", "Mixed", "it's", 'say "x"', "`", "Ünïcode", "dot.ted", "%s", "--", "c" * 63, ":1", "$1", "excluded", "null"]
CURSOR, CHANGED = "dot.ted", "`"
TABLES = {name: {"cursor": CURSOR, "key": ["select", "a b"]} for name in NAMES}
EXPECTED = [tuple({CURSOR: "2025-01-02 00:00:00", CHANGED: "changed"}.get(name, f"v{i}") for i, name in enumerate(COLUMNS))]


def back(name):
    return "`" + name.replace("`", "``") + "`"


def double(name):
    return '"' + name.replace('"', '""') + '"'


def scripts(quote, text):
    """What makes the tables, and what then changes them."""
    columns = ", ".join(f"{quote(name)} {'DATETIME' if name == CURSOR else text} NOT NULL" for name in COLUMNS)
    values = ", ".join("'2025-01-01 00:00:00'" if name == CURSOR else f"'v{i}'" for i, name in enumerate(COLUMNS))
    create = [f"CREATE TABLE {quote(name)} ({columns}, PRIMARY KEY ({quote('select')}, {quote('a b')})); INSERT INTO {quote(name)} VALUES ({values})" for name in NAMES]
    change = [f"UPDATE {quote(name)} SET {quote(CHANGED)} = 'changed', {quote(CURSOR)} = '2025-01-02 00:00:00'" for name in NAMES]
    return ";".join(create), ";".join(change)


def in_sqlite(path, table):
    return sqlite_rows(path, f"SELECT * FROM {double(table)}")


@pytest.mark.parametrize("way", ["postgres", "sqlite"])
def test_s66_names_of_mariadb_are_only_names(roads, way):
    """And so are those of the objects: each table has its marks and its files on S3."""
    road = roads(TABLES, lag="0s")
    if way == "sqlite":
        road.connections["dw"] = {"type": "sqlite", "path": "dw.db"}
        road.write_config()
    for script, flags in zip(scripts(back, "VARCHAR(40)"), ([], ["--full-refresh"])):  # merged, then replaced
        road.in_source(script)
        road.sync(*flags)
    texts = ", ".join(f"{double(column)}::text" for column in COLUMNS)
    for name in NAMES:
        found = road.in_target(f"SELECT {texts} FROM {double(name)}") if way == "postgres" else in_sqlite(road.folder / "dw.db", name)
        assert found == EXPECTED, name
    assert sorted(line["table"] for line in road.run("status", "-p", "p", "--output", "json").json()["tables"]) == sorted(NAMES)


def test_s66_names_of_sqlite_are_only_names(route):
    way = route(TABLES, lag="0s")
    for script, flags in zip(scripts(double, "TEXT"), ([], ["--full-refresh"])):
        way.in_source(script)
        way.sync(*flags)
    for name in NAMES:
        assert in_sqlite(way.dw, name) == EXPECTED, name


LONG = "é" * 40  # 40 characters, of which MariaDB has 64, and 80 bytes, of which PostgreSQL has 63


def test_s66_a_name_that_is_too_long_is_refused_at_plan_and_says_the_way_out(roads):
    road = roads({LONG: {"increment": "full_sync"}}, lag="0s")
    road.in_source(f"CREATE TABLE `{LONG}` (id INT PRIMARY KEY, `{LONG}` INT); INSERT INTO `{LONG}` VALUES (1, 2)")
    refused = road.run("plan", status=2)
    assert "has 80 bytes, of which PostgreSQL keeps 63" in refused.err and "`target: ...`" in refused.err
    road.tables[LONG]["target"] = "short"
    road.write_config()
    assert f'columns: {{"{LONG}": {{name: ...}}}}' in road.run("plan", status=2).err
    road.tables[LONG]["columns"] = {LONG: {"name": "brief"}}
    road.write_config()
    road.sync()
    assert road.in_target("SELECT id, brief FROM short") == [(1, 2)]


def test_s66_two_tables_that_are_one_to_the_target_are_refused(roads):
    road = roads({"T": {"increment": "full_sync"}, "t": {"increment": "full_sync"}}, lag="0s")
    road.connections["dw"] = {"type": "sqlite", "path": "dw.db"}
    road.write_config()
    road.in_source("CREATE TABLE T (id INT PRIMARY KEY); CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO T VALUES (1); INSERT INTO t VALUES (2)")
    assert "'T' and 't' would be loaded into one table of 'dw', 't'" in road.run("plan", status=3).err
    refused = road.sync(status=3)
    assert "is loaded by 'p/T'" in refused.err
    road.tables["t"]["target"] = "small_t"
    road.write_config()
    road.sync()
    assert (in_sqlite(road.folder / "dw.db", "T"), in_sqlite(road.folder / "dw.db", "small_t")) == ([(1,)], [(2,)])


def test_s66_and_to_duckdb_names_are_one_whatever_their_case(roads):
    road = roads({"T": {"increment": "full_sync"}, "t": {"increment": "full_sync"}, "twice": {"increment": "full_sync", "columns": {"b": {"name": "A"}}}}, lag="0s")
    road.connections["dw"] = duck.connection()
    road.write_config()
    road.in_source("CREATE TABLE T (id INT PRIMARY KEY); CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE twice (id INT PRIMARY KEY, a INT, b INT)")
    refused = road.run("plan", status=3).err
    assert "'T' and 't' would be loaded into one table of 'dw', 't'" in refused
    assert "the columns 'a' and 'A' of 'twice' are one to DuckDB" in refused and "columns: {A: {name: ...}}" in refused


def test_s66_a_dot_in_a_tables_name_means_a_schema_there_unless_a_target_is_given(roads):
    road = roads({"a.b": {"increment": "full_sync", "target": "a_b"}, "c.d": {"increment": "full_sync"}}, lag="0s")
    road.in_source("CREATE TABLE `a.b` (id INT PRIMARY KEY); INSERT INTO `a.b` VALUES (1); CREATE TABLE `c.d` (id INT PRIMARY KEY); INSERT INTO `c.d` VALUES (2)")
    road.in_target("CREATE SCHEMA c; GRANT ALL ON SCHEMA c TO loader")
    road.sync()
    assert road.in_target("SELECT a_b.id, d.id FROM a_b, c.d") == [(1, 2)]
