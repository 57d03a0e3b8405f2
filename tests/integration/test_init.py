"""waybill init: what it writes can be run as it is, says why, and overwrites nothing."""
import sqlite3
import subprocess

import pytest

from waybill import PROGRAM

SHOP = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, total DECIMAL(10,2), updated_at DATETIME NOT NULL);
CREATE INDEX orders_updated ON orders (updated_at);
CREATE TABLE countries (code TEXT PRIMARY KEY, name TEXT);
CREATE TABLE "odd: name" (a INTEGER);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
INSERT INTO orders VALUES (1, 9.5, datetime('now', '-2 days')), (2, 3, datetime('now', '-1 days'));
INSERT INTO countries VALUES ('DE', 'Germany');
INSERT INTO "odd: name" VALUES (1);
INSERT INTO log WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000001) SELECT i, 'x' FROM n;
"""


@pytest.fixture
def run(tmp_path):
    shop = sqlite3.connect(tmp_path / "shop.db")
    shop.executescript(SHOP)
    shop.close()

    def call(*args, status=0):
        done = subprocess.run([PROGRAM, *args], cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == status, done.stdout + done.stderr
        return done
    return call


def test_what_it_writes_moves_the_tables_as_it_is(run, tmp_path):
    told = run("init", "--source", "sqlite:shop.db", "--target", "sqlite:dw.db").stdout
    assert "3 tables, 1 left out" in told and "waybill check" in told
    written = (tmp_path / "waybill.yml").read_text()
    assert "orders: {}    # hybrid: what changed, by updated_at" in written
    assert "# log: {increment: id_only}    # left out: " in written and "never changed" in written
    assert 'countries: {increment: full_sync}    # the whole table each time (1 row now): no cursor of' in written
    run("check")
    run("sync", "-q")
    dw = sqlite3.connect(tmp_path / "dw.db")
    assert [dw.execute(f'SELECT count(*) FROM "{t}"').fetchone()[0] for t in ("orders", "countries", "odd: name")] == [2, 1, 1]
    assert dw.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'log'").fetchone() == (0,)


def test_a_file_that_is_there_stays_unless_it_is_forced(run, tmp_path):
    (tmp_path / "waybill.yml").write_text("mine")
    assert "--force" in run("init", "--source", "sqlite:shop.db", status=2).stderr
    assert (tmp_path / "waybill.yml").read_text() == "mine"
    run("init", "--source", "sqlite:shop.db", "--config", "other.yml")
    run("init", "--source", "sqlite:shop.db", "--force")
    written = (tmp_path / "waybill.yml").read_text()
    assert written == (tmp_path / "other.yml").read_text() and "target: none" in written


def test_it_works_from_a_folder_of_its_own_and_writes_nothing_where_it_fails(run, tmp_path):
    (tmp_path / "etc").mkdir()
    run("init", "--source", "sqlite:shop.db", "--config", "etc/w.yml")
    run("plan", "--config", "etc/w.yml")
    assert "no URI" in run("init", "--source", "shop", "--config", "x.yml", status=2).stderr
    assert "readable" in run("init", "--source", "mysql://etl:secret@h/db", "--config", "x.yml", status=2).stderr.replace("can read it", "readable")
    run("init", "--source", "sqlite:nowhere.db", "--config", "x.yml", status=4)
    assert not (tmp_path / "x.yml").exists()
