"""S73: a column of each type with its extreme values, NULL, empty and each zero date, compared value by value at each stop."""
import contextlib
import json
import re
import subprocess

import pyarrow.parquet
import pytest

import duck
import extremes
from extremes import COLUMNS, plain
from waybill import sqlite_rows

ZONES = ["+00:00", "-08:00", "Europe/Berlin"]


def make_zones(mariadb):
    """The server learns of Berlin, where an hour comes twice and another never."""
    if mariadb.run("SELECT COUNT(*) FROM mysql.time_zone_name WHERE name = 'Europe/Berlin'")[0][0] == 0:
        tool = ["mariadb-tzinfo-to-sql", "/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"]
        mariadb.run(subprocess.run(tool, capture_output=True, text=True, check=True).stdout, "mysql")


def of_source(road, way, columns=COLUMNS):
    with contextlib.closing(road.mariadb.connect(road.name)) as session, session.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        asked = ", ".join(column.kind.source.format(f"`{column.name}`") for column in columns)
        cursor.execute(f"SELECT {asked} FROM extremes ORDER BY id")
        rows = cursor.fetchall()
    return {column.name: plain(column, [row[i] for row in rows], column.kind.from_source, way) for i, column in enumerate(columns)}


def of_stage(road, way, columns=COLUMNS):
    files = []
    for file in road.chain("extremes")[-1]["files"]:
        path = road.folder / "staged.parquet"
        path.write_bytes(road.read(file["key"]))
        files.append(pyarrow.parquet.read_table(path))
    table = pyarrow.concat_tables(files).sort_by("id")
    return {column.name: plain(column, table[column.name].to_pylist(), column.kind.from_any, way) for column in columns}


def of_postgres(road, columns=COLUMNS):
    asked = ", ".join(column.kind.postgres.format(f'"{column.name}"') for column in columns)
    rows = road.in_target(f"SELECT {asked} FROM extremes ORDER BY id")
    return {column.name: plain(column, [row[i] for row in rows], column.kind.from_any, "postgres") for i, column in enumerate(columns)}


def of_sqlite(road):
    rows = sqlite_rows(road.folder / "dw.db", "SELECT " + ", ".join(f'"{column.name}"' for column in COLUMNS) + " FROM extremes ORDER BY id")
    return {column.name: plain(column, [row[i] for row in rows], column.kind.from_any, "sqlite") for i, column in enumerate(COLUMNS)}


def of_duckdb(road):
    asked = ", ".join(column.kind.duckdb.format(f'"{column.name}"') for column in COLUMNS)
    rows = duck.query(road.folder / "dw.duckdb", f"SELECT {asked} FROM extremes ORDER BY id")
    return {column.name: plain(column, [row[i] for row in rows], column.kind.from_any, "duckdb") for i, column in enumerate(COLUMNS)}


TARGETS = {"postgres": of_postgres, "sqlite": of_sqlite, "duckdb": of_duckdb}


def assert_same(expected, found, where):
    for name in expected:
        for row, (one, other) in enumerate(zip(expected[name], found[name], strict=True)):
            assert one == other, f"{name}, row {row}, {where}: {str(one)[:100]!r} in the source, {str(other)[:100]!r} there"


def extreme_road(roads, way, **table):
    road = roads({"extremes": {"increment": "full_sync", "columns": extremes.wishes(way), **table}}, lag="0s")
    others = {"sqlite": {"type": "sqlite", "path": "dw.db"}, "duckdb": duck.connection()}
    if way in others:
        road.connections["dw"] = others[way]
        road.write_config()
    road.mariadb.run(extremes.create(), road.name)
    return road


@pytest.mark.parametrize("way", TARGETS)
def test_s73_every_type_at_its_extremes(roads, way):
    """Whatever the server's zone, the staged files and the target have what the source has."""
    road = extreme_road(roads, way)
    make_zones(road.mariadb)
    expected = of_source(road, way)
    before = road.mariadb.run("SELECT @@GLOBAL.time_zone")[0][0]
    try:
        for zone in ZONES if way == "postgres" else ZONES[-1:]:
            road.mariadb.run(f"SET GLOBAL time_zone = '{zone}'")
            road.sync("--full-refresh")
            assert_same(expected, of_stage(road, way), f"staged, {zone}")
            assert_same(expected, TARGETS[way](road), f"in {way}, {zone}")
    finally:
        road.mariadb.run(f"SET GLOBAL time_zone = '{before}'")


# Literals with sql_mode='', and what each policy makes of them.
ZERO_DATES = {"'0000-00-00'": "0000-00-00", "'2024-00-15'": "2024-00-15", "'2024-02-00'": "2024-02-00", "'2024-02-29'": "2024-02-29"}


@pytest.mark.parametrize("policy", ["fail", "null", "text"])
def test_s73_dates_that_are_none_fail_or_become_null_or_stay_texts(roads, policy):
    road = roads({"dates": {"increment": "full_sync", "zero_dates": policy}}, lag="0s")
    rows = ", ".join(f"({i}, {literal}, CONCAT({literal}, ' 10:00:00'), IF({i} = 0, 0, '2024-02-29 10:00:00'))" for i, literal in enumerate(ZERO_DATES))
    road.in_source(f"SET sql_mode = '', time_zone = '+00:00'; CREATE TABLE dates (id INT PRIMARY KEY, d DATE NOT NULL, t DATETIME NOT NULL, s TIMESTAMP NULL);"
                   f"INSERT INTO dates VALUES {rows}")
    done = road.sync("--json-output", "run.json", status=6 if policy == "fail" else 0)
    if policy == "fail":
        assert "'d' of 'dates'" in done.err and "zero_dates: null, or text" in done.err
        return
    stamp = "(s AT TIME ZONE 'UTC')::text" if policy == "null" else "s"
    found = road.in_target(f"SELECT d::text, t::text, {stamp} FROM dates ORDER BY id")
    if policy == "null":
        assert found[:3] == [(None, None, None)] + [(None, None, "2024-02-29 10:00:00")] * 2
        assert "7 dates that are none became NULL" in done.out
        assert json.loads((road.folder / "run.json").read_text())["waybill"]["tables"]["dates"]["zero_dates"] == 7
    else:
        assert [row[0] for row in found] == list(ZERO_DATES.values())
        assert found[0] == ("0000-00-00", "0000-00-00 10:00:00", "0000-00-00 00:00:00")
    assert found[3][:2] == ("2024-02-29", "2024-02-29 10:00:00")


def test_s73_what_a_target_cannot_hold_is_refused_and_says_the_way_out(roads):
    road = roads({"t": {"increment": "full_sync"}}, lag="0s")
    road.in_source("CREATE TABLE t (id INT PRIMARY KEY, `nul byte` VARCHAR(9)); INSERT INTO t VALUES (1, CONCAT('a', CHAR(0))), (2, 'b')")
    refused = road.sync(status=6)
    assert 'columns: {"nul byte": {as: binary}}' in refused.err and "1 texts" in refused.err
    assert "watermark restore --from-target" in refused.err
    road.tables["t"]["columns"] = {"nul byte": {"as": "binary"}}
    road.write_config()
    road.run("watermark", "restore", "-p", "p", "-t", "t", "--from-target")  # as it says: what is staged would never go in
    road.in_target(re.search("ALTER TABLE .*", road.sync("--full-refresh", status=6).err)[0])
    road.sync()
    assert [bytes(row[0]) for row in road.in_target('SELECT "nul byte" FROM t ORDER BY id')] == [b"a\0", b"b"]


SQLITE = [  # declared, values as SQL, what arrives
    ("INTEGER", "(-9223372036854775808), (9223372036854775807), (NULL)", [-9223372036854775808, 9223372036854775807, None]),
    ("REAL", "(0.0), (5e-324), (1.7976931348623157e308), (9e999)", [0.0, 5e-324, 1.7976931348623157e308, float("inf")]),
    ("TEXT", "(''), ('NULL'), ('nan'), (char(128666))", ["", "NULL", "nan", "\U0001F69A"]),
    ("TEXT", "('a' || char(0) || 'b')", ["a\0b"]),
    ("BLOB", "(x''), (x'00ff'), (zeroblob(100000))", [b"", b"\0\xff", bytes(100000)]),
    ("DATE", "('0000-01-01'), ('9999-12-31')", ["0000-01-01", "9999-12-31"]),
    ("DATE", "('0000-00-00'), ('today')", ["0000-00-00", "today"]),
    ("DATETIME", "('2024-02-29 10:00:00.123'), ('0001-01-01 00:00:00.000')", ["2024-02-29 10:00:00.123", "0001-01-01 00:00:00.000"]),
    ("DATETIME", "('2024-02-29T10:00:00Z')", ["2024-02-29T10:00:00Z"]),
    ("DATETIME", "('2024-02-29 10:00:00+02:00'), ('2024-02-29')", ["2024-02-29 10:00:00+02:00", "2024-02-29"]),
    ("DECIMAL(15,2)", "(0.1), (-9999999999999.99), (3)", [0.1, -9999999999999.99, 3]),
    ("BOOLEAN", "(0), (1)", [0, 1]),
    ("BOOLEAN", "(0), (2)", [0, 2]),
    ("NUMERIC", "(1.5), (2.5)", [1.5, 2.5]),
    ("whatever", "(1), (2)", [1, 2]),
    ("", "('typeless')", ["typeless"]),
    ("ANY", "(x'01')", [b"\1"]),
]


@pytest.mark.parametrize("declared, values, arrived", SQLITE)
def test_s73_sqlite_keeps_what_its_columns_hold(route, declared, values, arrived):
    way = route({"t": {"increment": "full_sync"}}, lag="0s")
    way.in_source(f"CREATE TABLE t (v {declared}); INSERT INTO t VALUES {values}")
    way.sync()
    found = [value for value, in way.in_target("SELECT v FROM t ORDER BY rowid")]
    assert [(type(value), value) for value in found] == [(type(value), value) for value in arrived]


def test_s73_values_of_several_kinds_are_refused_until_it_is_said_how_to_take_them(route):
    way = route({"t": {"increment": "full_sync"}}, lag="0s")
    way.in_source("CREATE TABLE t (v); INSERT INTO t VALUES (1), (2.5), ('three'), (NULL)")
    assert "1 INTEGER, 1 REAL, 1 TEXT" in way.sync(status=6).err
    way.tables["t"]["columns"] = {"v": {"as": "text"}}
    way.write_config()
    way.sync()
    assert way.in_target("SELECT v FROM t") == [("1",), ("2.5",), ("three",), (None,)]
