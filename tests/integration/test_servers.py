"""The tools of the other tests: servers that start, die and come back, a proxy that hurts, and a comparison that finds."""
import contextlib
import http.client
import socket

import pytest

import digests
import lineitem
import server_s3
from proxy import DOWN, Busy, Cut, Proxy, Refuse, Stall, once
from servers import Server


class Echo(Server):
    """Sends back what it is sent."""

    def command(self):
        return ["/usr/bin/python3", "-c", f"""
import socketserver
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while piece := self.request.recv(65536):
            self.request.sendall(piece)
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", {self.port}), Echo).serve_forever()"""]

    def is_ready(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False


@pytest.fixture
def echo(servers):
    return servers.get(Echo)


def say(port, text):
    """What came back before the connection ended or a second passed, and whether it ended."""
    heard = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as session:
            session.sendall(text)
            while len(heard) < len(text):
                piece = session.recv(65536)
                if piece == b"":
                    return heard, True
                heard += piece
    except TimeoutError:
        return heard, False
    except OSError:
        return heard, True
    return heard, False


def test_the_proxy_hands_on_what_it_is_given(echo):
    with Proxy(echo.port) as proxy:
        assert say(proxy.port, b"x" * 300_000) == (b"x" * 300_000, False)


def test_the_proxy_cuts_a_connection_after_so_many_bytes(echo):
    with Proxy(echo.port) as proxy:
        proxy.fault = Cut(after=100)
        heard, ended = say(proxy.port, b"x" * 300)
        assert ended and len(heard) <= 100 and proxy.hits == 1


def test_the_proxy_swallows_one_answer_and_no_more(echo):
    with Proxy(echo.port) as proxy:
        proxy.fault = once(Cut(after=0, way=DOWN))
        assert say(proxy.port, b"hello") == (b"", True)
        assert say(proxy.port, b"hello") == (b"hello", False)


def test_the_proxy_stalls_and_refuses_and_is_busy(echo):
    with Proxy(echo.port) as proxy:
        proxy.fault = Stall(after=3)
        assert say(proxy.port, b"hello") == (b"hel", False)
        proxy.fault = Refuse()
        assert say(proxy.port, b"hello") == (b"", True)
        proxy.fault = Busy()
        asked = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=5)
        asked.request("PUT", "/a", body=b"x" * 100_000)
        answer = asked.getresponse()
        assert answer.status == 503 and b"<Code>SlowDown</Code>" in answer.read()
        proxy.fault = None
        assert say(proxy.port, b"hello") == (b"hello", False)


def test_a_server_that_is_paused_says_nothing_and_one_that_is_killed_comes_back(echo):
    echo.pause()
    assert say(echo.port, b"hello") == (b"", False)
    echo.resume()
    assert say(echo.port, b"hello")[0] == b"hello"
    echo.kill()
    assert say(echo.port, b"hello") == (b"", True)
    echo.start()
    assert say(echo.port, b"hello") == (b"hello", False)


def test_databases_that_are_killed_keep_what_was_committed(mariadb, postgres):
    for server, database in ((mariadb, "kept"), (postgres, "kept")):
        server.new_database(database)
        server.run("CREATE TABLE kept (id INT)", database)
        server.run("INSERT INTO kept VALUES (7)", database)
        server.crash()
        assert [tuple(row) for row in server.run("SELECT id FROM kept", database)] == [(7,)]


@pytest.mark.parametrize("kind", [server_s3.VersityGW, server_s3.MinIO])
def test_a_store_that_is_killed_keeps_what_it_was_given(servers, kind):
    store = servers.get(kind)
    store.new_bucket("kept")
    store.client().put_object(Bucket="kept", Key="a/b", Body=b"something")
    upload = store.client().create_multipart_upload(Bucket="kept", Key="c")
    store.crash()
    assert store.client().get_object(Bucket="kept", Key="a/b")["Body"].read() == b"something"
    assert server_s3.keys(store.client(), "kept") == ["a/b"]
    store.client().abort_multipart_upload(Bucket="kept", Key="c", UploadId=upload["UploadId"])


# --- the comparison ---------------------------------------------------------------------------------------------------

ROWS = 12_000
PLANTED = {
    "a value": ("UPDATE t SET l_tax = l_tax + 0.01 WHERE id = 11345", "id from 10000 to 19999: column l_tax differs"),
    "a NULL for ''": ("UPDATE t SET note = NULL WHERE id = 10001", "id from 10000 to 19999: column note differs"),
    "a text NULL for NULL": ("UPDATE t SET note = 'NULL' WHERE id = 3", "id from 0 to 9999: column note differs"),
    "a microsecond": ("UPDATE t SET updated_at = updated_at + interval '1 microsecond' WHERE id = 1", "id from 0 to 9999: column updated_at differs"),
    "two rows with each other's value": ("UPDATE t SET l_comment = (SELECT l_comment FROM t AS o WHERE o.id = 11 - t.id) WHERE id IN (5, 6)",
                                         "id from 0 to 9999: column l_comment differs"),
    "a byte": ("UPDATE t SET raw = '\\x00ff' WHERE id = 2", "id from 0 to 9999: column raw differs"),
    "a row too few": ("DELETE FROM t WHERE id = 12000", "2001 rows in the source, 2000 in the target"),
    "a row twice": ("INSERT INTO t SELECT * FROM t WHERE id = 12000", "2001 rows in the source, 2002 in the target"),
    "a row too many": ("INSERT INTO t SELECT * FROM t WHERE id = 1; UPDATE t SET id = -1 WHERE ctid = (SELECT max(ctid) FROM t)", "0 rows in the source, 1 in the target"),
}


@pytest.fixture(scope="module")
def twins(mariadb, postgres):
    """The same rows in both, carried over by Python."""
    mariadb.new_database("twins")
    postgres.new_database("twins")
    lineitem.create(mariadb, "twins", "t", ROWS)
    mariadb.run("ALTER TABLE t ADD note TEXT, ADD raw VARBINARY(9), ADD seen TIMESTAMP(3) NULL;"
                "UPDATE t SET note = IF(id % 3, '', NULL), raw = IF(id % 2, UNHEX('00FE'), ''), seen = IF(id % 5, FROM_UNIXTIME(1e9 + id / 8), NULL)", "twins")
    names = [name for name, _ in digests.columns_of(mariadb, "twins", "t")]
    types = {"id": "bigint", "raw": "bytea", "seen": "timestamptz", "updated_at": "timestamp(6)", "l_shipdate": "date", "l_commitdate": "date", "l_receiptdate": "date"}
    postgres.run("CREATE TABLE t (" + ", ".join(f"{name} {types.get(name, 'text')}" for name in names) + ")", "twins")
    with contextlib.closing(mariadb.connect("twins")) as reader, contextlib.closing(postgres.connect("twins")) as writer:
        read, write = reader.cursor(), writer.cursor()
        read.execute("SET time_zone = '+00:00'")
        read.execute("SELECT * FROM t ORDER BY id")
        rows = [list(row) for row in read.fetchall()]
        for row in rows:
            row[-1] = row[-1] and f"{row[-1]}+00"
        write.execute("BEGIN")
        for at in range(0, len(rows), 1000):
            write.execute("INSERT INTO t VALUES " + ", ".join(write.mogrify("(" + ", ".join(["%s"] * len(names)) + ")", row).decode() for row in rows[at:at + 1000]))
        write.execute("COMMIT")
    postgres.run("ALTER TABLE t ALTER l_tax TYPE numeric(15,2) USING l_tax::numeric", "twins")
    return mariadb, postgres, "twins", "twins", "t"


def test_two_equal_tables_are_equal(twins):
    digests.assert_equal(*twins)


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_difference_is_found(twins, what):
    _, postgres, _, database, _ = twins
    change, expected = PLANTED[what]
    with contextlib.closing(postgres.connect(database)) as session:
        keep = session.cursor()
        keep.execute("CREATE TABLE copy AS SELECT * FROM t")
        try:
            keep.execute(change)
            found = digests.differences(*twins)
        finally:
            keep.execute("DROP TABLE t; ALTER TABLE copy RENAME TO t")
    assert len(found) == 1 and expected in found[0], found
