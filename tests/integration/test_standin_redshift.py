"""The stand-in for Redshift copies Parquet by the rules that others have measured: as a client sees it, through psycopg2."""
import datetime
import decimal
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from redshift_cluster import INTS, Cluster
from server_redshift import ROLE, Redshift
from server_s3 import MinIO

# --- COPY ---------------------------------------------------------------------------------------------------------------


def test_a_manifest_is_loaded_and_counted(cluster):
    cluster.run("CREATE TABLE t (id BIGINT, name VARCHAR(20))")
    sizes = {f"part-{i}": cluster.put(f"part-{i}", {"a": pa.array([i, i + 10], pa.int64()), "b": ["tab\t", "line\nback\\slash"]}) for i in range(2)}
    cluster.run(cluster.copy("t", cluster.manifest(sizes), "MANIFEST"))
    assert cluster.run("SELECT pg_last_copy_count()") == [(4,)]
    assert cluster.run("SELECT id, name FROM t ORDER BY id") == [(0, "tab\t"), (1, "tab\t"), (10, "line\nback\\slash"), (11, "line\nback\\slash")]
    assert cluster.run("SELECT count(*) FROM sys_query_history WHERE query_id = pg_last_copy_id() AND status = 'success'") == [(1,)]


def test_columns_are_taken_by_position_and_never_by_name(cluster):
    cluster.run("CREATE TABLE t (a INTEGER, b INTEGER)")
    swapped = {"b": pa.array([1], pa.int32()), "a": pa.array([2], pa.int32())}
    cluster.run(cluster.copy_file("t", swapped))
    assert cluster.run("SELECT a, b FROM t") == [(1, 2)]
    cluster.run("DELETE FROM t")
    cluster.run(cluster.copy_file("t (b, a)", swapped))
    assert cluster.run("SELECT a, b FROM t") == [(2, 1)]


def test_the_number_of_columns_must_agree_unless_the_last_are_filled(cluster):
    cluster.run("CREATE TABLE t (a BIGINT, b BIGINT)")
    cluster.run(cluster.copy_file("t", {"x": [1], "y": [2]}))
    assert cluster.run("SELECT pg_last_copy_count()") == [(1,)]
    cluster.run("DELETE FROM t")
    error = cluster.refuses(cluster.copy_file("t", INTS), "XX000", "Spectrum Scan Error", "code:      15007",
                            "Unmatched number of columns between table and file. Table columns: 2, Data columns: 1, File name: https://s3.us-east-1.amazonaws.com/")
    assert "dory_util.cpp:1450" in error.diag.message_detail
    assert cluster.run("SELECT pg_last_copy_count()") == [(0,)]
    cluster.run(cluster.copy_file("t", INTS, "MANIFEST FILLRECORD"))
    assert cluster.run("SELECT count(a), count(b) FROM t") == [(3, 0)]
    cluster.run(cluster.copy_file("t (b)", INTS))
    assert cluster.run("SELECT count(a), count(b) FROM t") == [(3, 3)]
    cluster.refuses(cluster.copy_file("t (a)", {"x": [1], "y": [2]}, "MANIFEST FILLRECORD"), "XX000", "15007")
    cluster.refuses(cluster.copy_file("t (a, a)", {"x": [1], "y": [2]}), "42701")
    cluster.refuses(cluster.copy_file("t (a, missing)", {"x": [1], "y": [2]}), "42703", 'column "missing" of relation "t" does not exist')
    cluster.refuses(cluster.copy_file("missing", INTS), "42P01", "Cannot COPY into nonexistent table missing")


def test_a_prefix_takes_too_much_and_one_that_matches_nothing_is_no_error(cluster):
    cluster.run("CREATE TABLE t (id BIGINT)")
    for key in ("part-1", "part-10"):
        cluster.put(key, INTS)
    cluster.run(cluster.copy("t", "part-1"))
    assert cluster.run("SELECT pg_last_copy_count(), count(*) FROM t") == [(6, 6)]
    cluster.run(cluster.copy("t", "nothing-there"))
    assert cluster.run("SELECT pg_last_copy_count(), count(*) FROM t") == [(0, 6)]
    cluster.put_bytes("part-1_SUCCESS", b"")
    cluster.refuses(cluster.copy("t", "part-1"), "XX000", "invalid version number")


def test_a_manifest_must_be_right(cluster):
    cluster.run("CREATE TABLE t (id BIGINT)")
    size = cluster.put("file", INTS)
    cluster.refuses(cluster.copy("t", "no-manifest", "MANIFEST"), "XX000", "COPY with MANIFEST parameter requires full path of an S3 object")
    cluster.refuses(cluster.copy("t", cluster.manifest({"gone": size}), "MANIFEST"), "XX000", "Spectrum Scan Error: File not found")
    cluster.run(cluster.copy("t", cluster.manifest({"gone": size}, mandatory=False), "MANIFEST"))
    assert cluster.run("SELECT pg_last_copy_count()") == [(0,)]
    cluster.refuses(cluster.copy("t", cluster.manifest({"file": size + 1}), "MANIFEST"), "XX000", "416", "InvalidRange")
    cluster.refuses(cluster.copy("t", cluster.manifest({"file": size - 1}), "MANIFEST"), "XX000", "invalid version number")
    cluster.put_bytes("manifest", json.dumps({"entries": [{"url": f"s3://{cluster.name}/file", "mandatory": True}]}).encode())
    cluster.refuses(cluster.copy("t", "manifest", "MANIFEST"), "XX000", "code:      15003", "File entry does not have 'meta' key.")
    cluster.put_bytes("manifest", b"{}")
    cluster.refuses(cluster.copy("t", "manifest", "MANIFEST"), "XX000", "Manifest file is not in correct json format")


def test_a_key_that_ends_in_gz_is_decompressed_and_so_no_parquet(cluster):
    cluster.run("CREATE TABLE t (id BIGINT)")
    for key, is_fine in (("a.parquet.gz", False), ("a.parquet.snappy", False), ("a.gz.parquet", True)):
        sql = cluster.copy("t", cluster.manifest({key: cluster.put(key, INTS)}), "MANIFEST")
        cluster.run(sql) if is_fine else cluster.refuses(sql, "XX000", "decompressed because of its name")


@pytest.mark.parametrize(("option", "said"), [
    ("TRUNCATECOLUMNS", "TRUNCATECOLUMNS argument is not supported for PARQUET based COPY"),
    ("REGION 'us-east-1'", "Region argument is not supported for PARQUET based COPY"),
    ("MAXERROR 5", "MAXERROR argument"), ("ACCEPTANYDATE", "ACCEPTANYDATE argument"), ("COMPUPDATE OFF", "COMPUPDATE argument"), ("NOLOAD", "NOLOAD argument"),
    ("GZIP", "GZIP argument"), ("TIMEFORMAT 'auto'", "TIMEFORMAT argument"), ("DELIMITER AS ','", "DELIMITER argument"),
])
def test_options_that_parquet_does_not_take_are_refused(cluster, option, said):
    cluster.run("CREATE TABLE t (id BIGINT)")
    cluster.refuses(cluster.copy_file("t", INTS, f"MANIFEST {option}"), "0A000", said)


def test_options_that_parquet_takes(cluster):
    cluster.run("CREATE TABLE t (id BIGINT)")
    cluster.run(cluster.copy_file("t", INTS, "MANIFEST FILLRECORD ACCEPTINVCHARS AS '^' STATUPDATE OFF"))
    cluster.refuses("COPY t FROM STDIN", "0A000", "LOAD source is not supported")
    cluster.refuses("COPY t TO STDOUT", "42601")
    cluster.refuses("COPY (SELECT 1) TO STDOUT", "42601", 'syntax error at or near "("')


def test_the_store_is_read_with_the_credentials_of_the_statement(cluster, s3):
    cluster.run("CREATE TABLE t (id BIGINT)")
    key = cluster.manifest({"file": cluster.put("file", INTS)})

    def with_role(words):
        return cluster.copy("t", key, "MANIFEST", words)

    good = f"ACCESS_KEY_ID '{s3.access_key}' SECRET_ACCESS_KEY '{s3.secret}'"
    cluster.run(with_role(good))
    cluster.run(with_role(f"CREDENTIALS 'aws_access_key_id={s3.access_key};aws_secret_access_key={s3.secret}'"))
    cluster.run(with_role(f"CREDENTIALS AS 'aws_iam_role={ROLE}'"))
    cluster.refuses(with_role(f"ACCESS_KEY_ID '{s3.access_key}' SECRET_ACCESS_KEY 'wrong'"), "XX000")
    cluster.refuses(with_role("IAM_ROLE 'arn:aws:iam::123456789012:role/other'"), "XX000", "Not authorized to get credentials of role arn:aws:iam::123456789012:role/other")
    cluster.refuses(with_role("IAM_ROLE default"), "XX000", "Not authorized to get credentials of role default")
    cluster.refuses(with_role("IAM_ROLE 'copy'"), "XX000", "Invalid credentials")
    cluster.refuses(with_role(""), "XX000", "authorization")
    cluster.refuses(with_role(f"ACCESS_KEY_ID '{s3.access_key}'"), "XX000", "AWS secret access key not found")
    said = "".join(row[0] for row in cluster.run("SELECT query_text FROM sys_query_history"))
    assert "SECRET_ACCESS_KEY ''" in said and s3.secret not in said
    assert s3.secret not in "".join(cluster.redshift.ask("GET", "log"))


def test_a_bucket_of_another_region_cannot_be_read(servers, postgres, s3, cluster_database):
    made = Cluster(servers.get(Redshift, "redshift-elsewhere", postgres=postgres, s3=s3, options=["--elsewhere", "far-away"]), s3)
    made.run("CREATE TABLE t (id BIGINT)")
    made.refuses(made.copy("t", "x").replace(made.name, "far-away"), "XX000", "Status 301,Error PermanentRedirect")
    made.sessions.close()


def test_a_failed_copy_leaves_no_row_and_ends_the_transaction(cluster):
    cluster.run("CREATE TABLE t (id BIGINT)")
    good, bad = cluster.put("a", INTS), cluster.put_bytes("b", b"no parquet at all")
    cluster.refuses(cluster.copy("t", cluster.manifest({"a": good, "b": bad}), "MANIFEST"), "XX000")
    assert cluster.run("SELECT count(*) FROM t") == [(0,)]
    cluster.run("BEGIN")
    cluster.run("INSERT INTO t VALUES (7)")
    cluster.refuses(cluster.copy("t", cluster.manifest({"a": good, "b": bad}), "MANIFEST"), "XX000")
    cluster.refuses("SELECT 1", "25P02")
    cluster.run("COMMIT")
    assert cluster.run("SELECT count(*) FROM t") == [(0,)]


def test_copy_belongs_to_the_clients_transaction(cluster):
    cluster.run("CREATE TABLE t (id BIGINT)")
    cluster.run("BEGIN")
    cluster.run(cluster.copy_file("t", INTS))
    assert cluster.run("SELECT count(*) FROM t") == [(3,)]
    cluster.run("ROLLBACK")
    assert cluster.run("SELECT count(*) FROM t") == [(0,)]


MICROS = datetime.datetime(2023, 10, 7, 20, 24, 18, 123456)
LOADS = [  # declared, an array, what is read back
    ("BOOLEAN", pa.array([True, None]), [True, None]),
    ("SMALLINT", pa.array([-5], pa.int16()), [-5]),
    ("INTEGER", pa.array([2**31 - 1], pa.int32()), [2**31 - 1]),
    ("BIGINT", pa.array([7], pa.int32()), [7]),
    ("BIGINT", pa.array([-2**63], pa.int64()), [-2**63]),
    ("REAL", pa.array([0.5], pa.float32()), [0.5]),
    ("DOUBLE PRECISION", pa.array([0.1, float("inf")]), [0.1, float("inf")]),
    ("DATE", pa.array([datetime.date(1, 1, 1), datetime.date(9999, 12, 31)]), [datetime.date(1, 1, 1), datetime.date(9999, 12, 31)]),
    ("TIMESTAMP", pa.array([MICROS], pa.timestamp("us")), [MICROS]),
    ("TIMESTAMP", pa.array([MICROS], pa.timestamp("us", "UTC")), [MICROS]),
    ("VARCHAR(6)", pa.array(["äöü", "", None]), ["äöü", "", None]),
    ("CHAR(3)", pa.array(["ab"]), ["ab "]),
    ("DECIMAL(30,2)", pa.array([decimal.Decimal("-1234567890123456789012345678.99")], pa.decimal128(30, 2)), [decimal.Decimal("-1234567890123456789012345678.99")]),
    ("VARBYTE(4)", pa.array([b"\x00\xff"]), ["00ff"]),
]


@pytest.mark.parametrize(("declared", "array", "wanted"), LOADS, ids=[f"{declared} from {array.type}" for declared, array, _ in LOADS])
def test_a_value_arrives_as_it_was(cluster, declared, array, wanted):
    cluster.run(f"CREATE TABLE t (n BIGINT, v {declared})")
    numbers = pa.array(range(len(array)), pa.int64())
    cluster.run(cluster.copy_file("t", {"n": numbers, "v": array}))
    assert [row[0] for row in cluster.run("SELECT v FROM t ORDER BY n")] == wanted


def test_decimals_as_int64_and_int96_timestamps_load(cluster):
    cluster.run("CREATE TABLE t (v DECIMAL(18,2), at TIMESTAMP)")
    cluster.run(cluster.copy_file("t", {"v": pa.array([decimal.Decimal("1.25")], pa.decimal128(18, 2)), "at": pa.array([MICROS], pa.timestamp("us"))},
                                  store_decimal_as_integer=True, use_deprecated_int96_timestamps=True))
    assert cluster.run("SELECT v, at FROM t") == [(decimal.Decimal("1.25"), MICROS)]


REFUSED = [  # declared, an array, words of the error
    ("SMALLINT", pa.array([1], pa.int32()), "Column type: SMALLINT, Parquet schema:\noptional int32 v [i:0 d:1 r:0]"),
    ("INTEGER", pa.array([1], pa.int64()), "Column type: INTEGER"),
    ("BIGINT", pa.array([1], pa.uint32()), "Column type: BIGINT"),
    ("INTEGER", pa.array([1], pa.uint16()), "Column type: INTEGER"),
    ("DECIMAL(10,2)", pa.array([1.5]), "Column type: DECIMAL(10, 2)"),
    ("DECIMAL(10,2)", pa.array([decimal.Decimal("1.50")], pa.decimal128(10, 3)), "Column type: DECIMAL(10, 2)"),
    ("DECIMAL(12,2)", pa.array([decimal.Decimal("1.50")], pa.decimal128(10, 2)), "Column type: DECIMAL(12, 2)"),
    ("VARCHAR(10)", pa.array([1], pa.int32()), "Column type: VARCHAR"),
    ("INTEGER", pa.array(["1"]), "Column type: INTEGER"),
    ("DATE", pa.array([MICROS], pa.timestamp("us")), "Column type: DATE"),
    ("TIMESTAMP", pa.array([datetime.date(2024, 1, 1)]), "Column type: TIMESTAMP"),
    ("TIMESTAMP", pa.array([MICROS], pa.timestamp("ms")), "Column type: TIMESTAMP"),
    ("TIMESTAMPTZ", pa.array([MICROS], pa.timestamp("us", "UTC")), "Column type: TIMESTAMPTZ"),
    ("VARCHAR(10)", pa.array([b"x"]), "Column type: VARCHAR"),
    ("BIGINT", pa.array([[1, 2]]), "Column type: BIGINT"),
    ("CHAR(4)", pa.array(["ä"]), "Multibyte character not supported for CHAR"),
    ("VARCHAR(5)", pa.array(["äöü"]), "The length of the data column v is longer than the length defined in the table. Table: 5, Data: 6"),
]


@pytest.fixture(scope="module")
def outspoken(servers, postgres, s3, cluster_database):
    """It says the whole context of an error, which the real one cuts after 256 bytes."""
    made = Cluster(servers.get(Redshift, "redshift-outspoken", postgres=postgres, s3=s3, options=["--accept", "long-context", "--edition", "provisioned"]), s3)
    yield made
    made.sessions.close()


@pytest.mark.parametrize(("declared", "array", "said"), REFUSED, ids=[f"{declared} from {array.type}" for declared, array, _ in REFUSED])
def test_a_type_that_does_not_fit_is_refused(outspoken, declared, array, said):
    outspoken.run("DROP TABLE IF EXISTS t")
    outspoken.run(f"CREATE TABLE t (v {declared})")
    outspoken.refuses(outspoken.copy_file("t", {"v": array}), "XX000", "code:      15007", said)
    assert outspoken.run("SELECT count(*) FROM t") == [(0,)]


def test_nanoseconds_load_as_garbage_without_a_word(cluster):
    cluster.run("CREATE TABLE t (at TIMESTAMP)")
    cluster.run(cluster.copy_file("t", {"at": pa.array([1696710258123456789], pa.timestamp("ns"))}))
    assert cluster.run("SELECT date_part(year, at) > 50000 FROM t") == [(True,)]


@pytest.mark.parametrize("written", [{"data_page_version": "2.0"}, {"compression": "brotli"}, {"compression": "lz4"},
                                     {"column_encoding": {"v": "BYTE_STREAM_SPLIT"}, "use_dictionary": False}])
def test_what_is_too_modern_is_refused(cluster, written):
    cluster.run("CREATE TABLE t (v DOUBLE PRECISION)")
    cluster.refuses(cluster.copy_file("t", {"v": pa.array([1.5, 2.5])}, **written), "XX000", "unsupported", "15001")


def test_text_that_is_no_utf8(cluster):
    cluster.run("CREATE TABLE t (v VARCHAR(9))")
    broken = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\4\0\0\0"), pa.py_buffer(b"a\xff\0b")])
    cluster.refuses(cluster.copy_file("t", {"v": broken}), "XX000", "invalid or unsupported UTF8")
    cluster.run(cluster.copy_file("t", {"v": broken}, "MANIFEST ACCEPTINVCHARS"))
    assert cluster.run("SELECT v FROM t") == [("a??b",)]


def test_a_file_with_a_broken_footer_is_refused(cluster):
    cluster.run("CREATE TABLE t (id BIGINT)")
    for body in (b"PAR1PAR1", b"PAR1" + b"\xff" * 40 + b"\x10\0\0\0PAR1", b"PAR1" + b"x" * 20):
        cluster.refuses(cluster.copy("t", cluster.manifest({"file": cluster.put_bytes("file", body)}), "MANIFEST"), "XX000", "code:      15001")


def test_a_row_has_4_megabytes_at_most(cluster):
    names = [f"c{i}" for i in range(70)]
    cluster.run("CREATE TABLE t (" + ", ".join(f"{name} VARCHAR(MAX)" for name in names) + ")")
    cluster.refuses(cluster.copy_file("t", {name: ["x" * 65000] for name in names}), "XX000", "a row of more than 4194304 bytes")


def test_an_error_is_cut_where_redshift_cuts_it(cluster, outspoken):
    """The text ends before what is wrong; a provisioned cluster's log has all of it."""
    for one in (cluster, outspoken):
        one.run("DROP TABLE IF EXISTS t")
        one.run("CREATE TABLE t (v SMALLINT)")
    key = "a-folder-of-a-long-name/" * 4 + "file.parquet"
    for one in (cluster, outspoken):
        size = one.put(key, {"v": pa.array([1], pa.int32())})
        one.manifest({key: size})
    error = cluster.refuses(cluster.copy("t", "manifest", "MANIFEST"), "XX000", "has an incompatible Parquet schema for column 's3:")
    assert "SMALLINT" not in error.diag.message_detail
    outspoken.refuses(outspoken.copy("t", "manifest", "MANIFEST"), "XX000", "Column type: SMALLINT")
    assert "Column type: SMALLINT" in outspoken.run("SELECT message FROM svl_s3log WHERE query = pg_last_copy_id()")[0][0]
    assert outspoken.run("SELECT trim(colname), err_code FROM stl_load_errors WHERE query = pg_last_copy_id()") == [("v", 15007)]


def test_a_decimal_has_the_length_of_its_precision(outspoken):
    """pyarrow writes the least that a precision needs; a file of more bytes was written by hand, and here by another precision's."""
    outspoken.run("DROP TABLE IF EXISTS t")
    outspoken.run("CREATE TABLE t (v DECIMAL(18,2))")
    body = io.BytesIO()
    pq.write_table(pa.table({"v": pa.array([decimal.Decimal("1.25")], pa.decimal128(30, 2))}), body)
    # In the footer: the precision of the column, and of its logical type (Thrift, zigzag: 60 is 30, 36 is 18).
    data = body.getvalue().replace(b"\x15\x04\x15\x3c", b"\x15\x04\x15\x24")
    key = outspoken.manifest({"file": outspoken.put_bytes("file", data)})
    outspoken.refuses(outspoken.copy("t", key, "MANIFEST"), "XX000", "invalid type length. Expecting: 8 len in file: 13", "15001")


def test_a_session_token_goes_along_in_either_form_and_may_expire(servers, postgres, cluster_database):
    """MinIO is a store that looks at tokens."""
    minio = servers.get(MinIO)
    cluster = Cluster(servers.get(Redshift, "redshift-minio", postgres=postgres, s3=minio), minio)
    keys = minio.short_lived(900)
    key, secret, token = keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"]
    words = f"ACCESS_KEY_ID '{key}' SECRET_ACCESS_KEY '{secret}'"
    with_token = f"{words} SESSION_TOKEN '{token}'"
    text = f"CREDENTIALS 'aws_access_key_id={key};aws_secret_access_key={secret};token={token}'"
    cluster.run("CREATE TABLE t (id BIGINT)")
    manifest = cluster.manifest({"f.parquet": cluster.put("f.parquet", INTS)})
    for form in (with_token, text):
        cluster.run(cluster.copy("t", manifest, "MANIFEST", role=form))
    assert cluster.run("SELECT count(*) FROM t") == [(6,)]
    for form in (words, with_token.replace(token, token[:-4] + "AAAA"), text.replace(";token=" + token, "")):
        cluster.refuses(cluster.copy("t", manifest, "MANIFEST", role=form), "XX000")
    cluster.redshift.ask("PUT", "expired", token)
    for form in (with_token, text):
        cluster.refuses(cluster.copy("t", manifest, "MANIFEST", role=form), "XX000", "token has expired", "Error ExpiredToken")
    assert cluster.run("SELECT count(*) FROM t") == [(6,)]
    said = "".join(cluster.redshift.ask("GET", "log"))
    assert "COPY" in said and not any(piece in said for piece in (secret, token, token[:30]))
    cluster.sessions.close()
