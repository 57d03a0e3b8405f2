"""Rows that do not fit, from every source and into every kind of target: all others arrive, and these are set aside with their
reasons, counted and told."""
import io
import json
import time

import pyarrow.parquet

from waybill import PLANTED

PEOPLE = """
CREATE TABLE people (id INT NOT NULL PRIMARY KEY, note TEXT, born DATE, mood ENUM('good','bad',''), updated_at DATETIME(3) NOT NULL, KEY (updated_at));
SET sql_mode = '';
INSERT INTO people VALUES (1, 'a', '1815-12-10', 'good', '2025-01-01 00:00:01'), (2, 'b', '2024-00-15', 'good', '2025-01-01 00:00:02'),
  (3, 'c', NULL, 'neither', '2025-01-01 00:00:03'), (4, CONCAT('d', CHAR(0), 'd'), NULL, NULL, '2025-01-01 00:00:04'),
  (5, CONCAT('e', CHAR(0)), '0000-00-00', 'bad', '2025-01-01 00:00:05'), (6, NULL, NULL, NULL, '2025-01-01 00:00:06');
"""
WHYS = {2: {"born": "a zero or partial date"}, 3: {"mood": "a value that its ENUM does not have"},
        4: {"note": "a text with a NUL byte, which PostgreSQL cannot hold"},
        5: {"born": "a zero or partial date", "note": "a text with a NUL byte, which PostgreSQL cannot hold"}}


def told(done, table="people"):
    """(read, loaded, set aside) of a run with --json-output -."""
    result = json.loads(done.out)["waybill"]["tables"][table]
    return result["rows_extracted"], result["rows_loaded"], result["rows_quarantined"]


def aside(way, table="people"):
    """Every row that was set aside, as pyarrow reads it, with `waybill_rejected` as what it says."""
    rows = [row for waybill in way.chain(table) for file in waybill.get("quarantine", [])
            for row in pyarrow.parquet.read_table(io.BytesIO(way.read(file["key"]))).to_pylist()]
    for row in rows:
        row["waybill_rejected"] = json.loads(row["waybill_rejected"])
    return {row["id"]: row for row in rows}


def whys(rows):
    return {key: {said["column"]: said["why"] for said in row["waybill_rejected"]} for key, row in rows.items()}


def test_from_mariadb_to_postgresql_with_tls_and_in_the_clear(roads):
    for in_the_clear in (False, True):
        road = roads({"people": {"quarantine": 10}}, lag="0s")
        if in_the_clear:
            road.in_the_clear()
        road.in_source(PEOPLE)
        done = road.sync()
        assert "warning: people: 4 rows do not fit, and were set aside (quarantine: 10)" in done.out
        rows = aside(road)
        assert whys(rows) == WHYS
        assert [said.get("value") for said in rows[2]["waybill_rejected"]] == ["2024-00-15"]
        assert (rows[2]["note"], rows[2]["born"]) == ("b", None) and rows[4]["note"] == "d\0d"
        assert [int(id) for (id,) in road.in_target("SELECT id FROM people ORDER BY id")] == [1, 6]
        road.assert_tidy()


def test_one_more_than_is_allowed_ends_the_run_and_what_is_mended_arrives(roads):
    road = roads({"people": {"quarantine": 3}}, lag="0s")
    road.in_source(PEOPLE)
    refused = road.sync(status=6)
    assert "more than 3 rows of a chunk do not fit" in refused.err and "quarantine-full" in refused.err
    assert not [key for key in road.keys() if key.endswith("waybill.json") and "abandoned" not in road.read(key).decode()]
    road.tables["people"]["quarantine"] = 4
    road.write_config()
    assert told(road.sync("--json-output", "-")) == (6, 2, 4)
    audited = road.run("audit", "-t", "people")
    assert "warning: people: 4 rows did not fit when they were read, and are left out on both sides: 4 in '" in audited.out
    assert "_quarantine/rows-00000.parquet'; corrected in the source" in audited.out
    road.in_target("UPDATE people SET note = 'spoilt' WHERE id = 1")
    assert "column 'note'" in road.run("audit", "-t", "people", status=6).err, "the others are compared as always"
    road.in_source("UPDATE people SET note = REPLACE(note, CHAR(0), ''), born = '2024-01-15', mood = 'good', updated_at = NOW(3)")
    time.sleep(1.1)
    assert told(road.sync("--json-output", "-")) == (6, 6, 0)
    road.assert_equal()
    assert "warning" not in road.run("audit", "-t", "people").out
    road.in_source("UPDATE people SET born = '0000-00-00', updated_at = NOW(3) WHERE id = 3")
    time.sleep(1.1)
    assert told(road.sync("--json-output", "-")) == (1, 0, 1)
    audited = json.loads(road.run("audit", "-t", "people", "--output", "json").out)["tables"][0]
    assert (audited["audit_status"], audited["source_rows"], audited["target_rows"], audited["set_aside"]) == ("passed", 5, 5, 1)
    assert [file["rows"] for file in audited["set_aside_files"]] == [1]


def test_text_without_end_into_redshift(warehouses):
    road = warehouses({"people": {"quarantine": 1}}, lag="0s")
    road.in_source("CREATE TABLE people (id INT NOT NULL PRIMARY KEY, note LONGTEXT, updated_at DATETIME NOT NULL, KEY (updated_at));"
                   "INSERT INTO people VALUES (1, REPEAT('x', 65535), '2025-01-01'), (2, REPEAT('y', 65536), '2025-01-02'), (3, 'z', '2025-01-03')")
    assert told(road.sync("--json-output", "-")) == (3, 2, 1)
    rows = aside(road)
    assert list(rows) == [2] and len(rows[2]["note"]) == 65536
    assert whys(rows)[2] == {"note": "more than 65,535 bytes, where a varchar of Redshift ends"}


def test_from_sqlite_what_is_of_another_storage_class(route):
    way = route({"people": {"quarantine": 2}}, lag="0s")
    way.in_source(f"""CREATE TABLE people (id INTEGER PRIMARY KEY, age INTEGER, note TEXT, updated_at DATETIME NOT NULL);
        CREATE INDEX people_updated_at ON people (updated_at);
        INSERT INTO people VALUES (1, 17, 'a', '2025-01-01 00:00:00'), (2, 'old', '{PLANTED}', '2025-01-01 00:00:01'),
          (3, 4, CAST(x'636166e9' AS TEXT), '2025-01-01 00:00:02'),
          (4, NULL, 'd', '2025-01-01 00:00:03')""")
    done = way.sync("--log-level", "debug", "--json-output", "-")
    assert told(done) == (4, 2, 2)
    rows = aside(way)
    assert [rows[key]["waybill_rejected"][0] for key in (2, 3)] == [
        {"column": "age", "why": "a text that is none of its type, or not UTF-8", "value": "old"},
        {"column": "note", "why": "a text that is none of its type, or not UTF-8", "hex": "636166e9"}]


def test_from_postgresql_what_no_calendar_has(route, postgres):
    name = "quarantine-source"
    postgres.new_database(name)
    postgres.run("""CREATE TABLE people (id integer PRIMARY KEY, price numeric(10,2), born date, updated_at timestamp NOT NULL);
        CREATE INDEX ON people (updated_at); GRANT USAGE ON SCHEMA public TO loader; GRANT SELECT ON people TO loader; GRANT pg_read_all_stats TO loader;
        INSERT INTO people VALUES (1, 1.5, '2024-02-29', '2025-01-01'), (2, 'NaN', '2024-02-29', '2025-01-02'), (3, 3, 'infinity', '2025-01-03')""", name)
    way = route({"people": {"quarantine": 2, "cursor_zone": "UTC"}}, lag="0s")
    way.connections["shop"] = postgres.connection(name)
    way.environment["POSTGRES_PASSWORD"] = postgres.secret
    way.write_config()
    assert told(way.sync("--json-output", "-")) == (3, 1, 2)
    assert whys(aside(way)) == {2: {"price": "NaN, an infinity, or more digits than declared"},
                                3: {"born": "an infinite time, or one beyond what a timestamp has"}}


def test_killed_before_its_seal_nothing_of_it_is_left_and_the_rows_are_set_aside_once(route):
    way = route({"people": {"quarantine": 2}}, lag="0s")
    way.in_source("""CREATE TABLE people (id INTEGER PRIMARY KEY, age INTEGER, updated_at DATETIME NOT NULL);
        CREATE INDEX people_updated_at ON people (updated_at);
        INSERT INTO people VALUES (1, 17, '2025-01-01 00:00:00'), (2, 'old', '2025-01-01 00:00:01'), (3, 4, '2025-01-01 00:00:02')""")
    running = way.start_sync()
    assert running.hold_at_arrow("extract", "end")
    running.kill()
    way.finish(running, status=None)
    assert [key for key in way.keys() if "/_quarantine/" in key], "the file was there when it died"
    assert told(way.sync("--json-output", "-")) == (3, 2, 1)
    assert len([key for key in way.keys() if "/_quarantine/" in key]) == 1 and list(aside(way)) == [2]
    way.assert_tidy()
    assert not [path for path in way.lake.rglob("_quarantine") if not any(path.iterdir())], "an empty folder"
