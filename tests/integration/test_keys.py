"""Keys of a pipeline and of its tables, and flags that stand for them where all is given by URIs, of which nothing else would miss one."""
import hashlib
import hmac

import pytest

from waybill import Route, assert_told, sqlite_rows

MAKE = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, code TEXT NOT NULL, note TEXT, born DATETIME NOT NULL, touched DATETIME NOT NULL);
CREATE UNIQUE INDEX by_code ON orders (code); CREATE INDEX by_born ON orders (born); CREATE INDEX by_touched ON orders (touched);
INSERT INTO orders WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
  SELECT i, 'c' || i, 'first', datetime('now', '-2 days', i || ' seconds'), datetime('now', '-1 day', i || ' seconds') FROM n;
"""


class ByUris(Route):
    """The same three places without a configuration."""

    def uris(self):
        return ["-s", f"sqlite:{self.shop}", "-r", f"sqlite:{self.dw}", "--stage", f"file://{self.lake}", "-t", "orders"]

    def move(self, *words, **options):
        return self.run("sync", "connections", *self.uris(), "-p", "p", *words, **options)


@pytest.fixture
def uris(tmp_path):
    made = ByUris(tmp_path, {})
    (tmp_path / "waybill.yml").unlink()
    made.lake.mkdir()
    made.in_source(MAKE)
    yield made
    made.assert_nothing_planted()


CHANGE = "UPDATE orders SET note = 'second', touched = datetime('now', '-1 minute') WHERE id = 7; INSERT INTO orders VALUES (1000, 'c1000', 'new', datetime('now', '-1 minute'), datetime('now', '-1 minute'))"
OF_7 = "SELECT note, count(*) OVER () FROM orders WHERE id = 7"


def test_by_uris_the_increment_and_the_mode_are_those_of_the_flags(uris):
    words = ["--increment", "id_only", "--mode", "merge"]  # by itself it appends
    uris.move(*words)
    uris.in_source(CHANGE)
    assert uris.move(*words, "--json-output", "-").moved() == {"orders": (1, 1)}
    assert uris.in_target("SELECT count(*), max(id) FROM orders") == [(101, 1000)] and uris.in_target(OF_7) == [("first", 1)]
    assert "passed" not in uris.run("audit", *uris.uris(), "-p", "p", *words, status=6).out
    assert uris.run("watermark", "set", *uris.uris(), "-p", "p", *words, "--id", "50", "--reason", "again")
    assert uris.move(*words, "--json-output", "-").moved() == {"orders": (51, 51)}
    assert uris.in_target("SELECT count(*) FROM orders") == [(101,)] and uris.in_target(OF_7) == [("first", 1)]


def test_by_uris_the_cursor_and_the_key_are_those_of_the_flags(uris):
    """Of two columns that could be the cursor, and two that could be the key."""
    assert_told(uris.move(status=2), "orders: ", "'orders'", "cursor", "--cursor")
    words = ["--cursor", "touched", "--key", "code"]
    uris.move(*words)
    uris.in_source(CHANGE)
    assert uris.in_target("SELECT name FROM pragma_table_info('orders') WHERE pk > 0") == [("code",)]
    two_minutes_ago = sqlite_rows(uris.shop, "SELECT datetime('now', '-2 minutes')")[0][0]
    uris.run("watermark", "set", *uris.uris(), "-p", "p", *words, "--timestamp", two_minutes_ago, "--reason", "they were stamped late")
    assert uris.move(*words, "--json-output", "-").moved() == {"orders": (2, 2)}
    assert uris.in_target(OF_7) == [("second", 1)]
    assert "passed" in uris.run("audit", *uris.uris(), "-p", "p", *words).out
    uris.run("watermark", "reset", *uris.uris(), "-p", "p", *words, "--reason", "from the start")
    assert uris.move(*words, "--json-output", "-").moved() == {"orders": (101, 101)}
    assert uris.in_target("SELECT count(*) FROM orders") == [(101,)]


WIDE = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT);
INSERT INTO orders WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) SELECT i, hex(randomblob(100)) FROM n;
"""


def test_chunks_and_files_are_no_larger_than_is_said(route):
    """Eight megabytes of texts, of which half is left; a file is looked at behind each ten thousand rows."""
    entry = {"increment": "id_only", "mode": "append"}
    whole = route({"orders": entry}, lag="0s")
    files = route({"orders": entry}, lag="0s", file_bytes="1MiB")
    chunks = route({"orders": entry}, lag="0s", chunk={"bytes": "1MiB"})
    of_table = route({"orders": entry | {"chunk": {"bytes": "2MiB"}}}, lag="0s")
    for one in (whole, files, chunks, of_table):
        one.in_source(WIDE)
        one.sync()
        one.compare()
    assert [len(each["files"]) for each in whole.chain("orders")] == [1]
    assert len(files.chain("orders")) == 1 and len(files.chain("orders")[0]["files"]) >= 3
    assert len(chunks.chain("orders")) >= 4 and 2 <= len(of_table.chain("orders")) < len(chunks.chain("orders"))


def test_more_rows_go_at_once_than_usual_where_it_is_said(route):
    shop = route({"orders": {"increment": "id_only", "mode": "merge", "delete_detection": "keys", "delete_max": 60}}, lag="0s")
    shop.in_source(WIDE)
    shop.sync()
    shop.in_source("DELETE FROM orders WHERE id % 2 = 0")
    shop.sync()
    assert shop.in_target("SELECT count(*) FROM orders") == [(20000,)]
    shop.in_source("DELETE FROM orders WHERE id > 1")
    assert "too-many-deletes" in shop.sync(status=6).err
    shop.sync("--allow-deletes")
    assert shop.in_target("SELECT id FROM orders") == [(1,)]


def test_a_hash_is_of_the_key_that_is_said(route):
    shop = route({"orders": {"increment": "id_only", "mode": "append", "hash": ["note"]}}, lag="0s", hash_key="${HASH_KEY}")
    shop.environment["HASH_KEY"] = "k3y of the hashes"
    shop.in_source("CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO orders VALUES (1, 'plain')")
    shop.sync()
    assert shop.in_target("SELECT note FROM orders") == [(hmac.new(b"k3y of the hashes", b"plain", hashlib.sha256).hexdigest(),)]


def test_what_a_pattern_leaves_out_is_not_moved(route):
    shop = route({"log_*": {"increment": "id_only", "mode": "append", "exclude": ["log_old*"]}}, lag="0s")
    shop.in_source("".join(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY); INSERT INTO {name} VALUES (1);" for name in ("log_a", "log_b", "log_old", "log_older")))
    shop.sync()
    assert shop.in_target("SELECT name FROM sqlite_master WHERE name LIKE 'log%' ORDER BY name") == [("log_a",), ("log_b",)]
