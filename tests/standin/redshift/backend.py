"""A session in the real PostgreSQL behind the stand-in."""
import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import struct
import urllib.parse

from . import wire
from .wire import Failure, Stream


class Address:
    """postgresql://user:password@host:port/database; a host that begins with a slash is the folder of a Unix socket."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        query = dict(urllib.parse.parse_qsl(parts.query))
        self.host = query.get("host") or urllib.parse.unquote(parts.hostname or "127.0.0.1")
        self.port = int(query.get("port") or parts.port or 5432)
        self.user = urllib.parse.unquote(parts.username or "postgres")
        self.password = urllib.parse.unquote(parts.password or "") or os.environ.get("PGPASSWORD", "")
        self.database = urllib.parse.unquote(parts.path.lstrip("/")) or "postgres"

    async def dial(self):
        if self.host.startswith("/"):
            return await asyncio.open_unix_connection(f"{self.host}/.s.PGSQL.{self.port}")
        return await asyncio.open_connection(self.host, self.port)


class Result:
    """What one statement gave: its columns and rows as text, and its tag."""

    def __init__(self):
        self.columns, self.rows, self.tag = [], [], ""

    def values(self):
        return [tuple(None if value is None else value.decode() for value in row) for row in self.rows]

    def value(self):
        return self.values()[0][0]


class Scram:
    """SCRAM-SHA-256 (RFC 5802, 7677), the client's half, without channel binding."""

    def __init__(self, password):
        self.password = password.encode()
        self.bare = "n=,r=" + base64.b64encode(os.urandom(18)).decode()

    def first(self):
        said = ("n,," + self.bare).encode()
        return wire.text("SCRAM-SHA-256") + struct.pack("!i", len(said)) + said

    def final(self, challenge):
        asked = dict(part.split("=", 1) for part in challenge.decode().split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(asked["s"]), int(asked["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={asked['r']}"
        everything = f"{self.bare},{challenge.decode()},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), everything, "sha256")
        proof = base64.b64encode(bytes(one ^ other for one, other in zip(key, signature, strict=True)))
        return f"{without_proof},p=".encode() + proof


class Backend:
    """`status` is that of the last ReadyForQuery: I idle, T in a transaction, E in a failed one."""

    def __init__(self, stream):
        self.stream, self.status, self.pid, self.secret, self.parameters = stream, "I", 0, 0, {}
        self.on_notice = lambda body: None

    @classmethod
    async def connect(cls, address, user=None, password=None, database=None, settings=None):
        self = cls(Stream(*await address.dial()))
        user = address.user if user is None else user
        words = {"user": user, "database": database or address.database, "client_encoding": "UTF8", **(settings or {})}
        body = b"".join(wire.text(key) + wire.text(value) for key, value in words.items()) + b"\0"
        self.stream.write(struct.pack("!ii", len(body) + 8, wire.PROTOCOL_3) + body)
        try:
            await self.log_in(user, address.password if password is None else password)
        except BaseException:
            self.stream.close()
            raise
        return self

    async def log_in(self, user, password):
        scram = Scram(password)
        while True:
            kind, body = await self.stream.read()
            if kind == b"E":
                raise wire.parse_error(body)
            if kind == b"R":
                self.authenticate(struct.unpack_from("!i", body)[0], body[4:], user, password, scram)
            elif kind == b"S":
                self.note_parameter(body)
            elif kind == b"K":
                self.pid, self.secret = struct.unpack("!ii", body)
            elif kind == b"Z":
                return

    def authenticate(self, method, data, user, password, scram):
        if method == 3:
            self.stream.write(wire.message(b"p", wire.text(password)))
        elif method == 5:
            inner = hashlib.md5((password + user).encode()).hexdigest().encode()
            self.stream.write(wire.message(b"p", wire.text("md5" + hashlib.md5(inner + data).hexdigest())))
        elif method == 10:
            self.stream.write(wire.message(b"p", scram.first()))
        elif method == 11:
            self.stream.write(wire.message(b"p", scram.final(data)))
        elif method not in (0, 12):
            raise Failure("28000", f"PostgreSQL asks for a way to log in that the stand-in does not know ({method})", fatal=True)

    def note_parameter(self, body):
        name, value = body.split(b"\0")[:2]
        self.parameters[name.decode()] = value.decode()

    async def read(self):
        """The next message that is about a statement; notices and parameters are dealt with here."""
        while True:
            kind, body = await self.stream.read()
            if kind == b"N":
                self.on_notice(body)
            elif kind == b"S":
                self.note_parameter(body)
            elif kind == b"Z":
                self.status = body.decode()
                return kind, body
            else:
                return kind, body

    async def query(self, sql, on_row=None, on_columns=None):
        """Runs one statement by the simple protocol; raises what PostgreSQL says of it. Rows are kept, or handed on."""
        self.stream.write(wire.message(b"Q", wire.text(sql)))
        await self.stream.flush()
        result, failure = Result(), None
        while True:
            kind, body = await self.read()
            if kind == b"T":
                result.columns = wire.parse_row_description(body)
                if on_columns:
                    on_columns(result.columns)
            elif kind == b"D":
                await on_row(body) if on_row else result.rows.append(wire.parse_data_row(body))
            elif kind == b"C":
                result.tag = body[:-1].decode()
            elif kind == b"E":
                failure = wire.parse_error(body)
                if failure.fatal:
                    raise failure
            elif kind == b"G":
                self.stream.write(wire.message(b"f", wire.text("the stand-in has no rows for it")))
            elif kind == b"Z":
                if failure:
                    raise failure
                return result

    async def copy_in(self, sql, pieces):
        """COPY ... FROM STDIN with these bytes; returns its tag. What PostgreSQL says of a row is raised."""
        self.stream.write(wire.message(b"Q", wire.text(sql)))
        kind, body = await self.read()
        if kind == b"G":
            try:
                async for piece in pieces:
                    self.stream.write(wire.message(b"d", piece))
                    await self.stream.flush()
                self.stream.write(wire.message(b"c"))
            except BaseException:
                self.stream.write(wire.message(b"f", wire.text("the stand-in gave up")))
                await self.end()
                raise
            kind, body = await self.read()
        await self.end()
        if kind == b"E":
            raise wire.parse_error(body)
        return body[:-1].decode()

    async def end(self):
        """Up to the next ReadyForQuery."""
        while (await self.read())[0] != b"Z":
            pass

    async def cancel(self, address):
        """Asks PostgreSQL to cancel what this session runs."""
        with contextlib.suppress(OSError, ConnectionError):
            stream = Stream(*await address.dial())
            stream.write(struct.pack("!iiii", 16, wire.CANCEL_REQUEST, self.pid, self.secret))
            await stream.writer.drain()
            await stream.reader.read()
            stream.close()

    def close(self):
        with contextlib.suppress(OSError, RuntimeError):
            self.stream.write(wire.message(b"X"))
            self.stream.close()
