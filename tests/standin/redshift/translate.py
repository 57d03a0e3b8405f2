"""PostgreSQL's answers in Redshift's words: errors, types of columns, and the text of SUPER and VARBYTE."""
import re

from . import wire
from .parquet_types import BYTEA, JSONB
from .wire import Failure, inner

OIDS = {25: 1043, JSONB: 4000, BYTEA: 6551}
TYPMODS = {JSONB: 16384000}
SEND_BYTES = 1 << 16


def conflict(table, numbers, pid):
    circle = ", ".join(str(number) for number in numbers)
    return Failure("XX000", "1023", f"Serializable isolation violation on table - {table}, transactions forming the cycle are: {circle} (pid:{pid})")


def too_long(failure):
    size = failure.fields["n"].rsplit("_", 1)[1]
    return inner(8001, "Value too long for character type", f"Value too long for type character varying({size})", location="string.cpp:213", process="query0_1")


def translate(failure, names, query_id=0):
    """The same failure as Redshift would say it."""
    found = in_other_words(failure, names)
    if found.detail:
        found.detail = found.detail.replace("query:     0\n", f"query:     {query_id}\n")
    return found


def in_other_words(failure, names):
    state, fields = failure.sqlstate, failure.fields
    if state == "23502":
        return inner(8007, f"Cannot insert a NULL value into column {names.lengthen(fields.get('c', ''))}", location="column_segments.cpp:290", process="query0_1")
    if state == "23514" and fields.get("n", "").startswith("standin_bytes_"):
        return too_long(failure)
    if state == "21000" and "MERGE" in failure.message:
        return Failure("XX000", "Found multiple matches to update the same tuple")
    if state == "40001":
        return conflict(100167, [5001, 5002], 0)
    if state == "23505" and fields.get("n", "").startswith("pg_"):
        return Failure("42P07", "Relation already exists")
    if state == "42P07":
        return Failure(state, failure.message.replace("relation", "Relation", 1))
    if state == "22P02" and "type json" in failure.message:
        return inner(8001, "Invalid input", f"JSON_PARSE() error: {failure.detail or failure.message}", location="partiql_json_parser.cpp:80", process="query0_1")
    if state == "42501":
        failure.message = failure.message.replace("permission denied for table", "permission denied for relation")
    for short, long in names.long.items():
        failure.message = failure.message.replace(short, long)
    failure.fields = {}
    return failure


def compact(text):
    """SUPER is written without spaces between its parts."""
    return b"".join(part if part.startswith(b'"') else part.replace(b" ", b"") for part in re.findall(rb'"(?:[^"\\]|\\.)*"|[^"]+', text))


class Rows:
    """Hands the rows of a statement on to the client, in Redshift's types."""

    def __init__(self, session, formats=(), describe=True):
        self.session, self.describe, self.waiting, self.changes = session, describe, [], {}
        self.size = 0

    def on_columns(self, columns):
        described = translate_columns(columns, self.session.names)
        self.changes = {i: column.oid for i, column in enumerate(columns) if column.oid in (JSONB, BYTEA)}
        if self.describe:
            self.put(wire.row_description(described))

    def put(self, data):
        self.waiting.append(data)
        self.size += len(data)

    async def on_row(self, body):
        if self.changes:
            values = wire.parse_data_row(body)
            for i, oid in self.changes.items():
                if values[i] is not None:
                    values[i] = compact(values[i]) if oid == JSONB else values[i][2:]
            self.put(wire.data_row(values))
        else:
            self.put(wire.message(b"D", body))
        if self.size > SEND_BYTES:
            await self.flush()

    async def flush(self):
        data, self.waiting, self.size = b"".join(self.waiting), [], 0
        if data:
            await self.session.send(data)


def translate_columns(columns, names):
    return [wire.Column(names.lengthen(column.name), column.table, column.number, OIDS.get(column.oid, column.oid), column.size,
                        TYPMODS.get(column.oid, column.typmod), column.binary) for column in columns]
