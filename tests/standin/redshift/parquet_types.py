"""Which Parquet column loads into which column of a table: the rules of COPY, by physical type and annotation.

Nobody has published the list. Each rule was measured by somebody (the README of this folder says where they come from), or is
a doubt (doubts.py). Names do not matter, and NULLs are the table's affair.
"""
import dataclasses

BOOL, BYTEA, INT8, INT2, INT4, FLOAT4, FLOAT8, BPCHAR, VARCHAR, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, TIMETZ, NUMERIC, JSONB = (
    16, 17, 20, 21, 23, 700, 701, 1042, 1043, 1082, 1083, 1114, 1184, 1266, 1700, 3802)
NAMES = {BOOL: "BOOLEAN", BYTEA: "VARBYTE", INT8: "BIGINT", INT2: "SMALLINT", INT4: "INTEGER", FLOAT4: "REAL", FLOAT8: "DOUBLE PRECISION",
         BPCHAR: "CHAR", VARCHAR: "VARCHAR", DATE: "DATE", TIME: "TIME", TIMESTAMP: "TIMESTAMP", TIMESTAMPTZ: "TIMESTAMPTZ", TIMETZ: "TIMETZ",
         NUMERIC: "DECIMAL", JSONB: "SUPER"}
UNSIGNED = {"UINT_8", "UINT_16", "UINT_32", "UINT_64"}
SUPER_BYTES_MAX = 65535


@dataclasses.dataclass
class TableColumn:
    name: str
    oid: int
    typmod: int
    is_not_null: bool
    has_default: bool = False
    varbyte_max: int = 0

    @property
    def bytes_max(self):
        return self.typmod - 4

    @property
    def precision(self):
        return ((self.typmod - 4) >> 16) & 0xFFFF

    @property
    def scale(self):
        return (self.typmod - 4) & 0xFFFF

    def type_name(self):
        name = NAMES.get(self.oid, "UNKNOWN")
        if self.oid == NUMERIC:
            return f"{name}({self.precision}, {self.scale})"
        return f"{name}({self.bytes_max})" if self.oid == BPCHAR else name


@dataclasses.dataclass
class FileColumn:
    """A top-level column of a file; `leaf` is None where it is a list, a struct or a map."""
    name: str
    leaf: object
    is_nested: bool = False

    @property
    def physical(self):
        return self.leaf.physical_type if self.leaf else "GROUP"

    @property
    def converted(self):
        found = self.leaf.converted_type if self.leaf else "NONE"
        return "NONE" if found is None else found

    @property
    def logical(self):
        return self.leaf.logical_type.type if self.leaf else "NONE"

    def is_adjusted(self):
        return self.leaf is not None and "isadjustedtoutc=true" in str(self.leaf.logical_type).lower().replace(" ", "")

    def unit(self):
        said = str(self.leaf.logical_type).lower()
        return next((unit for unit in ("nanoseconds", "microseconds", "milliseconds") if unit in said), None)

    def describe(self, index):
        """optional int32 col [i:1 d:1 r:0]"""
        if self.leaf is None:
            return f"optional group {self.name} [i:{index} d:1 r:0]"
        kind = {"BYTE_ARRAY": "byte_array", "FIXED_LEN_BYTE_ARRAY": f"fixed_len_byte_array({self.leaf.length})"}.get(self.physical, self.physical.lower())
        needed = "optional" if self.leaf.max_definition_level else "required"
        return f"{needed} {kind} {self.name} [i:{index} d:{self.leaf.max_definition_level} r:{self.leaf.max_repetition_level}]"


def bytes_of_precision(precision):
    """The fewest bytes that hold so many decimal digits."""
    length = 1
    while 10 ** precision > 2 ** (8 * length - 1):
        length += 1
    return length


def is_plain(column, *more):
    return column.converted in ("NONE", *more) and column.logical in ("NONE", "INT")


def matches_integer(table, column, doubts):
    wanted = {INT2: "INT32", INT4: "INT32", INT8: "INT64"}[table.oid]
    if column.converted in UNSIGNED:
        return doubts.accepts("unsigned")
    if column.converted in ("INT_8", "INT_16"):
        return column.physical == "INT32" and doubts.accepts("int16-smallint" if table.oid == INT2 else "int16-wider")
    if column.physical == "INT32" and is_plain(column, "INT_32"):
        return table.oid in (INT4, INT8)
    return column.physical == wanted == "INT64" and is_plain(column, "INT_64")


def matches_decimal(table, column, doubts):
    """True, False, or the text of a length that is not the column's own."""
    if column.converted != "DECIMAL" and column.logical != "DECIMAL":
        return False
    if (column.leaf.precision, column.leaf.scale) != (table.precision, table.scale):
        return False
    if column.physical == "INT64":
        return table.precision <= 18
    if column.physical == "INT32":
        return table.precision <= 9 and doubts.accepts("int32-decimal")
    expected = bytes_of_precision(table.precision)
    if column.physical == "FIXED_LEN_BYTE_ARRAY" and column.leaf.length != expected:
        return f"column '{column.name}' has an invalid type length. Expecting: {expected} len in file: {column.leaf.length}"
    return column.physical == "FIXED_LEN_BYTE_ARRAY"


def is_timestamp(column):
    return column.logical == "TIMESTAMP" or column.converted in ("TIMESTAMP_MICROS", "TIMESTAMP_MILLIS")


def matches_timestamp(table, column, doubts):
    if column.physical == "INT96":
        return table.oid == TIMESTAMP
    if column.physical != "INT64" or not is_timestamp(column):
        return False
    if table.oid == TIMESTAMPTZ:
        return column.is_adjusted() and column.unit() == "microseconds" and doubts.accepts("timestamptz")
    if column.unit() == "milliseconds" or column.converted == "TIMESTAMP_MILLIS":
        return doubts.accepts("millis-timestamp")
    return True  # nanoseconds, too: they load as if they were microseconds


def matches_text(column, doubts):
    if column.physical != "BYTE_ARRAY":
        return False
    if column.converted == "UTF8" or column.logical == "STRING":
        return True
    return column.converted == "NONE" and column.logical == "NONE" and doubts.accepts("plain-text")


def matches(table, column, doubts):
    """True where this column loads, False or a text of its own where it does not."""
    if column.is_nested:
        return table.oid == JSONB
    if table.oid == BOOL:
        return column.physical == "BOOLEAN"
    if table.oid in (INT2, INT4, INT8):
        return matches_integer(table, column, doubts)
    if table.oid == FLOAT4:
        return column.physical == "FLOAT"
    if table.oid == FLOAT8:
        return column.physical == "DOUBLE" or (column.physical == "FLOAT" and doubts.accepts("float-double"))
    if table.oid == NUMERIC:
        return matches_decimal(table, column, doubts)
    if table.oid in (TIMESTAMP, TIMESTAMPTZ):
        return matches_timestamp(table, column, doubts)
    if table.oid == DATE:
        return column.physical == "INT32" and (column.converted == "DATE" or column.logical == "DATE")
    if table.oid == TIME:
        return column.physical == "INT64" and column.logical == "TIME" and column.unit() == "microseconds" and doubts.accepts("time")
    if table.oid in (VARCHAR, BPCHAR):
        return matches_text(column, doubts)
    if table.oid == BYTEA:
        return column.physical == "BYTE_ARRAY" and column.converted == "NONE" and column.logical == "NONE"
    if table.oid == JSONB:
        return column.physical == "BYTE_ARRAY" and (column.converted in ("UTF8", "JSON") or column.logical in ("STRING", "JSON"))
    return False
