"""What is said of a connection to a database server: how long it waits, how many read, which files and sockets it uses."""
import pytest

from proxy import Proxy, Stall
from waybill import Pipeline, sqlite_rows

ROWS = 60_000
MAKE = {
    "mariadb": "CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(200), updated_at DATETIME NOT NULL, KEY (updated_at)); INSERT INTO orders"
               f" SELECT seq, REPEAT(MD5(seq), 3), NOW() - INTERVAL seq SECOND FROM seq_1_to_{ROWS}; ANALYZE TABLE orders",
    "postgres": "CREATE TABLE orders (id int PRIMARY KEY, note text, updated_at timestamptz NOT NULL); CREATE INDEX ON orders (updated_at); GRANT SELECT ON orders TO loader;"
                f" INSERT INTO orders SELECT n, repeat(md5(n::text), 3), now() - n * interval '1 second' FROM generate_series(1, {ROWS}) AS n; ANALYZE orders",
}
SILENT = {"mariadb": "it was silent for too long", "postgres": "no row for 1 s"}


class Shop(Pipeline):
    """A table of a server, through a proxy, into SQLite."""

    def __init__(self, folder, kind, server):
        name = f"options-{kind}"
        if not server.run("SELECT 1 FROM information_schema.schemata WHERE schema_name = '%s'" % name if kind == "mariadb" else f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            server.new_database(name)
            server.run(MAKE[kind], name)
        self.proxy = Proxy(server.port)
        self.usual = {**server.connection(name), "port": self.proxy.port}
        super().__init__(folder, {"shop": self.usual, "lake": {"type": "directory", "path": "lake"}, "dw": {"type": "sqlite", "path": "dw.db"}},
                         {"orders": {"increment": "full_sync"}})
        self.environment = {"POSTGRES_PASSWORD": server.secret, "MARIADB_PASSWORD": server.secret, "HOME": str(folder)}

    def say(self, **options):
        self.connections["shop"] = {name: value for name, value in (self.usual | options).items() if value is not None}
        self.write_config()

    def read(self, key):
        return (self.folder / "lake" / key).read_bytes()

    def rows(self):
        return sqlite_rows(self.folder / "dw.db", "SELECT count(*), count(DISTINCT note) FROM orders")


@pytest.fixture(params=["mariadb", "postgres"])
def kind(request):
    return request.param


@pytest.fixture
def shop(tmp_path, kind, request):
    made = Shop(tmp_path, kind, request.getfixturevalue(kind))
    yield made
    made.proxy.close()


def test_a_server_that_falls_silent_is_waited_for_as_long_as_is_said(shop, kind):
    """Where nothing is said, ten seconds for a connection, and ten minutes for rows."""
    shop.proxy.fault = Stall(after=0, way="down")
    shop.say(connect_timeout="1s")
    shop.sync(status=5, timeout=9.5)
    shop.proxy.fault = Stall(after=400_000, way="down")
    shop.say(read_timeout="1s")
    assert SILENT[kind] in shop.sync(status=5).err
    assert shop.proxy.hits >= 2
    shop.proxy.fault = None
    shop.sync()
    assert shop.rows() == [(ROWS, ROWS)]


@pytest.mark.parametrize("connections", [1, 3])
def test_so_many_connections_read_at_once_as_is_said(shop, connections):
    shop.pipeline |= {"readers": 4, "strategy": "intra-table"}
    shop.tables["orders"] = {"lag": "0s"}
    shop.say(connections=connections)
    shop.sync()
    assert len(shop.chain("orders")[-1]["files"]) == connections
    assert shop.rows() == [(ROWS, ROWS)]
