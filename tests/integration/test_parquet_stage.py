"""`stage.compression` and `stage.profile`: staged files are what they say, and rows come through all the same."""
import pyarrow.parquet as pq
import pytest

SHOP = """
    CREATE TABLE orders (id INTEGER PRIMARY KEY, total DECIMAL(9,2), weight DOUBLE, note TEXT, updated_at DATETIME NOT NULL);
    CREATE INDEX orders_updated_at ON orders (updated_at);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
    INSERT INTO orders SELECT i, i * 1.25, i * i / 7.0, 'https://example.org/orders/' || i, datetime(1577836800 + i, 'unixepoch') FROM n;"""


def staged(shop):
    """The one row group of the one file."""
    (key,) = [file["key"] for waybill in shop.chain("orders") for file in waybill["files"]]
    return pq.ParquetFile(shop.at(key))


@pytest.mark.parametrize("compression, name", [("zstd", "ZSTD"), ("snappy", "SNAPPY"), ("lz4", "LZ4"), ("gzip", "GZIP"), ("none", "UNCOMPRESSED")])
def test_staged_files_are_compressed_as_asked(route, compression, name):
    shop = route({"orders": {}}, stage={"store": "lake", "compression": compression})
    shop.in_source(SHOP)
    shop.sync()
    shop.compare()
    group = staged(shop).metadata.row_group(0)
    assert name in {group.column(i).compression for i in range(group.num_columns)}


@pytest.mark.parametrize("profile, note, weight, total, stamp", [
    ("default", "DELTA_BYTE_ARRAY", "PLAIN", "INT32", "milliseconds"),
    ("redshift", "PLAIN", "PLAIN", "INT64", "microseconds"),
    ("modern", "DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT", "INT32", "milliseconds"),
])
def test_staged_files_hold_what_their_profile_allows(route, profile, note, weight, total, stamp):
    shop = route({"orders": {}}, stage={"store": "lake", "profile": profile})
    shop.in_source(SHOP)
    shop.sync()
    shop.compare()
    file = staged(shop)
    group = file.metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert note in columns["note"].encodings and weight in columns["weight"].encodings
    assert columns["total"].physical_type == total
    assert stamp in str(file.schema.column(4).logical_type)


def test_a_level_that_the_compression_does_not_have_is_refused(route):
    shop = route({"orders": {}}, stage={"store": "lake", "compression": "snappy", "level": 3})
    assert "the compression 'snappy' has no levels" in shop.sync(status=2).err
