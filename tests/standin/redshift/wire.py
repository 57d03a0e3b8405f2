"""PostgreSQL's protocol, version 3, as bytes: messages in, messages out, and errors as exceptions.

Both sides use it: the stand-in speaks to clients as a server, and to PostgreSQL as a client.
"""
import asyncio
import struct

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST, PROTOCOL_3 = 80877103, 80877104, 80877102, 196608
MESSAGE_BYTES_MAX = 64 << 20
STATEMENT_BYTES_MAX = 16 << 20  # what Redshift takes
RULE = "-----------------------------------------------"


class Gone(Exception):
    """The other side is not there any more, or its connection is to be cut."""


class Failure(Exception):
    """An error as the protocol has it; `fatal` ends the session."""

    def __init__(self, sqlstate, message, detail=None, hint=None, fatal=False, fields=None):
        super().__init__(message)
        self.sqlstate, self.message, self.detail, self.hint, self.fatal = sqlstate, message, detail, hint, fatal
        self.fields = fields or {}  # of PostgreSQL's own: constraint (n), column (c), table (t), ...

    def encode(self):
        parts = {"S": "FATAL" if self.fatal else "ERROR", "C": self.sqlstate, "M": self.message, "D": self.detail, "H": self.hint}
        body = b"".join(key.encode() + text(value) for key, value in parts.items() if value is not None)
        return message(b"E", body + b"\0")


def inner(code, error, context="", query=0, location="xen_execute.cpp:12414", process="padbmaster"):
    """What Redshift's own engine (not its PostgreSQL part) throws: SQLSTATE XX000, and a DETAIL block with a code."""
    lines = ["", RULE, f"error:  {error}", f"code:      {code}", f"context:   {context}", f"query:     {query}", f"location:  {location}",
             f"process:   {process} [pid=1{code}]", RULE, ""]
    return Failure("XX000", error, "\n  ".join(lines).rstrip(" "))


def text(value):
    return value.encode() + b"\0"


def message(kind, body=b""):
    return kind + struct.pack("!i", len(body) + 4) + body


def parse_fields(body):
    """{'M': ..., 'C': ...} of an ErrorResponse or NoticeResponse."""
    return {part[:1].decode(): part[1:].decode(errors="replace") for part in body.split(b"\0") if part}


def parse_error(body):
    found = parse_fields(body)
    return Failure(found.get("C", "XX000"), found.get("M", ""), found.get("D"), found.get("H"), found.get("S") in ("FATAL", "PANIC"), found)


class Column:
    """One column of a RowDescription."""

    def __init__(self, name, table=0, number=0, oid=1043, size=-1, typmod=-1, binary=0):
        self.name, self.table, self.number, self.oid, self.size, self.typmod, self.binary = name, table, number, oid, size, typmod, binary

    def encode(self):
        return text(self.name) + struct.pack("!ihihih", self.table, self.number, self.oid, self.size, self.typmod, self.binary)


def parse_row_description(body):
    columns, at = [], 2
    for _ in range(struct.unpack_from("!h", body)[0]):
        end = body.index(b"\0", at)
        columns.append(Column(body[at:end].decode(), *struct.unpack_from("!ihihih", body, end + 1)))
        at = end + 1 + 18
    return columns


def row_description(columns):
    return message(b"T", struct.pack("!h", len(columns)) + b"".join(column.encode() for column in columns))


def parse_data_row(body):
    values, at = [], 2
    for _ in range(struct.unpack_from("!h", body)[0]):
        length, = struct.unpack_from("!i", body, at)
        at += 4
        values.append(None if length < 0 else body[at:at + length])
        at += max(length, 0)
    return values


def data_row(values):
    parts = [struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value for value in values]
    return message(b"D", struct.pack("!h", len(values)) + b"".join(parts))


def command_complete(tag):
    return message(b"C", text(tag))


def ready(status):
    return message(b"Z", status.encode())


def parameter_status(name, value):
    return message(b"S", text(name) + text(value))


def notice(said, severity="INFO", sqlstate="00000"):
    return message(b"N", b"S" + text(severity) + b"C" + text(sqlstate) + b"M" + text(said) + b"\0")


class Stream:
    """One connection: whole messages in, bytes out."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def exactly(self, count):
        try:
            return await self.reader.readexactly(count)
        except (asyncio.IncompleteReadError, ConnectionError, OSError) as error:
            raise Gone() from error

    async def read_startup(self):
        """(code, body) of the only message without a type."""
        length, code = struct.unpack("!ii", await self.exactly(8))
        if not 8 <= length <= 65536:
            raise Gone()
        return code, await self.exactly(length - 8)

    async def read(self):
        head = await self.exactly(5)
        length = struct.unpack("!i", head[1:])[0] - 4
        if not 0 <= length <= MESSAGE_BYTES_MAX:
            raise Gone()
        return head[:1], await self.exactly(length)

    def write(self, data):
        self.writer.write(data)

    async def flush(self):
        try:
            await self.writer.drain()
        except (ConnectionError, OSError) as error:
            raise Gone() from error

    def close(self):
        self.writer.close()

    def reset(self):
        """An RST, as networks do it: what was written and not yet sent is lost."""
        self.writer.transport.abort()
