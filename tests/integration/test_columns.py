"""Columns that are left out, hashed, masked, renamed or taken as another type: what arrives, and what is nowhere."""
import hashlib
import hmac
import json

import pyarrow.parquet

from waybill import PLANTED, next_second

MAIL, CARD = f"{PLANTED}@example.org", f"4111-1111-{PLANTED}-1234"
PEOPLE = f"""
CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, card TEXT, born DATE, note TEXT, vip BOOLEAN, salary NUMERIC, updated_at DATETIME NOT NULL);
CREATE INDEX people_updated_at ON people (updated_at);
INSERT INTO people VALUES (1, '{MAIL}', '{CARD}', '1815-12-10', '{PLANTED}', 1, 12.5, '2025-01-01 00:00:00'),
  (2, NULL, NULL, NULL, NULL, NULL, 3, '2025-01-01 00:00:01'), (3, '', '', '2001-02-03', '', 0, 1000000, '2025-01-01 00:00:02');
"""


def staged(route, table):
    """Every row in every file, as pyarrow reads them."""
    return [row for waybill in route.chain(table) for file in waybill["files"] for row in pyarrow.parquet.read_table(route.at(file["key"])).to_pylist()]


def change(route, sets, where="1"):
    """Rows that are new; when this returns their second is over, and a run may take them."""
    route.in_source(f"UPDATE people SET {sets}{', ' if sets else ''}updated_at = datetime('now') WHERE {where}")
    next_second()


def everything(route):
    """All bytes that the program left, and all that it said; but for the source."""
    files = [path for path in route.folder.rglob("*") if path.is_file() and path != route.shop and path.name != "waybill.yml"]
    return b"".join(path.read_bytes() for path in files) + "".join(route.said).encode()


def test_what_is_hashed_masked_or_excluded_is_in_plain_nowhere(route):
    way = route({"people": {"hash": ["email"], "mask": {"card": "partial", "born": "full"}, "exclude_columns": ["note"],
                            "columns": {"salary": {"as": "double"}}}}, lag="0s")
    way.in_source(PEOPLE)
    way.sync("--log-level", "debug", "--json-output", "run.json")
    digest = hashlib.sha256(MAIL.encode()).hexdigest()
    empty = hashlib.sha256(b"").hexdigest()
    masked = "*" * (len(CARD) - 4) + "1234"
    assert way.in_target("SELECT id, email, card, born, salary FROM people ORDER BY id") == [
        (1, digest, masked, "***", 12.5), (2, None, None, None, 3.0), (3, empty, "", "***", 1000000.0)]
    assert "note" not in [column[1] for column in way.in_target("PRAGMA table_info(people)")]
    assert [(row["email"], row["card"], row["born"]) for row in staged(way, "people")] == [(digest, masked, "***"), (None, None, None), (empty, "", "***")]
    assert PLANTED.encode() not in everything(way) and b"1815-12-10" not in everything(way)
    schema = {column["name"]: column.get("made") for column in way.chain("people")[0]["schema"]}
    assert schema == {"id": None, "email": "sha256", "card": "mask partial", "born": "mask full", "vip": None, "salary": None, "updated_at": None}


def test_a_hash_with_a_key_needs_the_key_to_be_tried(route):
    way = route({"people": {"hash": ["email"], "exclude_columns": ["card", "note"], "columns": {"salary": {"as": "decimal(20,4)"}}}},
                lag="0s", hash_key="${HASH_KEY}")
    way.environment["HASH_KEY"] = "s3cret-of-hashes"
    way.in_source(PEOPLE)
    way.sync("--log-level", "debug")
    assert way.in_target("SELECT email FROM people WHERE id = 1") == [(hmac.new(b"s3cret-of-hashes", MAIL.encode(), "sha256").hexdigest(),)]
    assert b"s3cret-of-hashes" not in everything(way)
    way.environment["HASH_KEY"] = "another"
    change(way, "")
    refused = way.sync(status=6)  # the hashes of two keys are not in one column
    assert "email" in refused.err and "--full-refresh" in refused.err
    way.sync("--full-refresh")
    assert way.in_target("SELECT email FROM people WHERE id = 1") == [(hmac.new(b"another", MAIL.encode(), "sha256").hexdigest(),)]


def test_what_orders_rows_stays_as_it_is(route):
    way = route({"people": {"columns": {"salary": {"as": "text"}}}}, lag="0s")
    way.in_source(PEOPLE)
    for wish in ({"hash": ["id"]}, {"mask": {"updated_at": "full"}}, {"exclude_columns": ["id"]}, {"exclude_columns": ["updated_at"]}):
        way.tables["people"] = {"columns": {"salary": {"as": "text"}}, **wish}
        way.write_config()
        refused = way.run("plan", status=2)
        assert refused.out == "" or "error" in refused.out
        assert "key" in refused.err or "cursor" in refused.err, refused.err
    assert not way.dw.exists()
    way.tables["people"] = {"increment": "full_sync", "hash": ["id"], "columns": {"salary": {"as": "text"}}}  # which marks no row
    way.write_config()
    way.sync()
    assert way.in_target("SELECT id FROM people")[0] == (hashlib.sha256(b"1").hexdigest(),)


def test_a_column_that_was_mistyped_does_not_stay_in_plain(route):
    way = route({"people": {"columns": {"salary": {"as": "text"}}}}, lag="0s")
    way.in_source(PEOPLE)
    for wish in ({"hash": ["emial"]}, {"mask": {"emial": "full"}}, {"exclude_columns": ["emial"]}):
        way.tables["people"] = {"columns": {"salary": {"as": "text"}}, **wish}
        way.write_config()
        assert "emial" in way.sync(status=2).err


def test_columns_get_other_names_and_other_types(route):
    way = route({"people": {"key": ["id"], "columns": {"id": {"name": "person"}, "updated_at": {"name": "changed at"}, "vip": {"as": "bool", "name": "select"},
                                                       "salary": {"as": "decimal(9,1)"}}}}, lag="0s")
    way.in_source(PEOPLE)
    way.sync()
    change(way, "salary = 99", "id = 3")
    way.sync()
    assert way.in_target('SELECT person, "select", salary, "changed at" > \'2025-06-01\' FROM people ORDER BY person') == [(1, 1, 12.5, 0), (2, None, 3, 0), (3, 0, 99, 1)]
    waybill = way.chain("people")[-1]
    assert (waybill["key"], waybill["cursor"]) == (["person"], "changed at")
    assert way.scope("people")["key"][0]["column"] == "id"  # a mark speaks of the source
    change(way, f"vip = 7, email = '{MAIL}'", "id = 3")
    refused = way.sync(status=6)
    assert "'vip'" in refused.err and "bool" in refused.err


def test_only_the_rest_of_a_table_is_staged_by_a_later_configuration(route):
    way = route({"people": {"columns": {"salary": {"as": "text"}}}}, lag="0s")
    way.in_source(PEOPLE)
    way.sync()
    way.tables["people"]["hash"] = ["email"]
    way.write_config()
    change(way, "")
    refused = way.sync(status=6)
    assert "~ email: utf8 -> utf8, sha256" in refused.err and "--full-refresh" in refused.err
    way.sync("--full-refresh")
    assert MAIL not in json.dumps(way.in_target("SELECT email FROM people"))
