#!/usr/bin/env python3
"""Random schemas with random data, from other writers through our reader and our writer back to other readers.

Each table is written by pyarrow or by DuckDB, in any version, page format, encoding and compression that they have; our
reader takes it, our writer writes it, in any profile and compression; pyarrow and DuckDB read that, and what they find
must be the values that went in, bit for bit. One seed makes one table, which `--seed N --schemas 1` makes again.

usage: parquet_random.py [--schemas 2000] [--seed 1] [--keep FOLDER]
"""
import argparse
import decimal
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import uuid

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("WAYBILL_BUILD", ROOT / "build")) / "tests" / "conform" / "parquet_tool"
PIECES = ["a", "b", "zz", "é", "€", "😀", "\0", "\x7f", "\uffff", "\U0010ffff", "a" * 40, "€" * 30]
COMPRESSIONS = ["zstd", "snappy", "lz4", "gzip", "none"]  # in the order of enum parquet_compression
PROFILES = ["default", "redshift", "modern"]  # of enum parquet_profile
# DuckDB's own timestamps end here, more or less, and Python's decimals need a context of their own.
MICROS_MAX = 10**17
CONTEXT = decimal.Context(prec=80)

INTEGERS = {pa.int8(): (-(2**7), 2**7 - 1), pa.int16(): (-(2**15), 2**15 - 1), pa.int32(): (-(2**31), 2**31 - 1),
            pa.int64(): (-(2**63), 2**63 - 1), pa.uint8(): (0, 2**8 - 1), pa.uint16(): (0, 2**16 - 1),
            pa.uint32(): (0, 2**32 - 1), pa.uint64(): (0, 2**64 - 1)}
FLOATS = {pa.float16(): "e", pa.float32(): "f", pa.float64(): "d"}
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


# ---- one column: a type, and how its values go ----

def random_type(dice, by_duckdb):
    kind = dice.choice(["integer", "integer", "integer", "float", "text", "text", "bytes", "decimal", "decimal", "timestamp", "timestamp",
                        "time", "date", "bool", "fixed", "uuid", "null"])
    if kind == "integer":
        return dice.choice(list(INTEGERS))
    if kind == "float":  # DuckDB has no halves
        return dice.choice(list(FLOATS)[by_duckdb:])
    if kind == "decimal":
        digits = dice.randint(1, 38)
        return pa.decimal128(digits, dice.randint(0, digits))
    if kind == "timestamp":
        return pa.timestamp(dice.choice(list(UNITS)[1:3] if by_duckdb else list(UNITS)), dice.choice([None, None, "UTC", "Europe/Berlin"]))
    if kind == "time":
        return dice.choice([pa.time64("us")] if by_duckdb else [pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")])
    if kind == "fixed":
        return pa.binary() if by_duckdb else pa.binary(dice.randint(1, 20))
    return {"text": pa.string(), "bytes": pa.binary(), "date": pa.date32(), "bool": pa.bool_(), "uuid": pa.uuid(),
            "null": pa.int32() if by_duckdb else pa.null()}[kind]


def limits(type):
    """What the column is stored as is an integer between these."""
    if type in INTEGERS:
        return INTEGERS[type]
    if pa.types.is_decimal(type):
        return -(10**type.precision) + 1, 10**type.precision - 1
    if pa.types.is_timestamp(type):
        most = min(MICROS_MAX * UNITS[type.unit] // 10**6, 9 * 10**18)
        return -most, most
    if pa.types.is_time(type):
        return 0, 86400 * UNITS[type.unit] - 1
    return -1_000_000, 1_000_000


def random_integers(dice, type, count):
    low, high = limits(type)
    step = 1000 if getattr(type, "unit", "") == "ns" else 1  # what we keep has no nanoseconds
    kind = dice.choice(["any", "edges", "small", "sorted", "constant", "few", "runs"])
    if kind == "any":
        values = [dice.randint(low, high) for _ in range(count)]
    elif kind == "edges":
        values = [dice.choice([low, high, 0, low + 1, high - 1, dice.randint(low, high)]) for _ in range(count)]
    elif kind == "small":
        values = [dice.randint(max(low, -9), min(high, 9)) for _ in range(count)]
    elif kind == "sorted":
        at, jump = dice.randint(low, high), dice.choice([1, 3, 1000])
        values = [min(high, at + i * jump + dice.randint(0, jump)) for i in range(count)]
    elif kind == "constant":
        values = [dice.randint(low, high)] * count
    elif kind == "few":
        some = [dice.randint(low, high) for _ in range(dice.randint(1, 20))]
        values = [dice.choice(some) for _ in range(count)]
    else:
        some = [dice.randint(low, high) for _ in range(4)]
        values = [some[i // 37 % 4] for i in range(count)]
    return [v // step * step if v >= 0 else -(-v // step * step) for v in values]


def random_texts(dice, count):
    kind = dice.choice(["any", "few", "begin", "empty", "long"])
    if kind == "any":
        return ["".join(dice.choice(PIECES) for _ in range(dice.choice([0, 1, 1, 2, 5]))) for _ in range(count)]
    if kind == "few":
        some = ["".join(dice.choice(PIECES) for _ in range(3)) for _ in range(dice.randint(1, 12))]
        return [dice.choice(some) for _ in range(count)]
    if kind == "begin":
        return [f"https://example.org/{dice.choice(['orders', 'order'])}/{i + dice.randint(0, 3):06}" for i in range(count)]
    return [""] * count if kind == "empty" else [dice.choice(PIECES) * dice.randint(0, 60) for _ in range(count)]


def random_floats(dice, type, count, by_duckdb):
    letter = FLOATS[type]
    if dice.random() < 0.5:
        width = struct.calcsize(letter)
        return pa.Array.from_buffers(type, count, [None, pa.py_buffer(quiet(letter, dice.randbytes(count * width)))])
    odd = [0.0, 0.0 if by_duckdb else -0.0,  # its dictionary takes both for one
           1.5, float("inf"), float("-inf"), float("nan"), 65504.0, 2.0**-24]
    values = [dice.choice(odd) if dice.random() < 0.3 else dice.randint(0, 9999) / 64 for _ in range(count)]
    return pa.Array.from_buffers(type, count, [None, pa.py_buffer(struct.pack(f"<{count}{letter}", *values))])


def quiet(letter, content):
    """Without signalling NaNs: a processor may make quiet ones of them on their way."""
    values = struct.unpack(f"<{len(content) // struct.calcsize(letter)}{letter}", content)
    return struct.pack(f"<{len(values)}{letter}", *(v if v == v else float("nan") for v in values))


def random_values(dice, type, count, by_duckdb):
    if type in FLOATS:
        return random_floats(dice, type, count, by_duckdb)
    if pa.types.is_null(type):
        return pa.nulls(count)
    if pa.types.is_boolean(type):
        bias = dice.choice([0.0, 0.5, 0.01, 1.0])
        return pa.array([dice.random() < bias for _ in range(count)], type)
    if pa.types.is_string(type):
        return pa.array(random_texts(dice, count), type)
    if isinstance(type, pa.UuidType):
        return pa.ExtensionArray.from_storage(type, pa.array([dice.randbytes(16) for _ in range(count)], pa.binary(16)))
    if pa.types.is_fixed_size_binary(type):
        some = [dice.randbytes(type.byte_width) for _ in range(dice.choice([1, 5, count + 1]))]
        return pa.array([dice.choice(some) for _ in range(count)], type)
    if pa.types.is_binary(type):
        return pa.array([text.encode() + b"\xff" * dice.randint(0, 2) for text in random_texts(dice, count)], type)
    values = random_integers(dice, type, count)
    if pa.types.is_decimal(type):
        return pa.array([decimal.Decimal(v).scaleb(-type.scale, CONTEXT) for v in values], type)
    width = 32 if type in (pa.date32(), pa.time32("s"), pa.time32("ms")) else 64
    return pa.array(values, type) if type in INTEGERS else pa.array(values, pa.int32() if width == 32 else pa.int64()).view(type)


def with_nulls(dice, array):
    share = dice.choice([0, 0, 0.02, 0.3, 0.9, 1])
    if share == 0 or pa.types.is_null(array.type):
        return array
    run = dice.choice([1, 1, 50])
    mask, missing = [], False
    for i in range(len(array)):
        missing = dice.random() < share if i % run == 0 else missing
        mask.append(missing)
    indices = pa.array([None if m else i for i, m in enumerate(mask)], pa.int64())
    return array.take(indices)


def random_table(dice, by_duckdb):
    count = dice.choice([0, 1, 2, 30, 200, 200, 600])
    columns, fields = [], []
    for i in range(dice.choice([1, 2, 4, 7, 12])):
        array = with_nulls(dice, random_values(dice, random_type(dice, by_duckdb), count, by_duckdb))
        nullable = array.null_count > 0 or dice.random() < 0.5 or pa.types.is_null(array.type)
        columns.append(array)
        fields.append(pa.field(f"c{i} {dice.choice(PIECES[:6])}", array.type, nullable))
    return pa.table(columns, schema=pa.schema(fields))


# ---- writing ----

NUMBERS, TEXTS = ["DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"], ["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]


def encodings_of(field):
    type = field.type
    if type in FLOATS:
        return ["BYTE_STREAM_SPLIT"]
    if pa.types.is_string(type) or type == pa.binary():
        return TEXTS
    if pa.types.is_boolean(type):
        return ["RLE"]
    if pa.types.is_decimal(type) or pa.types.is_fixed_size_binary(type) or isinstance(type, pa.UuidType):
        return [] if pa.types.is_decimal(type) else ["BYTE_STREAM_SPLIT", "DELTA_BYTE_ARRAY"]
    return [] if pa.types.is_null(type) else NUMBERS


def write_by_pyarrow(dice, table, path):
    options = {"compression": dice.choice(COMPRESSIONS), "data_page_version": dice.choice(["1.0", "2.0"]), "version": dice.choice(["1.0", "2.4", "2.6"]),
               "row_group_size": dice.choice([7, 100, 10**6]), "data_page_size": dice.choice([1, 500, None]), "write_batch_size": dice.choice([1, 64, None]),
               "write_statistics": dice.random() < 0.5, "write_page_index": dice.random() < 0.3, "write_page_checksum": dice.random() < 0.5,
               "store_schema": dice.random() < 0.5, "store_decimal_as_integer": dice.random() < 0.5}
    stamps = [field.type for field in table.schema if pa.types.is_timestamp(field.type)]
    is_int96 = bool(stamps) and dice.random() < 0.2
    if dice.random() < 0.5:
        options |= {"use_dictionary": True, "dictionary_pagesize_limit": dice.choice([1, 1000, 1 << 20])}
    else:
        names = {field.name: dice.choice(["PLAIN", *encodings_of(field)]) for field in table.schema if not pa.types.is_timestamp(field.type) or not is_int96}
        options |= {"use_dictionary": False, "column_encoding": names}
    if is_int96:
        options["use_deprecated_int96_timestamps"] = True
    elif stamps and dice.random() < 0.2 and not any(type.unit == "ns" for type in stamps):
        options["coerce_timestamps"] = "us"
    pq.write_table(table, path, **options)
    return options


def write_by_duckdb(dice, table, path, db):
    options = {"COMPRESSION": dice.choice(["zstd", "snappy", "gzip", "lz4", "uncompressed"]), "PARQUET_VERSION": dice.choice(["V1", "V2"]),
               "ROW_GROUP_SIZE": dice.choice([2048, 122880]), "DICTIONARY_SIZE_LIMIT": dice.choice([1, 20000])}
    db.register("wanted", table)
    db.execute(f"COPY (SELECT * FROM wanted) TO '{path}' (FORMAT parquet, {', '.join(f'{k} {v}' for k, v in options.items())})")
    db.unregister("wanted")
    return options


# ---- what we keep of a type, and comparing ----

def kept_type(type, is_int96):
    """The type that our file has, as a reader of it sees it; reader.h and storage.h say it in words."""
    simple = {pa.int8(): pa.int16(), pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.decimal128(20, 0),
              pa.float16(): pa.float32(), pa.null(): pa.int32()}
    if type in simple:
        return simple[type]
    if isinstance(type, pa.UuidType):
        return pa.string()
    if pa.types.is_fixed_size_binary(type):
        return pa.binary()
    if pa.types.is_time(type):
        return pa.int64()
    if pa.types.is_timestamp(type):
        return pa.timestamp("us", "UTC" if type.tz or is_int96 else None)
    return type


def kept(column, is_int96):
    type = column.type
    to = kept_type(type, is_int96)
    if isinstance(type, pa.UuidType):
        return pa.chunked_array([pa.array([None if v is None else str(uuid.UUID(bytes=v)) for v in chunk.storage.to_pylist()], to) for chunk in column.chunks], to)
    if pa.types.is_time(type):
        stored = column.cast(pa.int32() if type.bit_width == 32 else pa.int64()).cast(pa.int64())
        per = UNITS[type.unit]
        return pc.multiply(stored, 10**6 // per) if per <= 10**6 else pc.divide(stored, per // 10**6)
    if pa.types.is_null(type):
        return pa.chunked_array([pa.nulls(len(column), to)])
    if type == pa.timestamp("ns", type.tz if pa.types.is_timestamp(type) else None) or pa.types.is_timestamp(type):
        return column.cast(pa.int64()).cast(pa.timestamp(type.unit)).cast(pa.timestamp("us")).cast(to) if to.tz is None else \
            column.cast(pa.int64()).cast(pa.timestamp(type.unit, "UTC")).cast(to)
    return column.cast(to)


def found_as(column, to):
    """What a reader gave, in the type that was kept: units of timestamps differ by profile, names of zones by reader."""
    if pa.types.is_timestamp(to):
        return column.cast(pa.timestamp(column.type.unit, to.tz)).cast(to)
    return column.cast(to)


def bits(column):
    """So that NaNs are equal and the two zeros are not."""
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(float("nan"), column.type), column).combine_chunks().view(pa.int32() if column.type == pa.float32() else pa.int64())
    return column.combine_chunks()


def check(wanted, found, who):
    assert found.num_rows == wanted.num_rows, f"{who}: {found.num_rows} rows instead of {wanted.num_rows}"
    assert found.column_names == wanted.column_names, f"{who}: {found.column_names}"
    for name in wanted.column_names:
        a, b = wanted.column(name), found.column(name)
        assert pa.types.is_timestamp(b.type) == pa.types.is_timestamp(a.type) and (pa.types.is_timestamp(b.type) or a.type == b.type), \
            f"{who}: column {name!r} is {b.type} instead of {a.type}"
        if pa.types.is_timestamp(a.type):
            assert (a.type.tz is None) == (b.type.tz is None), f"{who}: column {name!r} is {b.type} instead of {a.type}"
        if not bits(a).equals(bits(found_as(b, a.type))):
            at = next(i for i, (x, y) in enumerate(zip(bits(a).to_pylist(), bits(found_as(b, a.type)).to_pylist())) if x != y)
            raise AssertionError(f"{who}: column {name!r}, row {at}: {a[at]} became {b[at]}")


# ---- the rounds ----

class Tool:
    """One process of ours for many files."""

    def __init__(self):
        self.process = subprocess.Popen([TOOL, "copy"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def copy(self, source, to, options):
        self.process.stdin.write(json.dumps({"from": str(source), "to": str(to), "options": options}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"our program ended with status {self.process.wait()}"
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


def one(seed, tool, db, folder):
    dice = random.Random(seed)
    by_duckdb = dice.random() < 0.3
    table = random_table(dice, by_duckdb)
    # DuckDB keeps what it knows of a file, by its name and the second it was written in.
    theirs, ours = folder / "theirs.parquet", folder / f"ours-{seed}.parquet"
    written = write_by_duckdb(dice, table, theirs, db) if by_duckdb else write_by_pyarrow(dice, table, theirs)
    options = {"compression": dice.randrange(len(COMPRESSIONS)), "profile": dice.randrange(len(PROFILES)), "page_bytes": dice.choice([0, 1, 50, 500]),
               "row_group_bytes": dice.choice([0, 1, 2000])}
    what = f"seed {seed}: {table.num_rows} rows, {'DuckDB' if by_duckdb else 'pyarrow'} {written}, ours {options}"
    answer = tool.copy(theirs, ours, options)
    assert answer == {"rows": table.num_rows}, f"{what}: {answer}"
    is_int96 = "use_deprecated_int96_timestamps" in written
    columns = [kept(column, is_int96) for column in table.columns]
    wanted = pa.table(columns, names=table.column_names)
    try:
        check(wanted, pq.read_table(ours, page_checksum_verification=True), "pyarrow")
        check(wanted, db.execute("SELECT * FROM read_parquet(?)", [str(ours)]).to_arrow_table(), "DuckDB")
    except Exception as error:
        raise AssertionError(f"{what}: {error}\n{table.schema}") from error
    ours.unlink()
    return by_duckdb, table


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schemas", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="a folder where the files of a failure are left")
    asked = parser.parse_args()
    folder, tool, db = pathlib.Path(tempfile.mkdtemp(prefix="waybill-parquet-")), Tool(), duckdb.connect(config={"threads": 1})
    db.execute("SET TimeZone = 'UTC'")
    started, values, by_duckdb, failed = time.monotonic(), 0, 0, 0
    for seed in range(asked.seed, asked.seed + asked.schemas):
        try:
            duck, table = one(seed, tool, db, folder)
            values, by_duckdb = values + table.num_rows * table.num_columns, by_duckdb + duck
        except Exception as error:
            failed += 1
            print(f"FAIL seed {seed}: {type(error).__name__}: {error}", flush=True)
            if asked.keep:
                shutil.copytree(folder, pathlib.Path(asked.keep) / str(seed), dirs_exist_ok=True)
            if tool.process.poll() is not None:
                tool = Tool()
    tool.close()
    shutil.rmtree(folder)
    print(f"seeds {asked.seed} to {asked.seed + asked.schemas - 1}: {values:,} values; {by_duckdb} tables by DuckDB, "
          f"{asked.schemas - by_duckdb - failed} by pyarrow; {time.monotonic() - started:.0f} s")
    print(f"{asked.schemas - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
