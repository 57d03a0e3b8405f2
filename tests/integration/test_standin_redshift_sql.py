"""The stand-in for Redshift takes Redshift's SQL, and refuses what PostgreSQL would take and Redshift does not."""
import decimal
import re
import sys

import psycopg2
import psycopg2.extras
import pyarrow as pa
import pytest

from redshift_cluster import INTS
from server_redshift import STANDIN

sys.path.insert(0, str(STANDIN.parent))
from redshift import dialect, doubts, faults  # noqa: E402

INNER = ("XX000", "-----------------------------------------------")


def test_it_says_that_it_is_8_0_2(cluster):
    assert cluster.session.server_version == 80002
    assert "Redshift 1.0." in cluster.run("SELECT version()")[0][0]
    assert cluster.session.get_parameter_status("standard_conforming_strings") is None


def test_names_are_folded_even_when_quoted(cluster):
    cluster.run('CREATE TABLE "MixedCase" ("Id" BIGINT, "select" VARCHAR(9), "1st" SMALLINT)')
    cluster.run('INSERT INTO mixedcase ("ID", "SELECT", "1ST") VALUES (1, \'a\', 2)')
    with cluster.session.cursor() as cursor:
        cursor.execute('SELECT * FROM "MIXEDCASE"')
        assert [column.name for column in cursor.description] == ["id", "select", "1st"]
    cluster.refuses('CREATE TABLE two (a INTEGER, "A" INTEGER)', "42701")
    cluster.run("SET enable_case_sensitive_identifier TO true")
    assert cluster.run("SHOW enable_case_sensitive_identifier") == [("true",)]
    cluster.refuses('SELECT * FROM "MixedCase"', "42P01")
    cluster.run('CREATE TABLE "Other" ("A" INTEGER, "a" INTEGER)')
    assert cluster.run('SELECT count("A") FROM "Other"') == [(0,)]


def test_a_name_has_127_bytes(cluster):
    long, twin = "n" * 127, "n" * 126 + "m"
    cluster.run(f"CREATE TABLE {long} ({long} BIGINT, {twin} VARCHAR(5))")
    cluster.run(f'INSERT INTO "{long}" ({twin}, {long}) VALUES (\'a\', 1)')
    with cluster.session.cursor() as cursor:
        cursor.execute(f"SELECT t.{long}, t.{twin} FROM {long} t")
        assert [column.name for column in cursor.description] == [long, twin] and cursor.fetchall() == [(1, "a")]
    assert cluster.run(f"SELECT column_name FROM svv_all_columns WHERE table_name = '{long}' ORDER BY ordinal_position") == [(long,), (twin,)]
    cluster.run(cluster.copy_file(f"{long} ({long})", INTS))
    assert cluster.run(f"SELECT count(*) FROM {long}") == [(4,)]
    cluster.refuses(f"CREATE TABLE {long}x (a INTEGER)", "42622", "127")


def test_a_backslash_escapes_in_literals(cluster):
    assert cluster.run(r"SELECT 'a\\b', 'it\'s', 'x\ny', '\101'") == [("a\\b", "it's", "x\ny", "A")]
    value = "back\\slash 'quote' \\n"
    with cluster.session.cursor() as cursor:
        cursor.execute("SELECT %s", [value])
        assert cursor.fetchone() == (value,)
    cluster.refuses(r"SELECT E'a\\b'", "42704", 'type "e" does not exist')
    assert cluster.run("SELECT 'no -- comment /* here', /* a 'comment' */ 1 -- 'another\n, 2") == [("no -- comment /* here", 1, 2)]


def test_a_varchar_counts_bytes(cluster):
    cluster.run("CREATE TABLE t (v VARCHAR(4), c CHAR(2), plain VARCHAR, longest VARCHAR(MAX), words TEXT)")
    cluster.run("INSERT INTO t (v) VALUES ('äb'), ('abcd')")
    error = cluster.refuses("INSERT INTO t (v) VALUES ('äää')", *INNER, "Value too long for character type", "code:      8001")
    assert "context:   Value too long for type character varying(4)" in error.diag.message_detail
    cluster.refuses("INSERT INTO t (v) VALUES ('abcde')", "22001", "value too long for type character varying(4)")
    cluster.refuses("INSERT INTO t (c) VALUES ('ä')", "XX000")
    widths = dict(cluster.run("SELECT column_name, character_maximum_length FROM information_schema.columns WHERE table_name = 't' AND table_schema = current_schema()"))
    assert widths == {"v": 4, "c": 2, "plain": 256, "longest": 65535, "words": 256}
    cluster.run("SELECT v INTO other FROM t")
    cluster.refuses("INSERT INTO other VALUES ('äää')", *INNER, "Value too long for character type")
    cluster.refuses("CREATE TABLE u (v VARCHAR(65536))", "22023", "65535")
    cluster.refuses("CREATE TABLE u (v CHAR(4097))", "22023", "4096")


def test_blanks_at_the_end_of_a_varchar_are_kept_and_do_not_count(cluster):
    cluster.run("CREATE TABLE t (id INTEGER, v VARCHAR(9), c CHAR(5))")
    cluster.run("INSERT INTO t VALUES (1, 'a', 'a'), (2, 'a  ', 'a'), (3, ' a', 'b'), (4, 'b', 'b'), (5, '', '')")
    cluster.run("INSERT INTO t VALUES (6, '  ', '')")
    assert cluster.run("SELECT id FROM t WHERE v = 'a ' ORDER BY id") == [(1,), (2,)]
    assert cluster.run("SELECT id FROM t WHERE v <> 'a' AND v > '' ORDER BY id") == [(3,), (4,)]
    assert cluster.run("SELECT id FROM t WHERE v IN ('a ', 'x') ORDER BY id") == [(1,), (2,)]
    assert cluster.run("SELECT min(id), count(*) FROM t GROUP BY v ORDER BY 1") == [(1, 2), (3, 1), (4, 1), (5, 2)]
    assert cluster.run("SELECT count(DISTINCT v), (SELECT count(*) FROM (SELECT DISTINCT v FROM t) d) FROM t")[0][1] == 4
    assert cluster.run("SELECT a.id, b.id FROM t a JOIN t b ON a.v = b.v AND a.id < b.id ORDER BY 1") == [(1, 2), (5, 6)]
    assert cluster.run("SELECT id FROM t WHERE v = c ORDER BY id") == [(1,), (2,), (4,), (5,), (6,)]
    assert cluster.run("SELECT id, row_number() OVER (PARTITION BY v ORDER BY id) FROM t WHERE id < 4 ORDER BY id") == [(1, 1), (2, 2), (3, 1)]
    assert cluster.run("SELECT octet_length(v), v FROM t WHERE id = 2") == [(3, "a  ")]
    assert cluster.run("UPDATE t SET id = 9 FROM (SELECT 'a'::varchar(3) AS v) o WHERE t.v = o.v AND octet_length(t.v) = octet_length(o.v)") == 1


def test_null_is_refused_where_it_may_not_be(cluster):
    cluster.run("CREATE TABLE t (id BIGINT NOT NULL, v VARCHAR(5))")
    cluster.refuses("INSERT INTO t (v) VALUES ('a')", *INNER, "Cannot insert a NULL value into column id", "code:      8007")
    cluster.refuses(cluster.copy_file("t", {"a": pa.array([1, None], pa.int64()), "b": ["x", "y"]}), *INNER, "Cannot insert a NULL value into column id", "8007")
    assert cluster.run("SELECT column_name FROM sys_load_error_detail WHERE query_id = pg_last_copy_id()") == [("id",)]
    cluster.refuses(cluster.copy_file("t (v)", {"v": ["x"]}), *INNER, "Cannot insert a NULL value into column id")


def test_keys_are_information_and_nothing_enforces_them(cluster):
    cluster.run("CREATE TABLE t (id BIGINT NOT NULL, v VARCHAR(5) UNIQUE, other BIGINT REFERENCES elsewhere (id), PRIMARY KEY (id), FOREIGN KEY (other) REFERENCES x (y))")
    cluster.run("INSERT INTO t VALUES (1, 'a'), (1, 'a')")
    assert cluster.run("SELECT count(*) FROM t") == [(2,)]
    assert cluster.run("SELECT column_name FROM information_schema.key_column_usage WHERE table_name = 't' AND table_schema = current_schema()") == [("id",)]
    assert "(id)" in cluster.run("SELECT indexdef FROM pg_indexes WHERE tablename = 't' AND schemaname = current_schema()")[0][0]
    cluster.run("ALTER TABLE t ADD PRIMARY KEY (id, v)")
    cluster.refuses("CREATE TABLE u (id BIGINT CHECK (id > 0))", "0A000")
    cluster.refuses("CREATE TABLE u (id BIGINT, PRIMARY KEY (missing))", "42703")


def test_distribution_sort_keys_and_encodings_are_kept(cluster):
    cluster.run("CREATE TABLE t (id BIGINT ENCODE az64, v VARCHAR(9) ENCODE zstd, at TIMESTAMP) DISTSTYLE KEY DISTKEY (id) COMPOUND SORTKEY (at, id)")
    where = "WHERE tablename = 't' AND schemaname = current_schema() ORDER BY \"column\""
    assert cluster.run(f'SELECT "column", type, trim(encoding), distkey, sortkey, "notnull" FROM pg_table_def {where}') == [
        ("at", "timestamp without time zone", "none", False, 1, False), ("id", "bigint", "az64", True, 2, False), ("v", "character varying(9)", "zstd", False, 0, False)]
    info = "SELECT diststyle, sortkey1, sortkey_num, encoded, tbl_rows FROM svv_table_info WHERE \"table\" = 't' AND schema = current_schema()"
    assert cluster.run(info) == []  # empty tables are not in it
    cluster.run("INSERT INTO t (id) VALUES (1)")
    assert cluster.run(info) == [("KEY(id)", "at", 2, "Y", 1)]
    cluster.run("ALTER TABLE t RENAME COLUMN at TO moment")
    cluster.run("ALTER TABLE t ALTER DISTSTYLE EVEN")
    assert cluster.run(info) == [("EVEN", "moment", 2, "Y", 1)]
    cluster.run("CREATE TABLE twin (LIKE t)")
    cluster.run("INSERT INTO twin (id) VALUES (1)")
    assert cluster.run(info.replace("'t'", "'twin'")) == [("EVEN", "moment", 2, "Y", 1)]
    cluster.run("CREATE TABLE copied DISTKEY (id) SORTKEY (id) AS SELECT id, v FROM t")
    assert cluster.run(info.replace("'t'", "'copied'")) == [("KEY(id)", "id", 1, "Y, AUTO(ENCODE)", 1)]
    cluster.refuses("ALTER TABLE t DROP COLUMN moment", "0A000", "sortkey")


@pytest.mark.parametrize(("attributes", "sqlstate"), [
    ("DISTSTYLE KEY", "42601"), ("DISTSTYLE ALL DISTKEY (id)", "42601"), ("DISTKEY (missing)", "42703"), ("SORTKEY (missing)", "42703"), ("DISTKEY (id, v)", "42601"),
    ("SORTKEY (id, id)", "42701"), ("DISTKEY (doc)", "0A000"), ("TABLESPACE x", "42601"), ("INHERITS (x)", "42601"), ("ON COMMIT DROP", "42601"), ("PARTITION BY (id)", "42601"),
])
def test_attributes_that_make_no_sense_are_refused(cluster, attributes, sqlstate):
    cluster.refuses(f"CREATE TABLE t (id BIGINT, v VARCHAR(9), doc SUPER) {attributes}", sqlstate)


@pytest.mark.parametrize("declared", ["JSON", "JSONB", "UUID", "BYTEA", "INTEGER[]", "SERIAL", "INTERVAL", "MONEY", "XML", "INET", "TIMESTAMP(3)"])
def test_types_that_redshift_has_not(cluster, declared):
    cluster.refuses(f"CREATE TABLE t (id {declared})", "0A000")


def test_types_have_the_oids_of_redshift(cluster):
    cluster.run("CREATE TABLE t (doc SUPER, raw VARBYTE(9), v VARCHAR(7), d DECIMAL, at DATETIME)")
    cluster.run("INSERT INTO t VALUES (JSON_PARSE('{\"a\": [1, \"b c\"]}'), FROM_HEX('00ff'), 'x', 2, '2024-02-29 10:00:00')")
    with cluster.session.cursor() as cursor:
        cursor.execute("SELECT doc, raw, v, d, at, 'text' FROM t")
        assert [column.type_code for column in cursor.description] == [4000, 6551, 1043, 1700, 1114, 1043]
        assert (cursor.description[3].precision, cursor.description[3].scale) == (18, 0)
        assert cursor.fetchone()[:3] == ('{"a":[1,"b c"]}', "00ff", "x")
    cluster.refuses("SELECT JSON_PARSE('{')", "XX000", "Invalid input", "code:      8001")


@pytest.mark.parametrize(("sql", "sqlstate"), [
    ("INSERT INTO t VALUES (1) RETURNING id", "42601"),
    ("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "42601"),
    ("UPDATE t SET v = 'a' RETURNING id", "42601"),
    ("UPDATE t SET (id, v) = (1, 'a')", "42601"),
    ("UPDATE t SET v = 'a' FROM u LEFT JOIN t x ON x.id = u.id", "0A000"),
    ("DELETE FROM t x WHERE x.id = 1", "42601"),
    ("INSERT INTO t (id) VALUES (1), ((SELECT 2))", "0A000"),
    ("INSERT INTO t (id) SELECT generate_series(1, 3)", "0A000"),
    ("WITH gone AS (DELETE FROM t WHERE id = 1) SELECT 1", "42601"),
    ("SELECT count(*) FILTER (WHERE id > 1) FROM t", "42601"),
    ("SELECT DISTINCT ON (id) id FROM t", "0A000"),
    ("SELECT * FROM t FOR UPDATE", "0A000"),
    ("SELECT * FROM (VALUES (1)) x", "42601"),
    ("SELECT array_agg(id) FROM t", "42883"),
    ("SELECT string_agg(v, ',') FROM t", "42883"),
    ("SELECT ARRAY[1, 2]", "42601"),
    ("SELECT '{}'::json", "42704"),
    ("SELECT CAST('a' AS uuid)", "42704"),
    ("SELECT v COLLATE \"C\" FROM t", "42601"),
    ("SELECT id IS DISTINCT FROM 1 FROM t", "XX000"),
    ("SELECT pg_advisory_lock(1)", "42883"),
    ("SELECT pg_try_advisory_xact_lock(1)", "42883"),
    ("SELECT pg_export_snapshot()", "42883"),
    ("LISTEN x", "0A000"),
    ("SAVEPOINT x", "0A000"),
    ("CREATE INDEX i ON t (id)", "0A000"),
    ("CREATE UNIQUE INDEX i ON t (id)", "0A000"),
    ("CREATE UNLOGGED TABLE u2 (id INTEGER)", "0A000"),
    ("CREATE TYPE mood AS ENUM ('a')", "0A000"),
    ("CREATE SEQUENCE s", "0A000"),
    ("CREATE TABLE IF NOT EXISTS u2 AS SELECT 1 AS a", "42601"),
    ("DO $$BEGIN END$$", "0A000"),
    ("LOCK TABLE t IN SHARE MODE", "42601"),
    ("TRUNCATE t, u", "42601"),
    ("TRUNCATE t CASCADE", "42601"),
    ("SET idle_in_transaction_session_timeout TO 1000", "42704"),
    ("SET lock_timeout TO 1000", "42704"),
    ("ALTER TABLE t ADD COLUMN a INTEGER, ADD COLUMN b INTEGER", "42601"),
    ("ALTER TABLE t ADD COLUMN IF NOT EXISTS a INTEGER", "42601"),
    ("ALTER TABLE t ADD COLUMN a INTEGER NOT NULL", "0A000"),
    ("ALTER TABLE t ALTER COLUMN id TYPE INTEGER", "0A000"),
    ("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(20) USING v", "0A000"),
    ("ALTER TABLE t ALTER COLUMN v SET NOT NULL", "0A000"),
    ("MERGE INTO t x USING u ON x.id = u.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (u.id, u.v)", "0A000"),
    ("MERGE INTO t USING t ON true WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1, 'a')", "0A000"),
    ("MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE", "0A000"),
    ("MERGE INTO t USING u ON t.id = u.id WHEN MATCHED AND u.id > 1 THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (u.id, u.v)", "42601"),
    ("SELECT now() FROM t", "0A000"),
    ("UPDATE t SET v = CURRENT_TIMESTAMP", "0A000"),
    ("SELECT id, has_table_privilege('t', 'SELECT') FROM t", "0A000"),
    ("CREATE TABLE names AS SELECT relname FROM pg_class", "0A000"),
    ("SELECT id::DECIMAL(39,2) FROM t", "22023"),
    ("SET statement_timeout TO '5s'", "22023"),
    ("SET extra_float_digits TO 3", "22023"),
    ("SELEC 1", "42601"),
    ("SELECT 'open", "42601"),
    ("SELECT * FROM nowhere", "42P01"),
])
def test_what_redshift_has_not_is_refused(cluster, sql, sqlstate):
    for name in "tu":
        cluster.run(f"CREATE TABLE {name} (id BIGINT, v VARCHAR(9))")
    cluster.run("BEGIN")
    cluster.refuses(sql, sqlstate)
    cluster.refuses("SELECT 1", "25P02")
    cluster.run("ROLLBACK")


def test_a_varchar_grows_and_shrinks_and_nothing_else_changes_its_type(cluster):
    cluster.run("CREATE TABLE t (v VARCHAR(4), k VARCHAR(4) NOT NULL, w VARCHAR(4) DEFAULT 'x', PRIMARY KEY (k))")
    cluster.run("INSERT INTO t VALUES ('abcd', 'k')")
    cluster.run("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(8)")
    cluster.run("INSERT INTO t VALUES ('ääää', 'k')")
    cluster.refuses("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(7)", "0A000", "below")
    cluster.refuses("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(8)", "0A000", "should be different")
    cluster.refuses("ALTER TABLE t ALTER COLUMN k TYPE VARCHAR(8)", "0A000", "PRIMARY KEY")
    cluster.refuses("ALTER TABLE t ALTER COLUMN w TYPE VARCHAR(8)", "0A000", "default")
    cluster.run("BEGIN")
    cluster.refuses("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(9)", "25001", "ALTER TABLE ALTER COLUMN cannot run inside a transaction block")
    cluster.run("ROLLBACK")
    for sql in ("CREATE DATABASE other", "DROP DATABASE other"):
        cluster.refuses(f"SELECT 1; {sql}", "25001")
    for sql in ("VACUUM t", "ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(9)"):
        cluster.refuses(f"SELECT 1; {sql}", "25001")
        cluster.run(sql)


def test_other_ddl_is_part_of_a_transaction(cluster):
    cluster.run("BEGIN")
    cluster.run("CREATE TABLE t (id BIGINT)")
    cluster.run("ALTER TABLE t ADD COLUMN v VARCHAR(3) DEFAULT 'ab' ENCODE zstd")
    cluster.run("ALTER TABLE t RENAME TO renamed")
    cluster.run("INSERT INTO renamed (id) VALUES (1)")
    cluster.refuses("INSERT INTO renamed VALUES (1, 'ää')", "XX000")
    cluster.run("ROLLBACK")
    cluster.refuses("SELECT * FROM renamed", "42P01")


def test_truncate_commits(cluster):
    cluster.run("CREATE TABLE t (id BIGINT)")
    cluster.run("CREATE TABLE u (id BIGINT)")
    cluster.run("INSERT INTO t VALUES (1)")
    cluster.run("BEGIN")
    cluster.run("INSERT INTO u VALUES (1)")
    cluster.run("TRUNCATE t")
    cluster.run("ROLLBACK")
    assert cluster.run("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u)") == [(0, 1)]


def test_merge(cluster):
    for name in ("t", "s"):
        cluster.run(f"CREATE TABLE {name} (id BIGINT, v VARCHAR(9))")
    cluster.run("INSERT INTO t VALUES (1, 'old'), (2, 'old')")
    cluster.run("INSERT INTO s VALUES (2, 'new'), (3, 'new')")
    merge = "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)"
    cluster.run(merge)
    assert cluster.run("SELECT * FROM t ORDER BY id") == [(1, "old"), (2, "new"), (3, "new")]
    cluster.run("INSERT INTO s VALUES (2, 'newer')")
    cluster.refuses(merge, "XX000", "Found multiple matches to update the same tuple")
    cluster.run("DELETE FROM s WHERE v = 'newer'")
    cluster.run("INSERT INTO s VALUES (3, 'new'), (4, 'more')")
    cluster.run("MERGE INTO t USING s ON t.id = s.id REMOVE DUPLICATES")
    assert cluster.run("SELECT * FROM t ORDER BY id") == [(1, "old"), (2, "new"), (3, "new"), (4, "more")]


def test_super_takes_json_only_with_serializetojson(cluster):
    cluster.run("CREATE TABLE t (doc SUPER)")
    words = {"doc": ["plain words", None]}
    cluster.refuses(cluster.copy_file("t", words), "XX000", "SUPER column in COPY query requires SERIALIZETOJSON option")
    cluster.run(cluster.copy_file("t", words, "MANIFEST SERIALIZETOJSON"))
    cluster.run(cluster.copy_file("t", {"doc": [[1, 2], None]}, "MANIFEST SERIALIZETOJSON"))
    assert sorted(row[0] for row in cluster.run("SELECT doc FROM t WHERE doc IS NOT NULL")) == ['"plain words"', "[1,2]"]
    cluster.refuses(cluster.copy_file("t", {"doc": ["x" * 65536]}, "MANIFEST SERIALIZETOJSON"), "XX000", "String value exceeds the max size of 65535 bytes", "1224")


def test_functions_that_postgresql_has_not(cluster):
    assert cluster.run("SELECT NVL(NULL, 1), LEN('äb'), STRTOL('ff', 16), DATEDIFF(hour, '2024-01-01'::timestamp, '2024-01-02'::timestamp)") == [(1, 2, 255, 24)]
    assert cluster.run("SELECT DATEADD(day, 1, '2024-02-28'::timestamp)::varchar(10), 5::VARCHAR(MAX)") == [("2024-02-29", "5")]
    assert cluster.run("SELECT GETDATE() <= SYSDATE")[0][0]
    assert cluster.run("WITH one AS (SELECT relname FROM pg_class) SELECT count(*) > 0, now() IS NOT NULL FROM one") == [(True, True)]
    assert cluster.run("SELECT EXTRACT(year FROM now()) > 2000, TRIM(BOTH 'x' FROM 'xax')") == [(True, "a")]


def test_the_views_of_errors(cluster, s3):
    cluster.run("CREATE TABLE t (id BIGINT, v VARCHAR(5))")
    cluster.refuses(cluster.copy_file("t", {"a": [1], "b": ["äöü"]}), "XX000", "code:      15007")
    found = cluster.run("SELECT file_name, trim(column_name), column_type, error_code, error_message FROM sys_load_error_detail WHERE query_id = pg_last_copy_id()")
    assert len(found) == 1 and found[0][0].startswith(f"s3://{cluster.name}/file-")
    assert found[0][1:4] == ("v", "varchar", 15007)
    assert found[0][4] == "The length of the data column v is longer than the length defined in the table. Table: 5, Data: 6"
    for view in ("stl_load_errors", "svl_s3log", "stv_slices", "sys_transaction_history"):
        cluster.refuses(f"SELECT * FROM {view}", "42501", f"permission denied for relation {view}")
    assert cluster.run("SELECT status, error_message FROM sys_query_history WHERE query_id = pg_last_copy_id()") == [("failed", "Spectrum Scan Error")]


def test_psycopg2_with_its_own_transactions(cluster):
    session = cluster.connect()
    session.autocommit = False
    with session, session.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id BIGINT, amount DECIMAL(10,2))")
        psycopg2.extras.execute_values(cursor, "INSERT INTO t VALUES %s", [(i, decimal.Decimal(i) / 4) for i in range(10)])
    with session, session.cursor() as cursor:
        cursor.execute("SELECT sum(amount), count(*) FROM t WHERE id > %s", [3])
        assert cursor.fetchone() == (decimal.Decimal("9.75"), 6)
    with pytest.raises(psycopg2.Error), session, session.cursor() as cursor:
        cursor.execute("DELETE FROM t")
        cursor.execute("SELECT nothing")
    with session, session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM t")
        assert cursor.fetchone() == (10,)


def test_several_statements_in_one_message_are_one_transaction(cluster):
    cluster.run("CREATE TABLE t (id BIGINT)")
    cluster.refuses("INSERT INTO t VALUES (1); INSERT INTO t VALUES ('x')", "22P02")
    assert cluster.run("SELECT count(*) FROM t") == [(0,)]
    cluster.run("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")
    assert cluster.run(";;SELECT count(*) FROM t;;") == [(2,)]


def test_a_wrong_password_is_refused(cluster):
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        cluster.redshift.connect("standin", password="wrong")
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        cluster.redshift.connect("nowhere")


def test_who_may_only_insert_may_copy(cluster, postgres):
    cluster.run("CREATE TABLE t (id BIGINT)")
    postgres.run(f"DROP ROLE IF EXISTS inserter; CREATE ROLE inserter LOGIN PASSWORD 'inserts'; GRANT USAGE ON SCHEMA \"{cluster.name}\" TO inserter; "
                 f"GRANT INSERT ON \"{cluster.name}\".t TO inserter", "standin")
    session = cluster.connect(user="inserter", password="inserts")
    cluster.run(cluster.copy_file("t", INTS), session)
    cluster.refuses("DELETE FROM t", "42501", session=session)
    assert cluster.run("SELECT count(*) FROM t") == [(3,)]


def test_its_readme_names_every_doubt_and_its_faults_can_be_typed():
    text = (STANDIN / "README.md").read_text()
    for name, (is_accepted, what) in doubts.DOUBTS.items():
        assert f"| `{name}` | {'accepted' if is_accepted else 'refused'} | {what} |" in text
    table = text.split("| fault | |")[1].split("\n\n")[0]
    lines = re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)
    assert {faults.parse(line).kind for line in lines} == faults.KINDS


def test_every_view_and_function_of_redshifts_is_in_the_catalog():
    text = (STANDIN / "catalog.sql").read_text()
    assert [name for name in dialect.VIEWS if f"CREATE VIEW {name} AS" not in text] == []
    assert [name for name in dialect.FUNCTIONS if f"CREATE FUNCTION {name}(" not in text] == []
