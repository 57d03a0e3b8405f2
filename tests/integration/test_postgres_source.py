"""PostgreSQL as a source: a first load and small steps, while others write to it, into another PostgreSQL database."""
import contextlib
import copy
import json
import random
import threading
import time

import pytest

from road import Road
from waybill import PLANTED, assert_told

TABLES = {"orders": {"mode": "merge", "lag": "0s"}, "journal": {"increment": "id_only", "mode": "append"},
          "prices": {"increment": "full_sync", "mode": "replace"}}
MAKE = f"""
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer uuid NOT NULL DEFAULT gen_random_uuid(), price numeric(12,2),
  ratio double precision, small smallint, paid boolean, mood mood, tags text[], document jsonb, raw bytea, due date, at time, note varchar(80),
  created timestamp(3) NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON orders (updated_at);
CREATE TABLE journal (id bigserial PRIMARY KEY, account integer NOT NULL, amount numeric(12,4), note text);
CREATE TABLE prices (id integer PRIMARY KEY, price numeric(10,2));
INSERT INTO orders (price, ratio, small, paid, mood, tags, document, raw, due, at, note, updated_at)
  SELECT n / 7.0, CASE WHEN n % 1000 = 0 THEN 'NaN' ELSE sqrt(n) END, n % 30000, n % 2 = 0, (CASE n % 3 WHEN 0 THEN 'good' WHEN 1 THEN 'bad' END)::mood,
    ARRAY['a,b', n::text], jsonb_build_object('n', n), decode(md5(n::text), 'hex'), date '2024-01-01' + n % 900, time '00:00' + n * interval '1 second',
    CASE WHEN n % 5 > 0 THEN '{PLANTED} ' || n END, now() - interval '1 day' - n * interval '1 millisecond' FROM generate_series(1, 60000) AS n;
INSERT INTO journal (account, amount, note) SELECT n % 97, n / 13.0, '{PLANTED}' FROM generate_series(1, 20000) AS n;
INSERT INTO prices SELECT n, n / 3.0 FROM generate_series(1, 5000) AS n;
"""
CHANGE = """
UPDATE orders SET price = price + 1, updated_at = now() WHERE id % 41 = {n};
INSERT INTO orders (price, tags) SELECT n, ARRAY[NULL, '"'] FROM generate_series(1, 300) AS n;
INSERT INTO journal (account, amount) SELECT n, n FROM generate_series(1, 200) AS n;
DELETE FROM prices WHERE id % 11 = {n};
"""


@pytest.fixture
def road(tmp_path, mariadb, s3, postgres):
    """From the database `name` into the database `name`-copy."""
    name = f"pg-source-{tmp_path.name[-20:].replace('_', '-').lower()}"
    made = Road(tmp_path, name, mariadb, s3, postgres, copy.deepcopy(TABLES), chunk={"rows": 25_000})
    postgres.new_database(f"{name}-copy")
    postgres.run(MAKE, name)
    postgres.run("GRANT USAGE ON SCHEMA public TO loader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO loader; GRANT pg_read_all_stats TO loader", name)
    made.connections["shop"] = postgres.connection(name)
    made.connections["dw"] = postgres.connection(f"{name}-copy")
    made.write_config()
    yield made
    made.close()
    made.assert_nothing_planted()
    made.assert_no_secret()


WANTED = {
    "orders": "id, customer::text, price, ratio, small, paid, mood::text, tags::text, document::text, raw, due, at::interval, note, created, updated_at",
    "journal": "id, account, amount, note",
    "prices": "id, price",
}


def digests(road, database):
    """Of each table, in the order of its key, as the server itself writes its rows; what the target has as text is text on both sides."""
    return {table: road.postgres.run(f"SET timezone = 'UTC'; SELECT count(*), md5(string_agg((ROW({WANTED[table]}))::text, chr(10) ORDER BY id)) FROM {table}", database)
            for table in road.tables}


def assert_equal(road):
    assert digests(road, road.name) == digests(road, f"{road.name}-copy")


def moved(done):
    return {name: table["rows_loaded"] for name, table in json.loads(done.out)["waybill"]["tables"].items()}


def test_rows_that_are_named_are_repaired(road):
    repair = ["sync", "repair", "-p", "p", "-t", "orders"]
    road.tables["journal"] |= {"mode": "delete_insert"}
    road.write_config()
    road.sync()
    road.postgres.run("UPDATE orders SET note = 'spoilt', updated_at = '2031-01-01' WHERE id IN (3, 4); DELETE FROM orders WHERE id = 5", f"{road.name}-copy")
    road.postgres.run("DELETE FROM orders WHERE id = 6", road.name)
    look = json.loads(road.run(*repair, "--keys", "3,4,5,6", "--dry-run", "--output", "json").out)
    assert (look["rows"], look["rows_gone"]) == (3, 1)
    road.run(*repair, "--keys", "3,4,5,6", "--delete-gone")
    assert_equal(road)
    assert "'x' is no key of 'orders'" in road.run(*repair, "--keys", "x", status=2).err
    road.postgres.run("UPDATE orders SET note = 'spoilt' WHERE id < 1000", f"{road.name}-copy")
    road.run(*repair, "--range", "2000-01-01T00:00:00Z..2100-01-01T00:00:00Z")
    assert_equal(road)
    road.postgres.run("DELETE FROM journal WHERE id BETWEEN 50 AND 60", road.name)
    road.run("sync", "repair", "-p", "p", "-t", "journal", "--range", "40..70")
    assert_equal(road)
    road.postgres.run("DELETE FROM journal WHERE id BETWEEN 70 AND 80", road.name)
    road.run("sync", "repair", "-p", "p", "-t", "journal", "--range", "70..80")
    assert_equal(road)


def test_tables_of_every_increment_arrive_and_every_change_after_it(road):
    assert moved(road.sync("--json-output", "-")) == {"orders": 60_000, "journal": 20_000, "prices": 5000}
    assert_equal(road)
    for n in range(3):
        road.postgres.run(CHANGE.format(n=n), road.name)
        done = moved(road.sync("--json-output", "-"))
        assert done["journal"] == 200 and 300 < done["orders"] < 3000, "what changed, and no more"
        assert_equal(road)
    assert moved(road.sync("--json-output", "-", "-t", "orders", "-t", "journal")) == {"orders": 0, "journal": 0}
    road.postgres.run("UPDATE orders SET document = '{}' WHERE id = 4711", f"{road.name}-copy")
    with pytest.raises(AssertionError):
        assert_equal(road)


def write(road, until, seed, longest_s):
    """Transactions of some statements each, some rolled back; now() in them is their start."""
    chance = random.Random(seed)
    with contextlib.closing(road.postgres.connect(road.name)) as session, session.cursor() as cursor:
        session.autocommit = False
        while time.monotonic() < until:
            for _ in range(chance.randrange(1, 5)):
                cursor.execute("UPDATE orders SET price = price + 1, updated_at = now() WHERE id = %s", (4 * chance.randrange(10_000) + seed,))
                cursor.execute("INSERT INTO journal (account, amount) VALUES (%s, 1)", (seed,))
                time.sleep(chance.random() * longest_s / 4)
            (session.rollback if chance.random() < 0.3 else session.commit)()


def sync_while_four_write(road, seconds):
    """One of them keeps transactions open for seconds, so that rows with old stamps come late."""
    until = time.monotonic() + seconds
    writers = [threading.Thread(target=write, args=(road, until, seed, longest_s)) for seed, longest_s in enumerate((0.02, 0.02, 0.5, 4))]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        road.sync()
    for writer in writers:
        writer.join()


def test_what_four_writers_commit_while_runs_follow_each_other_arrives(road):
    road.tables.pop("prices")
    road.write_config()
    road.sync()
    sync_while_four_write(road, seconds=12)
    road.sync()
    assert_equal(road)


def test_who_may_not_see_other_sessions_is_told_what_to_grant(road):
    road.postgres.run("REVOKE pg_read_all_stats FROM loader")
    try:
        said = road.sync("-t", "journal", status=2)
        assert 'GRANT pg_read_all_stats TO "loader"' in said.err
        road.tables["journal"]["lag"] = "1s"
        road.write_config()
        road.sync()  # orders has a lag, and a whole table needs none
    finally:
        road.postgres.run("GRANT pg_read_all_stats TO loader")


def test_who_may_read_some_columns_takes_a_whole_table_of_them(road):
    """Several readers of one view hold the table, which takes a right to all of it: without that one reader has the view for itself."""
    road.tables = {"prices": {"increment": "full_sync", "mode": "replace"}}
    road.pipeline |= {"readers": 4, "strategy": "intra-table"}
    road.write_config()
    road.postgres.run("ALTER TABLE prices ADD secret text; INSERT INTO prices SELECT n, n / 3.0, repeat('x', 500) FROM generate_series(5001, 30000) AS n", road.name)
    assert len(files_of(road, "prices")) > 1
    road.postgres.run("REVOKE SELECT ON prices FROM loader; GRANT SELECT (id, price) ON prices TO loader", road.name)
    assert_told(road.sync("--full-refresh", status=8), "prices: ", "loader@127.0.0.1", "permission denied for table prices", "waybill check --grants")
    road.tables["prices"]["exclude_columns"] = ["secret"]
    road.postgres.run("DROP TABLE prices", f"{road.name}-copy")
    road.write_config()
    road.postgres.run("UPDATE prices SET price = -1 WHERE id % 3 = 0", road.name)
    assert len(files_of(road, "prices", "--full-refresh")) == 1
    assert_equal(road)


def files_of(road, table, *words):
    """Of the waybill of a run, one for each reader; small ones are no more than their rows need."""
    road.sync("-t", table, *words)
    return road.chain(table)[-1]["files"]
