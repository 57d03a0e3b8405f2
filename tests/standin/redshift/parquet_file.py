"""One Parquet file on its way into a table: what its footer must be like, and its rows as lines for PostgreSQL's COPY.

Columns are cast and escaped as whole Arrow arrays: three hundred thousand rows take a second or two.
"""
import datetime
import io
import json

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from . import parquet_types as types
from .objects import spectrum
from .wire import inner

DECOMPRESSED_BY_NAME = (".gz", ".snappy", ".bz2")
OLD_ENCODINGS = {"PLAIN", "PLAIN_DICTIONARY", "RLE_DICTIONARY", "RLE", "BIT_PACKED"}
CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"}
PAGE_V2_BEGIN = b"\x15\x06"  # Thrift: field 1, an i32, 3 = DATA_PAGE_V2
ROWS_AT_ONCE = 32768
CALENDAR_S = 146097 * 86400
ROW_BYTES_MAX = 4 << 20


class Bad(Exception):
    """What is wrong with a column: for the client, and for the error views."""

    def __init__(self, column, context, code=15007, failure=None):
        super().__init__(context)
        self.column, self.context, self.code, self.failure = column, context, code, failure


class ParquetFile:
    """`url` is how errors name it."""

    def __init__(self, body, url, bucket, key, doubts):
        self.url, self.location, self.doubts = url, f"s3://{bucket}/{key}", doubts
        if key.endswith(DECOMPRESSED_BY_NAME):
            raise Bad(None, f"File '{url}' is decompressed because of its name, and is no {key.rsplit('.', 1)[1]} file", 15001)
        if body[:4] != b"PAR1" or body[-4:] != b"PAR1":
            raise Bad(None, f"File '{url}' has an invalid version number: ", 15001)
        try:
            self.file = pq.ParquetFile(io.BytesIO(body), coerce_int96_timestamp_unit="us")
            self.columns = list(self.top_columns())
        except (pa.ArrowException, OSError, ValueError) as error:
            raise Bad(None, f"File '{url}' has an invalid Parquet footer", 15001) from error
        if not doubts.accepts("modern-parquet"):
            self.check_encodings(body)

    def top_columns(self):
        schema, leaves = self.file.schema, {}
        for i in range(len(schema)):
            leaf = schema.column(i)
            leaves.setdefault(leaf.path.split(".")[0], []).append(leaf)
        for name, found in leaves.items():
            is_nested = len(found) > 1 or "." in found[0].path or found[0].max_repetition_level > 0
            yield types.FileColumn(name, None if is_nested else found[0], is_nested)

    def check_encodings(self, body):
        metadata = self.file.metadata
        for group in range(metadata.num_row_groups):
            for number in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(number)
                odd = set(chunk.encodings) - OLD_ENCODINGS
                if odd:
                    raise Bad(chunk.path_in_schema, f"File '{self.url}' has an unsupported encoding: {sorted(odd)[0]} of column {chunk.path_in_schema}", 15001)
                if chunk.compression not in CODECS:
                    raise Bad(chunk.path_in_schema, f"File '{self.url}' uses an unsupported compression: {chunk.compression}", 15001)
                if chunk.num_values and body[chunk.data_page_offset:chunk.data_page_offset + 2] == PAGE_V2_BEGIN:
                    raise Bad(chunk.path_in_schema, f"File '{self.url}' has an unsupported page: DATA_PAGE_V2 of column {chunk.path_in_schema}", 15001)

    @property
    def rows(self):
        return self.file.metadata.num_rows

    def check(self, table, options):
        """`table`: the listed columns. Refuses what COPY refuses before it reads a row."""
        most = len(table)
        if len(self.columns) > most or (len(self.columns) < most and "fillrecord" not in options):
            raise Bad(None, f"Unmatched number of columns between table and file. Table columns: {most}, Data columns: {len(self.columns)}, "
                      f"File name: {self.url}")
        for index, (into, column) in enumerate(zip(table, self.columns, strict=False)):
            if into.oid == types.JSONB and "serializetojson" not in options:
                raise Bad(into, "", failure=inner(8001, "SUPER column in COPY query requires SERIALIZETOJSON option", location="xen_copy.cpp:180"))
            found = types.matches(into, column, self.doubts)
            if isinstance(found, str):
                raise Bad(into, f"File '{self.url}': {found}", 15001)
            if not found:
                raise Bad(into, f"File '{self.url}' has an incompatible Parquet schema for column '{self.location}.{column.name}'. "
                          f"Column type: {into.type_name()}, Parquet schema:\n{column.describe(index)}")

    def lines(self, table, options):
        """Pieces of PostgreSQL's text format. FILLRECORD: what the file lacks at its end is NULL."""
        missing = table[len(self.columns):]
        for into in missing:
            if into.is_not_null:
                raise null_refused(into)
        try:
            for batch in self.file.iter_batches(ROWS_AT_ONCE):
                columns = [self.lines_of(into, array, options) for into, array in zip(table, batch.columns, strict=False)]
                columns += [pa.array(["\\N"] * batch.num_rows) for _ in missing]
                joined = pc.binary_join_element_wise(*columns, "\t") if len(columns) > 1 else columns[0]
                if (pc.max(pc.binary_length(joined)).as_py() or 0) > ROW_BYTES_MAX:
                    raise Bad(None, f"File '{self.url}' has a row of more than {ROW_BYTES_MAX} bytes")
                yield ("\n".join(joined.to_pylist()) + "\n").encode() if batch.num_rows else b""
        except (pa.ArrowException, OSError, ValueError) as error:
            raise Bad(None, f"File '{self.url}' cannot be read: {type(error).__name__}", 15001) from error

    def lines_of(self, into, array, options):
        """One column as PostgreSQL reads it; \\N is NULL."""
        if into.is_not_null and array.null_count:
            raise null_refused(into)
        if into.oid in (types.VARCHAR, types.BPCHAR):
            array = self.text(into, array, options)
        elif into.oid == types.BYTEA:
            return self.bytes(into, array)
        elif into.oid == types.JSONB:
            array = self.super(into, array)
        elif pa.types.is_timestamp(array.type):
            array = self.timestamp(array)
        elif pa.types.is_boolean(array.type):
            return pc.fill_null(pc.if_else(array, "t", "f"), "\\N")
        else:
            return pc.fill_null(pc.cast(array, pa.string()), "\\N")
        return escape(array)

    @staticmethod
    def timestamp(array):
        """Nanoseconds are taken for microseconds, as the real one does: a value of 2023 becomes one of another age."""
        if array.type.unit == "ns":
            return pa.array([None if value is None else far_moment(value) for value in array.view(pa.int64()).to_pylist()], pa.string())
        if array.type.tz:
            array = array.view(pa.int64()).view(pa.timestamp(array.type.unit))
        return pc.cast(array, pa.string())

    def text(self, into, array, options):
        array = self.utf8(into, array, options)
        longest = pc.max(pc.binary_length(array)).as_py() or 0
        if longest > into.bytes_max:
            lengths = pc.binary_length(array)
            first = next(length for length in lengths.to_pylist() if length is not None and length > into.bytes_max)
            raise Bad(into, f"The length of the data column {into.name} is longer than the length defined in the table. "
                      f"Table: {into.bytes_max}, Data: {first}")
        if into.oid == types.BPCHAR and not pc.all(pc.equal(pc.utf8_length(array), pc.binary_length(array))).as_py() in (True, None):
            raise Bad(into, f"Multibyte character not supported for CHAR (Hint: try using VARCHAR). Column: {into.name}")
        return array

    @staticmethod
    def utf8(into, array, options):
        """Text that is no UTF-8, or holds a NUL, is refused, or loses it to question marks."""
        array = array.cast(pa.binary()) if not pa.types.is_binary(array.type) else array
        try:
            text = array.cast(pa.string())
            if not pc.any(pc.match_substring(text, "\0")).as_py():
                return text
        except pa.ArrowInvalid:
            pass
        if "acceptinvchars" not in options:
            raise Bad(into, f"The data column {into.name} holds an invalid or unsupported UTF8 codepoint")
        return pa.array([None if value is None else replaced(value) for value in array.to_pylist()], pa.string())

    @staticmethod
    def bytes(into, array):
        values = array.to_pylist()
        longest = max((len(value) for value in values if value is not None), default=0)
        if into.varbyte_max and longest > into.varbyte_max:
            raise Bad(into, f"The length of the data column {into.name} is longer than the length defined in the table. "
                      f"Table: {into.varbyte_max}, Data: {longest}")
        return pa.array(["\\N" if value is None else "\\\\x" + value.hex() for value in values], pa.string())

    @staticmethod
    def super(_into, array):
        """A text becomes a text of SUPER's, and what is nested its JSON."""
        values = array.to_pylist()
        if pa.types.is_string(array.type) or pa.types.is_binary(array.type):
            values = [value.decode() if isinstance(value, bytes) else value for value in values]
            if any(value is not None and len(value.encode()) > types.SUPER_BYTES_MAX for value in values):
                raise Bad(None, "", failure=inner(1224, f"String value exceeds the max size of {types.SUPER_BYTES_MAX} bytes", location="partiql_super.cpp:1224"))
        return pa.array([None if value is None else json.dumps(value, ensure_ascii=False, default=str) for value in values], pa.string())


def far_moment(microseconds):
    """Beyond the year 9999, too: the calendar repeats itself after 400 years."""
    cycles, rest = divmod(microseconds, CALENDAR_S * 1000000)
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=rest)
    return f"{moment.year + 400 * cycles}{moment.isoformat(' ')[4:]}"


def replaced(value):
    """Each invalid byte is a question mark: the text keeps its length."""
    out, at = [], 0
    while at < len(value):
        try:
            out.append(value[at:].decode())
            break
        except UnicodeDecodeError as error:
            out.append(value[at:at + error.start].decode() + "?" * (error.end - error.start))
            at += error.end
    return "".join(out).replace("\0", "?")


def escape(array):
    for raw, said in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        array = pc.replace_substring(array, raw, said)
    return pc.fill_null(array, "\\N")


def null_refused(into):
    return Bad(into, "", failure=inner(8007, f"Cannot insert a NULL value into column {into.name}", location="column_segments.cpp:290", process="query0_1"))


def failure_of(bad, doubts):
    """What a client is told of it: cut where Redshift cuts it."""
    if bad.failure:
        return bad.failure
    context = bad.context if doubts.accepts("long-context") else bad.context.encode()[:256].decode(errors="ignore")
    return spectrum(bad.code, context)
