"""waybill init and patterns of tables, against MariaDB and PostgreSQL: what is written works as it is, and what cannot be is told."""
import dataclasses
import pathlib
import subprocess
import time
import urllib.parse

import pytest

from waybill import PROGRAM

SHOP = {
    "mariadb": """
CREATE TABLE shop_orders (id INT PRIMARY KEY, note VARCHAR(20), updated_at DATETIME NOT NULL, KEY (updated_at));
CREATE TABLE shop_countries (code CHAR(2) PRIMARY KEY, name VARCHAR(40));
CREATE TABLE shop_scratch (a INT);
CREATE TABLE staff (id INT PRIMARY KEY, updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, KEY (updated_at));
CREATE VIEW shop_view AS SELECT id FROM shop_orders;
INSERT INTO shop_orders VALUES (1, 'a', NOW() - INTERVAL 2 DAY), (2, 'b', NOW() - INTERVAL 1 DAY);
INSERT INTO shop_countries VALUES ('DE', 'Germany'); INSERT INTO shop_scratch VALUES (1);
""",
    "postgres": """
CREATE TABLE shop_orders (id int PRIMARY KEY, note varchar(20), updated_at timestamptz NOT NULL);
CREATE INDEX ON shop_orders (updated_at);
CREATE TABLE shop_countries (code char(2) PRIMARY KEY, name varchar(40));
CREATE TABLE shop_scratch (a int);
CREATE TABLE staff (id int PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON staff (updated_at);
CREATE VIEW shop_view AS SELECT id FROM shop_orders;
INSERT INTO shop_orders VALUES (1, 'a', now() - interval '2 days'), (2, 'b', now() - interval '1 day');
INSERT INTO shop_countries VALUES ('DE', 'Germany'); INSERT INTO shop_scratch VALUES (1);
GRANT SELECT ON ALL TABLES IN SCHEMA public TO loader; GRANT pg_read_all_stats TO loader;
""",
}


def tls(server):
    return urllib.parse.urlencode({"tls": "verify", "tls_ca": server.authority})


@dataclasses.dataclass
class Shop:
    folder: pathlib.Path
    kind: str
    server: object
    postgres: object
    name: str

    def uri(self, database=None, user=None):
        if self.kind == "postgres":
            return self.target(database or self.name, user)
        return f"mysql://{user or 'etl'}:${{SHOP_PASSWORD}}@127.0.0.1:{self.server.port}/{database or self.name}?{tls(self.server)}"

    def target(self, database, user=None):
        return f"postgresql://{user or 'loader'}:${{DW_PASSWORD}}@127.0.0.1:{self.postgres.port}/{database}?{tls(self.postgres)}"

    def run(self, *words, status=0):
        done = subprocess.run([PROGRAM, *words], cwd=self.folder, text=True, capture_output=True, timeout=120, env={
            "PATH": "/usr/bin:/bin", "HOME": str(self.folder), "SHOP_PASSWORD": self.server.secret, "DW_PASSWORD": self.postgres.secret,
            "AWS_EC2_METADATA_DISABLED": "true"})
        assert done.returncode == status, done.stdout + done.stderr
        assert self.server.secret not in done.stdout + done.stderr
        return done

    def init(self, *words, source=None, status=0):
        return self.run("init", "--source", source or self.uri(), "--target", self.target(f"{self.name}-dw"), *words, status=status)

    @property
    def config(self):
        return self.folder / "waybill.yml"

    def in_source(self, script):
        return self.server.run(script, self.name)

    def moved(self, table):
        return self.postgres.run(f"SELECT count(*) FROM {table}", f"{self.name}-dw")[0][0]


@pytest.fixture(params=["mariadb", "postgres"])
def shop(request, tmp_path, postgres):
    server, name = request.getfixturevalue(request.param), f"init-{tmp_path.name[-20:].replace('_', '-').lower()}"
    server.new_database(name)
    postgres.new_database(f"{name}-dw")
    made = Shop(tmp_path, request.param, server, postgres, name)
    made.in_source(SHOP[request.param])
    return made


def test_what_is_written_is_checked_planned_and_run_as_it_is(shop):
    told = shop.init().stdout
    assert "4 tables\n" in told and "first:" not in told
    shop.in_source("INSERT INTO staff (id) VALUES (1)")
    written = shop.config.read_text()
    tables = ["shop_countries", "shop_orders", "shop_scratch", "staff"]
    assert sorted(tables, key=lambda table: written.index(f"      {table}:")) == tables, "in the order of their names"
    assert "shop_orders: {}    # hybrid" in written and "shop_countries: {increment: full_sync}" in written and "shop_view" not in written
    assert shop.server.secret not in written
    shop.run("check")
    assert "shop_orders" in shop.run("plan").stdout
    time.sleep(6)
    shop.run("sync", "-q")
    assert [shop.moved(table) for table in ("shop_orders", "shop_countries", "shop_scratch", "staff")] == [2, 1, 1, 1]
    shop.in_source("INSERT INTO shop_countries VALUES ('FR', 'France')")
    shop.run("sync", "-q")
    assert shop.moved("shop_countries") == 2


def test_who_cannot_see_open_transactions_is_told_what_is_missing_before_anything_else(shop):
    user, back = ("blind", None) if shop.kind == "mariadb" else ("loader", "GRANT pg_read_all_stats TO loader")
    if back:
        shop.in_source("REVOKE pg_read_all_stats FROM loader")
    try:
        told = shop.init(source=shop.uri(user=user)).stdout
        right = "GRANT PROCESS" if shop.kind == "mariadb" else "GRANT pg_read_all_stats"
        assert "first: " in told and right in told
        assert "    # lag: 10m    # needed" in shop.config.read_text() and right in shop.config.read_text()
        refused = shop.run("plan", status=3)
        assert right in refused.stderr and "lag: 10m" in refused.stderr
        shop.config.write_text(shop.config.read_text().replace("    # lag: 10m ", "    lag: 10m "))
        shop.run("check")
        shop.run("plan")
        shop.run("sync", "-q")
        assert shop.moved("shop_orders") == 2
    finally:
        if back:
            shop.in_source(back)


def test_what_cannot_be_looked_at_is_told_and_nothing_is_written(shop):
    missing = shop.init(source=shop.uri(database="nowhere"), status=8 if shop.kind == "mariadb" else 4)
    assert "nowhere" in missing.stderr and "what to do: " in missing.stderr
    refused = shop.init(source=shop.uri(user="stranger"), status=8)
    assert "stranger" in refused.stderr and "what to do: " in refused.stderr
    assert not shop.config.exists()


def test_a_user_who_may_read_nothing_is_not_told_that_there_is_nothing(shop):
    if shop.kind == "mariadb":
        shop.server.run(f"REVOKE SELECT ON `{shop.name}`.* FROM 'etl'@'127.0.0.1'; GRANT EXECUTE ON `{shop.name}`.* TO 'etl'@'127.0.0.1'")
    else:
        shop.in_source("REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM loader")
    told = shop.init(status=4)
    assert "no table" in told.stderr and "GRANT SELECT" in told.stderr
    assert not shop.config.exists()


def test_a_pattern_means_the_tables_that_are_there(shop):
    shop.init()
    written = shop.config.read_text()
    shop.config.write_text(written[:written.index("    tables:")] + "    tables:\n      \"shop_*\": {exclude: shop_scratch}\n      shop_countries: {increment: full_sync}\n")
    assert [one.split(" ")[0] for one in shop.run("plan").stdout.splitlines() if " -> " in one and not one.startswith(" ")] == ["shop_orders", "shop_countries"]
    shop.run("sync", "-q", "-t", "shop_o*")
    assert shop.moved("shop_orders") == 2
    assert shop.run("plan", "-t", "*s*c*", "--output", "json").stdout.count('"table": "') == 1, "the one that is excluded is not meant, nor are those that nobody listed"
    none = shop.run("plan", "-t", "shp_*", status=4)
    assert "'shp_*'" in none.stderr and "what to do: " in none.stderr
    shop.config.write_text(written[:written.index("    tables:")] + "    tables:\n      \"shp_*\": {}\n")
    none = shop.run("sync", status=4)
    assert "'shp_*'" in none.stderr and "what to do: " in none.stderr, none.stderr
