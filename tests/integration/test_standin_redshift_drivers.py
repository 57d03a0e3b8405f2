"""The stand-in for Redshift as other drivers speak to it: the extended protocol, and what known tools send."""
import contextlib
import datetime
import decimal
import threading

import psycopg
import pyarrow as pa
import pytest
import redshift_connector

from redshift_cluster import INTS
from server_redshift import ROLE


@pytest.fixture
def extended(cluster):
    """psycopg 3: parameters are sent apart from the statement."""
    one = cluster.redshift
    with contextlib.closing(psycopg.connect(host="127.0.0.1", port=one.port, user="loader", password=one.secret, dbname="standin", autocommit=True,
                                            options=f'-c search_path="{cluster.name}"')) as session:
        yield session


@pytest.fixture
def amazons(cluster):
    """AWS's own driver: named prepared statements, and a transaction around everything."""
    one = cluster.redshift
    with contextlib.closing(redshift_connector.connect(host="127.0.0.1", port=one.port, user="loader", password=one.secret, database="standin", ssl=False)) as session:
        with session.cursor() as cursor:
            cursor.execute(f'SET search_path TO "{cluster.name}"')
        session.commit()
        yield session


def test_parameters_and_prepared_statements(cluster, extended):
    extended.execute("CREATE TABLE t (id BIGINT, v VARCHAR(9), d DECIMAL(9,2))")
    for i in range(3):
        assert extended.execute("INSERT INTO t VALUES (%s, %s, %s)", (i, f"back\\slash {i}"[:9], decimal.Decimal("1.25")), prepare=True).rowcount == 1
    assert extended.execute("SELECT id, v, d FROM t WHERE id > %s ORDER BY id", (1,)).fetchall() == [(2, "back\\slas", decimal.Decimal("1.25"))]
    assert extended.execute("SELECT id, v FROM t ORDER BY id", binary=True).fetchone() == (0, "back\\slas")
    assert extended.execute("UPDATE t SET v = %s WHERE id = %s", ("x", 1)).rowcount == 1
    extended.execute(cluster.copy_file("t (id)", INTS), prepare=True)
    assert extended.execute("SELECT pg_last_copy_count(), count(*) FROM t WHERE id >= %s", (0,)).fetchone() == (3, 6)


def test_errors_and_transactions_in_the_extended_protocol(extended):
    extended.execute("CREATE TABLE t (id BIGINT NOT NULL)")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        extended.execute("SELECT nothing FROM t WHERE id = %s", (1,))
    with pytest.raises(psycopg.errors.SyntaxError):
        extended.execute("INSERT INTO t VALUES (%s) RETURNING id", (1,))
    with pytest.raises(psycopg.errors.InternalError_, match="Cannot insert a NULL value into column id"):
        extended.execute("INSERT INTO t VALUES (%s)", (None,))
    with pytest.raises(psycopg.errors.ActiveSqlTransaction), extended.transaction():
        extended.execute("DELETE FROM t WHERE id = %s", (1,))
        extended.execute("VACUUM t")
    with extended.transaction():
        extended.execute("INSERT INTO t VALUES (%s)", (1,))
    assert extended.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_a_compare_and_swap_with_parameters_waits_before_its_snapshot(cluster, extended):
    extended.execute("CREATE TABLE t (id BIGINT, n BIGINT)")
    extended.execute("INSERT INTO t VALUES (%s, %s)", (1, 0))
    cluster.run("BEGIN")
    cluster.run("UPDATE t SET n = 1 WHERE id = 1 AND n = 0")
    found = []

    def swap():
        with extended.transaction():
            found.append(extended.execute("UPDATE t SET n = %s WHERE id = %s AND n = %s", (2, 1, 0)).rowcount)

    thread = threading.Thread(target=swap)
    thread.start()
    thread.join(0.3)
    assert found == []
    cluster.run("COMMIT")
    thread.join(10)
    assert found == [0]


def test_amazons_own_driver(cluster, amazons):
    with amazons.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id BIGINT, amount DECIMAL(10,2), at TIMESTAMP, doc SUPER) SORTKEY (id)")
        cursor.execute("INSERT INTO t (id, amount, at) VALUES (%s, %s, %s)", (1, decimal.Decimal("1.50"), datetime.datetime(2024, 2, 29)))
        assert cursor.rowcount == 1
        cursor.execute("SELECT id, amount, at, doc, 'x'::CHAR(2), CURRENT_DATE, true FROM t WHERE id = %s", (1,))
        row = cursor.fetchone()
        assert list(row[:4]) == [1, decimal.Decimal("1.50"), datetime.datetime(2024, 2, 29), None] and row[6] is True
    amazons.rollback()
    cluster.refuses("SELECT * FROM t", "42P01")
    with amazons.cursor() as cursor, pytest.raises(redshift_connector.ProgrammingError) as found:
        cursor.execute(f"COPY t FROM 's3://{cluster.name}/x' IAM_ROLE '{ROLE}' FORMAT AS PARQUET")
    assert found.value.args[0]["C"] == "42P01"


def test_what_awswrangler_sends(cluster, amazons):
    cluster.put("part/0.parquet", {"id": pa.array([1, 2], pa.int64()), "name": ["a", "b"]})
    keys = f"ACCESS_KEY_ID '{cluster.s3.access_key}'\nSECRET_ACCESS_KEY '{cluster.s3.secret}'\n"
    schema = cluster.name
    create = (f'CREATE TABLE IF NOT EXISTS "{schema}"."w" (\n"id" BIGINT,\n"name" VARCHAR(256),\nPRIMARY KEY (id))\nDISTSTYLE AUTO\nCOMPOUND SORTKEY(id)')
    with amazons.cursor() as cursor:
        for _ in range(2):
            cursor.execute(create)
            cursor.execute(f"SELECT true WHERE EXISTS (SELECT * FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = '{schema}' AND TABLE_NAME = 'w');")
            assert len(cursor.fetchall()) == 1
            cursor.execute(f"SELECT indexdef FROM pg_indexes WHERE schemaname = '{schema}' AND tablename = 'w'")
            assert cursor.fetchall()[0][0].split("(")[1].strip(")").split(",") == ["id"]
            cursor.execute(f'CREATE TEMPORARY TABLE temp_redshift_1 (LIKE "{schema}"."w")')
            cursor.execute(f'LOCK "{schema}"."w";\n')
            cursor.execute(f"COPY \"temp_redshift_1\" \nFROM 's3://{cluster.name}/part/' {keys}\nFORMAT AS PARQUET")
            cursor.execute(f'DELETE FROM "{schema}"."w" USING "temp_redshift_1" WHERE "w".id = "temp_redshift_1".id')
            cursor.execute(f'INSERT INTO "{schema}"."w" SELECT * FROM "temp_redshift_1"')
            cursor.execute('DROP TABLE IF EXISTS "temp_redshift_1"')
            amazons.commit()
    assert cluster.run("SELECT count(*) FROM w") == [(2,)]


def test_what_dbt_sends(cluster, amazons):
    relation = f'"standin"."{cluster.name}"'
    with amazons.cursor() as cursor:
        for sql in (f"CREATE TABLE {relation}.\"m__dbt_tmp\" DISTSTYLE EVEN AS (SELECT 1 AS id, 'a'::VARCHAR(3) AS name)",
                    f'ALTER TABLE {relation}."m__dbt_tmp" RENAME TO "m"', f'DROP TABLE IF EXISTS {relation}."m__dbt_backup" CASCADE',
                    "CREATE TEMPORARY TABLE \"m__dbt_tmp120\" AS (SELECT 1 AS id, 'b'::VARCHAR(3) AS name)",
                    f'DELETE FROM {relation}."m" USING "m__dbt_tmp120" WHERE "m__dbt_tmp120".id = {relation}."m".id',
                    f'INSERT INTO {relation}."m" ("id", "name") (SELECT "id", "name" FROM "m__dbt_tmp120")',
                    f'CREATE VIEW {relation}."v" AS (SELECT * FROM {relation}."m") WITH NO SCHEMA BINDING', f'ANALYZE {relation}."m"'):
            cursor.execute(sql)
        amazons.commit()
    assert cluster.run("SELECT * FROM v") == [(1, "b")]
    cluster.refuses("INSERT INTO m VALUES (1, 'ää')", "XX000", "Value too long")
