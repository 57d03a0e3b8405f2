"""Every type of MariaDB, and of MySQL 8, at its extremes: a table of columns, and how each reader's answer becomes one plain Python value.

A column is read four ways, none of which goes through the program: by pymysql as a text or as HEX() of the source itself, by
pyarrow from the staged Parquet, by psycopg2 from PostgreSQL, by sqlite3 from SQLite, by duckdb from DuckDB. A Kind says what to ask of the two servers,
and makes the four answers comparable.
"""
import dataclasses
import datetime
import decimal
import struct

DIGITS = decimal.Context(prec=80)


@dataclasses.dataclass
class Kind:
    source: str = "CAST({} AS CHAR CHARACTER SET utf8mb4)"
    postgres: str = "{}"
    duckdb: str = "{}"
    from_source: object = str
    from_any: object = str


def number(value):
    """42, Decimal('1.50'), 1.5, '1.50': what number it is."""
    return DIGITS.create_decimal(value if isinstance(value, (int, str, decimal.Decimal)) else repr(value)).normalize(DIGITS)


def bits(value):
    """A double by its bits: -0.0 is not 0.0."""
    return struct.pack(">d", float(value)).hex()


def moment(value):
    """'2024-02-29 10:00:00.5', with T and Z or +00, or a datetime: with six digits, and without a zone, which is UTC."""
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).strftime("%Y-%m-%d %H:%M:%S.%f").rjust(26, "0")
    seconds, _, fraction = value.replace("T", " ").replace("Z", "").partition(".")
    return f"{seconds}.{fraction:0<6}"


def day(value):
    return value.isoformat() if isinstance(value, datetime.date) else value


def microseconds(value):
    """'-838:59:59.999999', a timedelta, or microseconds already."""
    if not isinstance(value, str):
        return int(value / datetime.timedelta(microseconds=1)) if isinstance(value, datetime.timedelta) else int(value)
    hours, minutes, seconds = value.lstrip("-").split(":")
    whole, _, fraction = seconds.partition(".")
    total = (int(hours) * 3600 + int(minutes) * 60 + int(whole)) * 1_000_000 + int(f"{fraction:0<6}"[:6])
    return -total if value.startswith("-") else total


def ewkb(raw):
    """What PostGIS reads, of what the server keeps: an SRID, and WKB."""
    srid, wkb = raw[:4], raw[4:]
    return wkb if srid == bytes(4) else wkb[:4] + b"\x20" + srid + wkb[5:]


NUMBER = Kind(from_source=number, from_any=number)
BITS = Kind("{} + 0", from_source=number, from_any=number)
REAL = Kind("{} * 1E0", "{}::float8", "{}::DOUBLE", bits, bits)  # FLOAT has six digits in its own text
TEXT = Kind("HEX(CONVERT({} USING utf8mb4))", from_source=lambda value: bytes.fromhex(value).decode())
BYTES = Kind("HEX({})", from_source=bytes.fromhex, from_any=bytes)
BIT_BYTES = Kind("LPAD(HEX({}), 4, '0')", from_source=bytes.fromhex, from_any=bytes)
SHAPE = Kind("HEX({})", from_source=lambda value: ewkb(bytes.fromhex(value)), from_any=bytes)
DAY = Kind(from_any=day)
MOMENT = Kind(postgres="{}::text", from_source=moment, from_any=moment)
INSTANT = Kind(postgres="({} AT TIME ZONE 'UTC')::text", duckdb="make_timestamp(epoch_us({}))", from_source=moment, from_any=moment)
TIME = Kind(postgres="(extract(epoch FROM {}) * 1000000)::bigint", from_source=microseconds, from_any=microseconds)
BOOL = Kind(from_source=lambda value: bool(int(value)), from_any=bool)


@dataclasses.dataclass
class Column:
    name: str
    declared: str
    kind: Kind
    values: list  # SQL literals
    wish: dict = None
    sqlite: dict = None  # the wish on the way to SQLite, where it is another one


def chars(text):
    return f"_utf8mb4 X'{text.encode().hex()}'"


BIG_TEXT = {"sqlite": {"as": "text"}}  # more digits than a number of SQLite keeps
TRUCK = "\U0001F69A"
NULL_ONLY = []

COLUMNS = [
    Column("tiny", "TINYINT", NUMBER, ["-128", "127", "0"]),
    Column("tiny_u", "TINYINT UNSIGNED", NUMBER, ["0", "255"]),
    Column("tiny_1", "TINYINT(1)", NUMBER, ["2", "-1", "0"]),
    Column("flag", "TINYINT(1)", BOOL, ["0", "1"], {"as": "bool"}),
    Column("small", "SMALLINT", NUMBER, ["-32768", "32767"]),
    Column("small_u", "SMALLINT UNSIGNED", NUMBER, ["65535"]),
    Column("medium", "MEDIUMINT", NUMBER, ["-8388608", "8388607"]),
    Column("medium_u", "MEDIUMINT UNSIGNED", NUMBER, ["16777215"]),
    Column("int_", "INT", NUMBER, ["-2147483648", "2147483647"]),
    Column("int_u", "INT UNSIGNED", NUMBER, ["4294967295"]),
    Column("int_z", "INT(10) ZEROFILL", NUMBER, ["42"]),
    Column("big", "BIGINT", NUMBER, ["-9223372036854775808", "9223372036854775807"]),
    Column("big_u", "BIGINT UNSIGNED", NUMBER, ["0", "18446744073709551615"], **BIG_TEXT),
    Column("big_u64", "BIGINT UNSIGNED", NUMBER, ["9223372036854775807"], {"as": "int64"}),
    Column("dec_5", "DECIMAL(5,2)", NUMBER, ["-0.01", "0", "999.99", "-999.99"]),
    Column("dec_15", "DECIMAL(15,2)", NUMBER, ["-9999999999999.99", "0.10"]),
    Column("dec_18", "DECIMAL(18,0)", NUMBER, ["-999999999999999999"]),
    Column("dec_38", "DECIMAL(38,10)", NUMBER, ["-9999999999999999999999999999.9999999999", "0.0000000001"], **BIG_TEXT),
    Column("dec_38_38", "DECIMAL(38,38)", NUMBER, ["-0." + "9" * 38, "0." + "0" * 37 + "1"], **BIG_TEXT),
    Column("dec_65", "DECIMAL(65,30)", NUMBER, ["-" + "9" * 35 + "." + "9" * 30, "0." + "0" * 29 + "1"], {"as": "text"}),
    Column("dec_65_38", "DECIMAL(65,30)", NUMBER, ["12345678.000000000000000000000000000001"], {"as": "decimal(38,30)"}, {"as": "text"}),
    Column("float_", "FLOAT", REAL, ["16777217", "0.1", "3.4028234663852886e38", "-1.1754943508222875e-38", "1e-45", "-0e0", "0"]),
    Column("float_m", "FLOAT(10,3)", REAL, ["1234.567"]),
    Column("double_", "DOUBLE", REAL, ["0.1", "-1.7976931348623157e308", "5e-324", "-2.2250738585072009e-308", "9007199254740993", "-0e0", "123456.789"]),
    Column("double_m", "DOUBLE(20,2)", REAL, ["1234567890123.45"]),
    Column("bit_1", "BIT(1)", BITS, ["b'0'", "b'1'"]),
    Column("bit_8", "BIT(8)", BITS, ["48", "57"]),  # the bytes of '0' and '9'
    Column("bit_12", "BIT(12)", BITS, ["b'111111111111'"]),
    Column("bit_64", "BIT(64)", BITS, ["18446744073709551615", "0"], **BIG_TEXT),
    Column("bit_raw", "BIT(10)", BIT_BYTES, ["b'1000000001'"], {"as": "binary"}),
    Column("year_", "YEAR", NUMBER, ["0", "1901", "2155"]),
    Column("date_", "DATE", DAY, ["'0001-01-01'", "'9999-12-31'", "'2024-02-29'", "'1900-02-28'", "'1969-12-31'"]),
    Column("datetime_", "DATETIME", MOMENT, ["'0001-01-01 00:00:00'", "'9999-12-31 23:59:59'"]),
    Column("datetime_1", "DATETIME(1)", MOMENT, ["'2024-02-29 10:00:00.5'"]),
    Column("datetime_4", "DATETIME(4)", MOMENT, ["'2024-03-31 02:30:00.1234'"]),  # an hour that Berlin does not have
    Column("datetime_6", "DATETIME(6)", MOMENT, ["'1969-12-31 23:59:59.999999'", "'9999-12-31 23:59:59.999999'"]),
    Column("timestamp_", "TIMESTAMP NULL", INSTANT, ["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'2024-03-31 00:59:59'", "'2024-03-31 01:00:00'",
                                                    "'2024-10-27 00:30:00'", "'2024-10-27 01:30:00'"]),  # the hour that comes twice
    Column("timestamp_6", "TIMESTAMP(6) NULL", INSTANT, ["'2038-01-19 03:14:07.999999'"]),
    Column("time_", "TIME", TIME, ["'838:59:59'", "'-838:59:59'", "'00:00:00'"]),
    Column("time_6", "TIME(6)", TIME, ["'838:59:59.999999'", "'-838:59:59.999999'", "'-00:00:00.000001'"]),
    Column("char_", "CHAR(5)", TEXT, ["''", "'ab  '", "' a'"]),
    Column("varchar_", "VARCHAR(40)", TEXT, ["''", "'NULL'", "'null'", "'none'", "'nan'", "' a '", chars(TRUCK + "é\u0301\uFFFD"), r"'\\N'", "'a\tb\nc\rd'"]),
    Column("latin1", "VARCHAR(20) CHARACTER SET latin1", TEXT, [chars("café €"), "''"]),
    Column("latin1_raw", "VARCHAR(20) CHARACTER SET latin1", BYTES, [chars("café")], {"as": "binary"}),
    Column("utf16_", "VARCHAR(20) CHARACTER SET utf16", TEXT, [chars("né" + TRUCK), "''"]),
    Column("sjis_", "VARCHAR(20) CHARACTER SET sjis", TEXT, [chars("表能ソ"), "''"]),  # whose second bytes are backslashes
    Column("tinytext_", "TINYTEXT", TEXT, ["REPEAT('x', 255)"]),
    Column("text_", "TEXT", TEXT, ["REPEAT('é', 30000)", "''"]),
    Column("longtext_", "LONGTEXT", TEXT, ["REPEAT('0123456789', 150000)"]),
    Column("nul_", "VARCHAR(20)", TEXT, ["CONCAT('a', CHAR(0), 'b')", "CHAR(0)"], {"as": "binary"}, {}),
    Column("enum_", "ENUM('a','','b')", TEXT, ["'a'", "''", "'b'"]),
    Column("enum_none", "ENUM('a','b')", TEXT, ["'nothing of it'", "'b'"]),
    Column("set_", "SET('x','y','z')", TEXT, ["'x,z'", "''"]),
    Column("json_", "JSON", TEXT, ["'{\"a\": [1, 2.50, \"é\"]}'", "'null'", "'\"\"'"]),
    Column("uuid_", "UUID", TEXT, ["'123e4567-e89b-12d3-a456-426655440000'", "'00000000-0000-0000-0000-000000000000'"]),
    Column("inet4_", "INET4", TEXT, ["'255.255.255.255'", "'0.0.0.0'"]),
    Column("inet6_", "INET6", TEXT, ["'::'", "'::ffff:1.2.3.4'", "'2001:db8::ff00:42:8329'"]),
    Column("binary_", "BINARY(4)", BYTES, ["X'00ff'", "X''"]),
    Column("varbinary_", "VARBINARY(20)", BYTES, ["X''", "X'00275c0a'", "X'ffffffff'"]),
    Column("longblob_", "LONGBLOB", BYTES, ["REPEAT(X'00ff27', 300000)", "X''"]),
    Column("blob_text", "BLOB", TEXT, ["'plain'"], {"as": "text"}),
    Column("point_", "POINT", SHAPE, ["ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(13.4 52.5)', 4326)"]),
    Column("geometry_", "GEOMETRY", SHAPE, ["ST_GeomFromText('LINESTRING(0 0,1 1)')", "ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))', 3857)",
                                            "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')"]),
    Column("virtual_", "INT GENERATED ALWAYS AS (`int_` DIV 2) VIRTUAL", NUMBER, NULL_ONLY),
    Column("stored_", "VARCHAR(20) GENERATED ALWAYS AS (CONCAT(`small`, '!')) STORED", TEXT, NULL_ONLY),
    Column("unseen", "INT INVISIBLE", NUMBER, ["7"]),
]
ROWS = max(len(column.values) for column in COLUMNS) + 1  # and one of NULLs
OF_MARIADB_ALONE = ("UUID", "INET4", "INET6", "DECIMAL(38,38)")
COLUMNS_OF_MYSQL8 = [column for column in COLUMNS if column.declared not in OF_MARIADB_ALONE] + [
    Column("default_", "VARCHAR(20) COLLATE utf8mb4_0900_ai_ci DEFAULT (UUID())", TEXT, [chars("Äß" + TRUCK), "'é'", "' '"]),
    Column("as_cs", "CHAR(4) COLLATE utf8mb4_0900_as_cs", TEXT, ["'é'", "'ab  '", "''"]),  # no padding: but it is a CHAR
    Column("json_big", "JSON", TEXT, ["'{\"n\": 18446744073709551615, \"d\": 0.1, \"e\": 1e300}'", "'[]'", "CAST(NOW() AS JSON)", "'\"\\\\u0000\"'"],
           None, {}),
    Column("earth", "POINT SRID 4326", SHAPE, ["ST_GeomFromText('POINT(52.5 13.4)', 4326)"]),  # latitude first, as MySQL 8 has it
    Column("shapes", "GEOMCOLLECTION", SHAPE, ["ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')", "ST_GeomFromText('GEOMETRYCOLLECTION(MULTIPOINT((1 1),(2 2)))')"]),
    Column("bool_", "BOOL", NUMBER, ["TRUE", "FALSE"]),
    Column("indexed", "INT", NUMBER, ["-1", "7"]),
    Column("big_stored", "DECIMAL(65,1) GENERATED ALWAYS AS (`big_u` * 10000000000.0) STORED", NUMBER, NULL_ONLY, {"as": "text"}),
]


def create(table="extremes", columns=COLUMNS):
    """Row i holds the i-th value of each column, or NULL; the last one nothing but NULL."""
    declared = ", ".join(f"`{column.name}` {column.declared}" for column in columns)
    given = [column for column in columns if "GENERATED" not in column.declared]
    names = ", ".join(f"`{column.name}`" for column in given)
    rows = [", ".join([str(row), *(column.values[row] if row < len(column.values) else "NULL" for column in given)]) for row in range(ROWS)]
    inserts = "; ".join(f"INSERT INTO `{table}` (id, {names}) VALUES ({row})" for row in rows)
    return f"SET sql_mode = '', time_zone = '+00:00'; CREATE TABLE `{table}` (id INT PRIMARY KEY, {declared}) ROW_FORMAT=DYNAMIC; {inserts}"


def wish_of(column, way):
    return column.sqlite if way == "sqlite" and column.sqlite is not None else column.wish


def wishes(way, columns=COLUMNS):
    """`columns` of the configuration, on the way to this target."""
    return {column.name: wish_of(column, way) for column in columns if wish_of(column, way)}


def plain(column, values, read, way):
    """Every value of a column as Python says it, NULL as None."""
    wish = wish_of(column, way) or {}
    if column.kind is TEXT and wish.get("as") == "binary" and read is column.kind.from_any:
        return [None if value is None else bytes(value).decode() for value in values]
    return [None if value is None else read(value) for value in values]
