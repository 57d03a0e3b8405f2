"""Other programs read our Parquet files value for value, and our reader reads theirs or says why not.

Random schemas and rows (seeded: the same in every run) go through tests/conform/parquet_tool.c into files, which pyarrow
and DuckDB read. WAYBILL_BUILD is the build folder, `build` at the root of the repository when it is not set.
"""
import decimal
import json
import math
import os
import pathlib
import random
import struct
import subprocess

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("WAYBILL_BUILD", ROOT / "build")) / "tests" / "conform" / "parquet_tool"
SCHEMAS = 150
TEXT_BOUND = 64  # STATISTICS_TEXT_BYTES

FORMATS = ["b", "s", "i", "l", "f", "g", "u", "z", "tdD", "tss:", "tss:UTC", "tsm:", "tsm:UTC", "tsu:", "tsu:UTC", "tDu", "d"]
INT64 = (-(2**63), 2**63 - 1)
INT32 = (-(2**31), 2**31 - 1)
INT16 = (-(2**15), 2**15 - 1)
# What DuckDB can hold as dates and times is less than what a file can.
DUCK_DAYS = (-1_000_000, 1_000_000)
DUCK_MICROS = (-(10**17), 10**17)
PER_SECOND = {"s": 1, "m": 1_000, "u": 1_000_000}
PIECES = ["a", "b", "zz", "é", "€", "😀", "\0", "\x7f", "\uffff", "\U0010ffff", "a" * 40, "€" * 30]


def run(*arguments, lines=(), status=0):
    done = subprocess.run([TOOL, *map(str, arguments)], input="".join(json.dumps(line) + "\n" for line in lines).encode(),
                          capture_output=True)
    assert done.returncode == status, done.stderr.decode()
    return done.stderr.decode() if status else [json.loads(line) for line in done.stdout.decode().splitlines()]


def precision(format):
    return int(format[2:].split(",")[0])


def scale(format):
    return int(format.split(",")[1])


def random_column(dice, i):
    format = dice.choice(FORMATS)
    if format == "d":
        digits = dice.choice([1, 5, 9, 10, 15, 18, 19, 20, 27, 28, 37, 38])
        format = f"d:{digits},{dice.choice([0, digits, dice.randint(0, digits)])}"
    return {"name": f"c{i} {dice.choice(PIECES[:6])}", "type": format, "source_type": "", "nullable": dice.random() < 0.6}


def limits(format, wild):
    """The integers that a column is filled with; wild ones reach beyond what DuckDB can hold."""
    if format in ("s", "i", "l", "tDu"):
        return {"s": INT16, "i": INT32, "l": INT64, "tDu": INT64}[format]
    if format == "tdD":
        return INT32 if wild else DUCK_DAYS
    if format.startswith("d:"):
        return -(10 ** precision(format)) + 1, 10 ** precision(format) - 1
    per_second = PER_SECOND[format[2]]
    if wild:
        return (INT64[0] // 1000 + 1, INT64[1] // 1000) if format[2] == "s" else INT64
    return DUCK_MICROS[0] * per_second // 1_000_000, DUCK_MICROS[1] * per_second // 1_000_000


def random_integer(dice, format, wild):
    low, high = limits(format, wild)
    return dice.choice([low, high, 0, dice.randint(low, high), dice.randint(low, high), dice.randint(max(low, -9), min(high, 9))])


def random_value(dice, format, wild):
    if format == "b":
        return dice.random() < 0.5
    if format == "g":
        any_double = dice.choice([dice.uniform(-1e9, 1e9), dice.gauss(0, 1)])
        return dice.choice([0.0, -0.0, 5e-324, 1.7976931348623157e308, -math.inf, any_double, any_double, any_double])
    if format == "f":
        any_float = struct.unpack("f", struct.pack("f", dice.gauss(0, 1e9)))[0]
        return dice.choice([0.0, -0.0, 2.0**-149, (2 - 2**-23) * 2.0**127, -math.inf, any_float, any_float, any_float])
    if format == "u":
        return "".join(dice.choice(PIECES) for _ in range(dice.choice([0, 1, 1, 2, 5])))
    if format == "z":
        return dice.randbytes(dice.choice([0, 1, 1, 3, 70])) + b"\xff" * dice.choice([0, 0, 1, 70])
    return random_integer(dice, format, wild)


def random_rows(dice, schema, count, wild):
    with_nans = dice.random() < 0.2
    shares = [dice.choice([0, 0.1, 0.5, 1]) if column["nullable"] else 0 for column in schema]

    def value(column, share):
        if dice.random() < share:
            return None
        if with_nans and column["type"] in "fg" and dice.random() < 0.05:
            return math.nan
        return random_value(dice, column["type"], wild)

    return [[value(column, share) for column, share in zip(schema, shares)] for _ in range(count)]


def to_tool(format, value):
    if value is None:
        return None
    if format in ("f", "g", "z"):
        return value.hex()
    return str(value) if format.startswith("d:") else value


def from_tool(format, value):
    if value is None:
        return None
    if format in ("f", "g"):
        return float.fromhex(value)
    if format == "z":
        return bytes.fromhex(value)
    return int(value) if format.startswith("d:") else value


def arrow_type(format):
    simple = {"b": pa.bool_(), "s": pa.int16(), "i": pa.int32(), "l": pa.int64(), "tDu": pa.int64(), "f": pa.float32(), "g": pa.float64(), "u": pa.string(), "z": pa.binary(), "tdD": pa.date32()}
    if format in simple:
        return simple[format]
    if format.startswith("d:"):
        return pa.decimal128(precision(format), scale(format))
    return pa.timestamp({"s": "s", "m": "ms", "u": "us"}[format[2]], "UTC" if format.endswith("UTC") else None)


def arrow_table(schema, rows):
    """The rows as pyarrow would hold them."""
    columns = []
    for i, column in enumerate(schema):
        kind, values = arrow_type(column["type"]), [row[i] for row in rows]
        if column["type"].startswith("d:"):
            with decimal.localcontext(prec=60):
                values = [None if v is None else decimal.Decimal(v).scaleb(-scale(column["type"])) for v in values]
        elif column["type"] == "tdD":
            columns.append(pa.array(values, pa.int32()).cast(kind))
            continue
        columns.append(pa.array(values, kind))
    fields = [pa.field(c["name"], arrow_type(c["type"]), c["nullable"]) for c in schema]
    return pa.table(columns, schema=pa.schema(fields))


def from_arrow(format, array):
    """Back to what random_value gave: integers for dates, times (in the unit of `format`) and decimals."""
    if pa.types.is_date32(array.type):
        array = array.cast(pa.int32())
    if pa.types.is_timestamp(array.type):
        stored = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 10**9}[array.type.unit]
        values = array.cast(pa.int64()).to_pylist()
        assert all(v is None or v * PER_SECOND[format[2]] % stored == 0 for v in values)
        return [None if v is None else v * PER_SECOND[format[2]] // stored for v in values]
    if pa.types.is_decimal(array.type):
        with decimal.localcontext(prec=60):
            return [None if v is None else int(v.scaleb(scale(format))) for v in array.to_pylist()]
    return array.to_pylist()


def same(a, b):
    """Equal, with one NaN like the other and two different zeros."""
    if isinstance(a, float) and isinstance(b, float):
        return math.isnan(a) and math.isnan(b) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return type(a) is type(b) and a == b


def check_rows(schema, rows, found, who):
    assert len(found) == len(rows), who
    for i, (row, other) in enumerate(zip(rows, found)):
        for column, a, b in zip(schema, row, other):
            assert same(a, b), f"{who}: row {i}, {column}: {a!r} became {b!r}"


def check_arrow(schema, rows, table, who):
    assert table.column_names == [column["name"] for column in schema]
    columns = [from_arrow(c["type"], table.column(i).combine_chunks()) for i, c in enumerate(schema)]
    check_rows(schema, rows, [list(row) for row in zip(*columns)] if table.num_rows else [], who)


def check_our_reader(path, schema, rows):
    head, *found = run("dump", path, json.dumps(schema))
    assert head["rows"] == len(rows) and sum(head["row_groups"]) == len(rows)
    check_rows(schema, rows, [[from_tool(c["type"], v) for c, v in zip(schema, row)] for row in found], "our reader")
    return head["row_groups"]


def check_schema(path, schema, theirs):
    """Physical types, lengths, annotations and nullability are those of pyarrow's own file."""
    assert pq.ParquetFile(path).schema.equals(pq.ParquetFile(theirs).schema)


def texts_of(rows, i):
    return [v.encode() if isinstance(v, str) else v for v in (row[i] for row in rows) if v is not None]


def check_text_bounds(ours, texts):
    assert ours.has_min_max or all(t.startswith(b"\xff" * TEXT_BOUND) or len(t) > TEXT_BOUND for t in [max(texts)])
    if not ours.has_min_max:
        return
    least, most = ours.min_raw, ours.max_raw
    least, most = (v.encode() if isinstance(v, str) else v for v in (least, most))
    assert least == min(texts) if len(min(texts)) <= TEXT_BOUND else min(texts).startswith(least)
    assert most == max(texts) if len(max(texts)) <= TEXT_BOUND else most > max(texts)


def check_statistics(path, schema, rows, groups, folder):
    """Each row group against a file that pyarrow wrote of the same rows."""
    ours, first = pq.ParquetFile(path).metadata, 0
    for group, count in enumerate(groups):
        part, first = rows[first:first + count], first + count
        pq.write_table(arrow_table(schema, part), folder / "part.parquet", store_decimal_as_integer=True)
        theirs = pq.ParquetFile(folder / "part.parquet").metadata.row_group(0)
        for i, column in enumerate(schema):
            a, b = ours.row_group(group).column(i).statistics, theirs.column(i).statistics
            assert a.null_count == b.null_count == sum(row[i] is None for row in part)
            if a.null_count == count:
                assert not a.has_min_max
            elif column["type"] in "uz":
                check_text_bounds(a, texts_of(part, i))
            elif column["type"] in ("f", "g") and any(v is not None and math.isnan(v) for v in (row[i] for row in part)):
                assert not a.has_min_max
            else:
                assert (a.min_raw, a.max_raw) == (b.min_raw, b.max_raw), column


def check_duckdb(path, schema, rows, dice):
    db = duckdb.connect()
    check_arrow(schema, rows, db.execute("SELECT * FROM read_parquet(?)", [str(path)]).to_arrow_table(), "DuckDB")
    for i, column in enumerate(schema):
        values = [row[i] for row in rows if row[i] is not None]
        if column["type"] not in ("s", "i", "l", "f", "g", "tDu", "u") or not values:
            continue
        # A condition makes DuckDB skip row groups by our statistics. NaN is above all numbers there.
        v = dice.choice([v for v in values if v == v] or [0.0])
        above = sum(x > v or x != x for x in values) if column["type"] != "u" else sum(x.encode() > v.encode() for x in values)
        name = column["name"].replace('"', '""')
        sql = f'SELECT count(*) FILTER ("{name}" = $1), count(*) FROM read_parquet($2) WHERE "{name}" >= $1'
        assert db.execute(sql, [v, str(path)]).fetchone() == (values.count(v), values.count(v) + above), column


@pytest.mark.parametrize("seed", range(SCHEMAS))
def test_others_read_what_we_write(seed, tmp_path):
    dice = random.Random(seed)
    wild = seed % 4 == 0
    schema = [random_column(dice, i) for i in range(dice.choice([1, 2, 5, 12]))]
    rows = random_rows(dice, schema, dice.choice([0, 1, 10, 100, 400]), wild)
    options = {"page_bytes": dice.choice([0, 1, 50, 500]), "row_group_bytes": dice.choice([0, 1, 2000]),
               "batch_rows": dice.choice([1, 7, 100, 10000]), "level": dice.choice([0, 1, 3]), "origin": f"seed {seed}"}
    path = tmp_path / "ours.parquet"
    lines = [[to_tool(c["type"], v) for c, v in zip(schema, row)] for row in rows]
    run("write", path, lines=[{"schema": schema, "options": options}, *lines])

    groups = check_our_reader(path, schema, rows)
    check_arrow(schema, rows, pq.read_table(path, page_checksum_verification=True), "pyarrow")
    pq.write_table(arrow_table(schema, rows), tmp_path / "theirs.parquet", store_decimal_as_integer=True)
    check_schema(path, schema, tmp_path / "theirs.parquet")
    check_statistics(path, schema, rows, groups, tmp_path)
    metadata = pq.ParquetFile(path).metadata
    assert metadata.created_by.startswith("waybill version ") and metadata.metadata[b"origin"] == f"seed {seed}".encode()
    if not wild:
        check_duckdb(path, schema, rows, dice)


# name: (format, what stands in row i, the encodings that the values ask for)
PATTERNS = {
    "id": ("l", lambda dice, i: i + 1, {"DELTA_BINARY_PACKED"}),
    "order": ("l", lambda dice, i: i // 4 * 32, {"DELTA_BINARY_PACKED"}),
    "hash": ("l", lambda dice, i: dice.getrandbits(63), {"PLAIN"}),
    "part": ("l", lambda dice, i: dice.randint(1, 10**6), {"DELTA_BINARY_PACKED"}),
    "supplier": ("i", lambda dice, i: dice.randint(1, 300) * 7919, {"RLE_DICTIONARY", "PLAIN"}),
    "falling": ("i", lambda dice, i: 2**31 - 1 - 3 * i - dice.randint(0, 2), {"DELTA_BINARY_PACKED"}),
    "small": ("s", lambda dice, i: dice.choice([-32768, 0, 32767]), {"RLE_DICTIONARY", "PLAIN"}),
    "price": ("d:15,2", lambda dice, i: dice.randint(-10**5, 10**5), {"DELTA_BINARY_PACKED"}),
    "tax": ("d:9,2", lambda dice, i: dice.choice([0, 700, 1900]), {"RLE_DICTIONARY", "PLAIN"}),
    "weight": ("g", lambda dice, i: dice.choice([0.0, -0.0, 1.5, -1e300]), {"RLE_DICTIONARY", "PLAIN"}),
    "ratio": ("f", lambda dice, i: dice.choice([0.5, -2.0]), {"RLE_DICTIONARY", "PLAIN"}),
    "day": ("tdD", lambda dice, i: dice.randint(8000, 10500), {"RLE_DICTIONARY", "PLAIN"}),
    "at": ("tsu:UTC", lambda dice, i: 10**15 + i * 10**6 + dice.randint(0, 10**6), {"DELTA_BINARY_PACKED"}),
    "second": ("tss:", lambda dice, i: 10**9 + i, {"DELTA_BINARY_PACKED"}),
    "took": ("tDu", lambda dice, i: -3020399999999 + i, {"DELTA_BINARY_PACKED"}),
    "flag": ("u", lambda dice, i: dice.choice(["A", "N", "R"]), {"RLE_DICTIONARY", "PLAIN"}),
    "city": ("u", lambda dice, i: dice.choice(["Zürich", "Reykjavík am Meer, sagt man", "", "a\0b"]), {"RLE_DICTIONARY", "PLAIN"}),
    "note": ("u", lambda dice, i: f"{dice.getrandbits(64):x} note {i}" * dice.randint(0, 2), {"DELTA_LENGTH_BYTE_ARRAY"}),
    "raw": ("z", lambda dice, i: dice.randbytes(dice.randint(0, 20)), {"DELTA_LENGTH_BYTE_ARRAY"}),
    "filling": ("u", lambda dice, i: "x" * 200 + str(i % 9 if i < 22000 else i), {"RLE_DICTIONARY", "PLAIN", "DELTA_BYTE_ARRAY"}),
}


@pytest.mark.parametrize("nulls", [0, 0.2])
def test_others_read_each_encoding(nulls, tmp_path):
    """Enough rows that every encoding is taken, pages end, and a dictionary fills up."""
    dice = random.Random(5)
    schema = [{"name": name, "type": format, "source_type": "", "nullable": nulls > 0} for name, (format, _, _) in PATTERNS.items()]
    rows = [[None if dice.random() < nulls else make(dice, i) for _, make, _ in PATTERNS.values()] for i in range(30000)]
    path = tmp_path / "ours.parquet"
    lines = [[to_tool(c["type"], v) for c, v in zip(schema, row)] for row in rows]
    run("write", path, lines=[{"schema": schema, "options": {"page_bytes": 100000, "batch_rows": 3000}}, *lines])

    groups = check_our_reader(path, schema, rows)
    check_arrow(schema, rows, pq.read_table(path, page_checksum_verification=True), "pyarrow")
    check_duckdb(path, schema, rows, dice)
    check_statistics(path, schema, rows, groups, tmp_path)
    group, levels = pq.ParquetFile(path).metadata.row_group(0), {"RLE"} if nulls else set()
    found = {column["name"]: set(group.column(i).encodings) - levels for i, column in enumerate(schema)}
    assert found == {name: encodings for name, (_, _, encodings) in PATTERNS.items()}
    assert {group.column(i).compression for i in range(len(schema))} == {"ZSTD", "UNCOMPRESSED"}


def their_encodings(dice, schema):
    """Dictionaries, which pyarrow leaves when they are full, or for each column one of the encodings that its type can have."""
    if dice.random() < 0.5:
        return {"use_dictionary": True, "dictionary_pagesize_limit": dice.choice([1, 1000, 1 << 20])}
    numbers, texts = ["DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"], ["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]
    rare = {"s": numbers, "i": numbers, "l": numbers, "tDu": numbers, "tdD": numbers, "tsm:": numbers, "tsu:": numbers, "u": texts, "z": texts,
            "f": numbers[1:], "g": numbers[1:], "b": ["RLE"]}
    encodings = {c["name"]: dice.choice(["PLAIN", *rare.get(c["type"], [])]) for c in schema}
    return {"use_dictionary": False, "column_encoding": encodings}


@pytest.mark.parametrize("seed", range(80))
def test_we_read_what_others_write_in_the_same_way(seed, tmp_path):
    dice = random.Random(1000 + seed)
    schema = [random_column(dice, i) for i in range(dice.choice([1, 4, 9]))]
    rows = random_rows(dice, schema, dice.choice([0, 1, 300, 3000]), wild=True)
    path = tmp_path / "theirs.parquet"
    pq.write_table(arrow_table(schema, rows), path, **their_encodings(dice, schema), data_page_version=dice.choice(["1.0", "2.0"]),
                   version=dice.choice(["1.0", "2.6"]) if not any(c["type"][:2] == "ts" for c in schema) else "2.6",
                   compression=dice.choice(["zstd", "snappy", "gzip", "lz4", "none"]), row_group_size=dice.choice([10, 1000, 100000]),
                   data_page_size=dice.choice([100, 5000, None]), write_page_checksum=dice.random() < 0.5,
                   store_decimal_as_integer=dice.random() < 0.5)
    check_our_reader(path, schema, rows)


def test_a_byte_changed_in_our_file_is_noticed_by_others_and_by_us(tmp_path):
    schema = [{"name": "c", "type": "l", "source_type": "", "nullable": False}]
    path = tmp_path / "ours.parquet"
    dice = random.Random(7)
    run("write", path, lines=[{"schema": schema}, *([dice.getrandbits(60)] for _ in range(1000))])
    content = bytearray(path.read_bytes())
    content[4000] ^= 4
    path.write_bytes(content)
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(path, page_checksum_verification=True)
    assert "its checksum is wrong" in run("dump", path, status=6)


def write_nested(path):
    pq.write_table(pa.table({"c": pa.array([[1, 2]], pa.list_(pa.int64()))}), path)


def write_nanoseconds(path):
    pq.write_table(pa.table({"c": pa.array([1_700_000_000_000_000_001], pa.timestamp("ns"))}), path)


def write_brotli(path):
    pq.write_table(pa.table({"c": [1, 2]}), path, compression="brotli")


def write_many_digits(path):
    pq.write_table(pa.table({"c": pa.array([1], pa.decimal256(39, 2))}), path)


def write_text(path):
    path.write_text("id,name\n1,ada\n")


@pytest.mark.parametrize("write, says", [
    (write_nested, "column 'c' is nested"),
    (write_nanoseconds, "row group 1, column 'c': page at 4: a timestamp is finer than its column's unit"),
    (write_brotli, "column 'c': it is compressed by brotli, which is not read; zstd, snappy, gzip, lz4 and none are"),
    (write_many_digits, "column 'c' is a decimal(39,2) of 17 bytes in physical type 7, which is not read: up to 38 digits are"),
    (write_text, "the file does not end as a Parquet file does"),
])
def test_what_we_do_not_read_is_refused_by_name(write, says, tmp_path):
    path = tmp_path / "theirs.parquet"
    write(path)
    assert says in run("dump", path, status=6)
