"""increment: custom_sql, from SQLite, MariaDB and PostgreSQL: a statement is moved as a table is, exactly, whatever it does with
its bounds."""
import datetime

import pytest

from waybill import Route, next_second

JOIN = """SELECT o.id, o.total, c.name AS customer, o.updated_at FROM orders o JOIN customers c ON c.id = o.customer_id
          WHERE o.updated_at {ge} :lower AND o.updated_at {lt} :upper ORDER BY o.updated_at LIMIT :limit"""
ROWS = [(i, i * 1.5, i % 7, f"2024-05-{1 + i // 10:02d} 10:00:{i // 2 % 5:02d}") for i in range(1, 100)]
INSERT = "INSERT INTO orders VALUES " + ", ".join(f"({i}, {t}, {c}, '{u}')" for i, t, c, u in ROWS) + ";"
CUSTOMERS = "INSERT INTO customers VALUES " + ", ".join(f"({i}, 'customer {i}')" for i in range(7)) + ";"
MAKE = "CREATE TABLE customers (id {integer} PRIMARY KEY, name {text}); " + \
       "CREATE TABLE orders (id {integer} PRIMARY KEY, total {number}, customer_id {integer}, updated_at {stamp}); " + \
       "CREATE INDEX orders_updated_at ON orders (updated_at);" + CUSTOMERS + INSERT
WORDS = {
    "sqlite": {"integer": "INTEGER", "text": "TEXT", "number": "DECIMAL(10,2)", "stamp": "DATETIME NOT NULL"},
    "mariadb": {"integer": "INT", "text": "VARCHAR(40)", "number": "DECIMAL(10,2)", "stamp": "DATETIME NOT NULL"},
    "postgres": {"integer": "integer", "text": "varchar(40)", "number": "numeric(10,2)", "stamp": "timestamp NOT NULL"},
}
TABLE = {"increment": "custom_sql", "cursor": "updated_at", "key": "id", "cursor_zone": "UTC", "lag": "0s"}


def change(source):
    """A new row, and a changed one; returns what the warehouse has to hold then. `lag` is 0: their second has to be over."""
    next_second()  # the mark is in the one before
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    source.in_source(f"INSERT INTO orders VALUES (200, 7, 3, '{now}'); UPDATE orders SET total = 99, updated_at = '{now}' WHERE id = 5")
    next_second()
    return sorted([(i, 99.0 if i == 5 else t, f"customer {c}", now if i == 5 else u) for i, t, c, u in ROWS] + [(200, 7.0, "customer 3", now)])


def in_warehouse(source):
    return [(i, float(t), c, u[:19]) for i, t, c, u in source.in_target("SELECT id, total, customer, updated_at FROM sold ORDER BY id")]


def statement(ge=">=", lt="<"):
    return JOIN.format(ge=ge, lt=lt)


@pytest.fixture(params=["sqlite", "mariadb", "postgres"])
def source(request, tmp_path):
    """A pipeline into a SQLite file, and what runs SQL in its source."""
    folder = tmp_path / "route"
    folder.mkdir()
    table = dict(TABLE, sql=statement())
    if request.param == "sqlite":
        del table["cursor_zone"]
    route = Route(folder, {"sold": table}, chunk={"rows": 10})
    if request.param == "mariadb":
        server, name = request.getfixturevalue("mariadb"), f"custom-{tmp_path.name[-20:]}"
        server.new_database(name)
        route.in_source = lambda script: server.run(script, name)
        route.connections["shop"] = server.connection(name)
    elif request.param == "postgres":
        server, name = request.getfixturevalue("postgres"), f"custom-{tmp_path.name[-20:]}"
        server.new_database(name)
        route.in_source = lambda script: server.run(script, name)
        route.connections["shop"] = server.connection(name)
    if request.param != "sqlite":
        route.environment[f"{request.param.upper()}_PASSWORD"] = server.secret
    route.in_source(MAKE.format(**WORDS[request.param]))
    if request.param == "postgres":
        route.in_source("GRANT USAGE ON SCHEMA public TO loader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO loader; GRANT pg_read_all_stats TO loader")
    route.write_config()
    return route


def test_a_statement_is_moved_in_chunks_and_goes_on_from_its_mark(source):
    plan = source.sync("--dry-run").out
    assert "custom_sql" in plan and "sold" in plan and "99," in plan, plan
    source.sync("--limit", "25")
    assert len(in_warehouse(source)) == 25
    assert len(source.chain("sold")) >= 3
    source.sync()
    assert len(in_warehouse(source)) == len(ROWS)
    wanted = change(source)
    assert source.sync("--json-output", "-").json()["table_results"]["sold"]["rows_processed"] == 2
    assert in_warehouse(source) == wanted
    assert source.sync("--json-output", "-").json()["table_results"]["sold"]["rows_processed"] == 0
    source.sync("--full-refresh")
    assert in_warehouse(source) == wanted
    source.assert_tidy()


@pytest.mark.parametrize("ge, lt", [(">", "<="), (">=", "<="), (">", "<")])
def test_a_statement_that_says_its_bounds_otherwise_loses_nothing(source, ge, lt):
    source.tables["sold"]["sql"] = statement(ge, lt)
    source.write_config()
    source.sync()
    wanted = change(source)
    source.sync("--start-time", "2024-05-03T00:00:00Z", "--end-time", "2024-05-05T00:00:00Z")
    source.sync()
    assert in_warehouse(source) == wanted


def test_what_cannot_be_moved_is_refused_before_anything_is(source):
    for sql, words in [("DELETE FROM orders", "is not one SELECT"), ("SELECT id FROM orders; DROP TABLE orders", "more than one statement"),
                       ("SELECT id, id FROM orders", "sold"), ("SELECT id, total FROM orders", "updated_at"), ("SELECT nothing FROM orders", "the 'sql' of 'sold'")]:
        source.tables["sold"]["sql"] = sql
        source.write_config()
        done = source.sync(status=None)
        assert done.status != 0 and words in done.err, (sql, done.err)
        assert not source.dw.exists() or "sold" not in str(source.in_target("SELECT name FROM sqlite_master"))


def audit(source, status=0):
    (row,) = source.run("audit", "-p", "p", "-t", "sold", "--output", "json", status=status).json()["tables"]
    return row


def test_a_statement_is_audited_as_it_stands_when_it_is_asked(source):
    source.tables["sold"]["audit"] = "profile"
    source.write_config()
    assert source.sync("--json-output", "-").json()["waybill"]["tables"]["sold"]["audit_status"] == "passed"
    row = audit(source)
    assert (row["audit_status"], row["source_rows"], row["stage"]["rows"], row["target_rows"]) == ("passed", 99, 99, 99)
    change(source)
    row = audit(source)
    assert (row["audit_status"], row["changed_since"], row["source_rows"]) == ("passed", 2, 98), "5 has moved, and 200 is new"
    source.sync()
    source.in_target("UPDATE sold SET customer = 'nobody' WHERE id = 7")
    row = audit(source, status=6)
    assert row["differences"] and all("customer" in line for line in row["differences"]), row
    source.run("sync", "repair", "-p", "p", "-t", "sold", "--keys", "7")
    assert audit(source)["audit_status"] == "passed"
    source.in_source("UPDATE customers SET name = 'Ada' WHERE id = 3")  # which no cursor tells
    assert any("customer" in line for line in audit(source, status=6)["differences"])
