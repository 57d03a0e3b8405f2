"""Servers that ask their clients for a certificate: `tls_cert` and `tls_key` are shown to them, and to nobody else's liking."""
import shutil

import pytest

from server_mariadb import MariaDB
from server_postgres import PostgreSQL
from servers import certificate
from waybill import assert_told, Pipeline, sqlite_rows


REFUSED = {"postgres": ("connection requires a valid client certificate", "show the server a certificate that its authority"),
           "mariadb": ("Access denied", "whether it has to show a certificate")}


class Shop(Pipeline):
    def __init__(self, folder, server, connection):
        super().__init__(folder, {"shop": connection, "lake": {"type": "directory", "path": "lake"}, "dw": {"type": "sqlite", "path": "dw.db"}},
                         {"orders": {"increment": "full_sync"}})
        self.environment = {"POSTGRES_PASSWORD": server.secret, "MARIADB_PASSWORD": server.secret}

    def show(self, cert, key):
        self.connections["shop"] |= {"tls_cert": str(cert), "tls_key": str(key)}
        self.write_config()


@pytest.fixture
def postgres_of_certificates(servers):
    name = "postgres-mutual"
    made = servers.get(PostgreSQL, name, ssl_ca_file=servers.folder / name / "tls" / "ca.pem", shared_buffers="16MB")
    rules = made.folder / "data" / "pg_hba.conf"
    if "clientcert" not in rules.read_text():
        rules.write_text("hostssl all loader 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n" + rules.read_text())
        made.run("SELECT pg_reload_conf(); CREATE TABLE orders (id bigint PRIMARY KEY); INSERT INTO orders VALUES (7); GRANT SELECT ON orders TO loader")
    return made


@pytest.fixture
def mariadb_of_certificates(servers):
    name = "mariadb-mutual"
    made = servers.get(MariaDB, name, **{"ssl-ca": servers.folder / name / "tls" / "ca.pem", "innodb-buffer-pool-size": "32M", "innodb-log-file-size": "16M"})
    if not made.run("SHOW DATABASES LIKE 'shop'"):
        made.new_database("shop")
        made.run("ALTER USER 'etl'@'127.0.0.1' REQUIRE X509; CREATE TABLE shop.orders (id BIGINT PRIMARY KEY); INSERT INTO shop.orders VALUES (7)")
    return made


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_server_that_wants_a_certificate_gets_the_one_of_the_configuration(kind, tmp_path, request):
    server = request.getfixturevalue(f"{kind}_of_certificates")
    shop = Shop(tmp_path, server, server.connection({"postgres": "postgres", "mariadb": "shop"}[kind]))
    assert_told(shop.sync(status=8), "'shop'", "127.0.0.1", *REFUSED[kind])
    other, its_key, _ = certificate(tmp_path / "of-another-authority")
    shop.show(other, its_key)
    assert shop.sync(status=None).status in (5, 8)
    assert not (tmp_path / "dw.db").exists() or not sqlite_rows(tmp_path / "dw.db", "SELECT name FROM sqlite_master WHERE name = 'orders'")
    cert, key = (shutil.copy(path, tmp_path / f"client-{path.name}") for path in (server.cert, server.key))
    shop.show(cert, key)
    shop.sync()
    assert sqlite_rows(tmp_path / "dw.db", "SELECT id FROM orders") == [(7,)]
    assert "tls" in shop.run("check", "shop").out.lower()
    del shop.connections["shop"]["tls_key"]
    shop.write_config()
    assert shop.sync(status=None).status in (2, 8)
