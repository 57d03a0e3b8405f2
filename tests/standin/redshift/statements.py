"""Prepared statements and portals (the extended protocol), and a statement's text as it may be shown."""
import dataclasses
import itertools
import struct

from . import wire
from .tokens import COMMENT, QUOTED, SPACE, STRING, WORD, Reader, fold, split, tokenize
from .translate import Rows, translate, translate_columns
from .wire import Failure

SECRETS = {"access_key_id", "secret_access_key", "session_token", "credentials", "password", "master_symmetric_key"}


def words_of(tokens):
    return {fold(token.value) for token in tokens if token.kind in (WORD, QUOTED)}


def masked(tokens):
    """The statement without comments and without secrets: ACCESS_KEY_ID ''."""
    out, is_secret = [], False
    for token in tokens:
        if token.kind == STRING and is_secret:
            out.append("''")
        elif token.kind != COMMENT:
            out.append(token.text if token.kind != SPACE else " ")
        if token.kind not in (SPACE, COMMENT) and not token.is_word("as"):
            is_secret = token.kind == WORD and token.value in SECRETS
    return "".join(out).strip()


@dataclasses.dataclass
class Statement:
    tokens: list
    plan: object = None
    name: str = ""  # PostgreSQL's, of a plain one
    parameters: bytes = b"\0\0"  # ParameterDescription
    columns: list | None = None


@dataclasses.dataclass
class Portal:
    statement: Statement
    values: bytes  # Bind, after the names


class Prepared:
    """Keeps what Parse and Bind made. A plain statement is prepared in PostgreSQL; any other is planned again when it is executed."""

    def __init__(self, session):
        self.session, self.statements, self.portals = session, {}, {}
        self.numbers, self.is_skipping = itertools.count(1), False

    async def handle(self, kind, body):
        if kind == b"S":
            self.is_skipping = False
            await self.session.send(wire.ready(self.session.backend.status))
            return
        if self.is_skipping or kind == b"H":
            return
        work = {b"P": self.parse, b"B": self.bind, b"D": self.describe, b"E": self.execute, b"C": self.close}.get(kind)
        try:
            if work is None:
                raise Failure("08P01", f"invalid frontend message type {kind!r}", fatal=True)
            await work(body)
        except Failure as failure:
            self.is_skipping = True
            await self.session.fail(translate(failure, self.session.names))

    async def parse(self, body):
        name, _, rest = body.partition(b"\0")
        sql, _, types = rest.partition(b"\0")
        parts = list(split(tokenize(sql.decode())))
        if len(parts) > 1:
            raise Failure("42601", "cannot insert multiple commands into a prepared statement")
        statement = Statement(parts[0] if parts else [])
        session = self.session
        if session.backend.status == "E" and not Reader(statement.tokens).peek().is_word("commit", "end", "rollback", "abort"):
            raise Failure("25P02", "current transaction is aborted, commands ignored until end of transaction block")
        if parts:
            statement.plan = session.planner.plan(statement.tokens)
            await session.save_names()
            await session.look_up(words_of(statement.tokens))
        if statement.plan and statement.plan.is_plain:
            if session.backend.status == "T":
                await session.lock(statement.plan)  # to prepare it takes a snapshot
            await self.prepare(statement, types)
        await self.forget(name.decode())
        self.statements[name.decode()] = statement
        await session.send(wire.message(b"1"))

    async def prepare(self, statement, types):
        backend = self.session.backend
        statement.name = f"standin_{next(self.numbers)}"
        backend.stream.write(wire.message(b"P", wire.text(statement.name) + wire.text(statement.plan.sql[0]) + types)
                             + wire.message(b"D", b"S" + wire.text(statement.name)) + wire.message(b"S"))
        async for kind, body in self.until_ready():
            if kind == b"t":
                statement.parameters = body
            elif kind == b"T":
                statement.columns = wire.parse_row_description(body)

    async def until_ready(self):
        """PostgreSQL's messages up to ReadyForQuery; an error is raised there."""
        failure = None
        await self.session.backend.stream.flush()
        while True:
            kind, body = await self.session.backend.read()
            if kind == b"E":
                failure = wire.parse_error(body)
            elif kind == b"Z":
                break
            else:
                yield kind, body
        if failure:
            raise failure

    async def bind(self, body):
        portal, _, rest = body.partition(b"\0")
        name, _, values = rest.partition(b"\0")
        self.portals[portal.decode()] = Portal(self.find(name.decode()), values)
        await self.session.send(wire.message(b"2"))

    def find(self, name):
        if name not in self.statements:
            raise Failure("26000", f'prepared statement "{name}" does not exist')
        return self.statements[name]

    async def describe(self, body):
        name = body[1:-1].decode()
        if body[:1] == b"S":
            statement = self.find(name)
            await self.session.send(wire.message(b"t", statement.parameters))
            formats = ()
        else:
            if name not in self.portals:
                raise Failure("34000", f'portal "{name}" does not exist')
            statement, formats = self.portals[name].statement, result_formats(self.portals[name].values)
        if statement.columns is None:
            await self.session.send(wire.message(b"n"))
            return
        columns = translate_columns(statement.columns, self.session.names)
        for i, column in enumerate(columns):
            column.binary = (formats[i] if len(formats) > 1 else formats[0]) if formats else 0
        await self.session.send(wire.row_description(columns))

    async def execute(self, body):
        name = body.partition(b"\0")[0].decode()
        if name not in self.portals:
            raise Failure("34000", f'portal "{name}" does not exist')
        portal = self.portals[name]
        if not portal.statement.tokens:
            await self.session.send(wire.message(b"I"))
        elif portal.statement.plan.is_plain:
            await self.session.run(portal.statement.tokens, execute=lambda: self.execute_plain(portal))
        else:
            await self.session.run(portal.statement.tokens)

    async def execute_plain(self, portal):
        """All rows go out, however few were asked for."""
        backend, tag = self.session.backend, ""
        rows = Rows(self.session, describe=False)
        if portal.statement.columns is not None:
            rows.on_columns(portal.statement.columns)
        backend.stream.write(wire.message(b"B", b"\0" + wire.text(portal.statement.name) + portal.values)
                             + wire.message(b"E", b"\0" + struct.pack("!i", 0)) + wire.message(b"S"))
        async for kind, body in self.until_ready():
            if kind == b"D":
                await rows.on_row(body)
            elif kind == b"C":
                tag = body[:-1].decode()
        await rows.flush()
        return tag.split()[0] if tag.startswith(("SELECT", "MERGE", "FETCH")) else tag

    async def close(self, body):
        name = body[1:-1].decode()
        if body[:1] == b"S":
            await self.forget(name)
        else:
            self.portals.pop(name, None)
        await self.session.send(wire.message(b"3"))

    async def forget(self, name):
        statement = self.statements.pop(name, None)
        if statement and statement.name:
            self.session.backend.stream.write(wire.message(b"C", b"S" + wire.text(statement.name)) + wire.message(b"S"))
            async for _ in self.until_ready():
                pass


def result_formats(values):
    """The last part of Bind: the formats that the columns of the result are wanted in."""
    at = 2 + 2 * struct.unpack_from("!h", values)[0]
    count, = struct.unpack_from("!h", values, at)
    at += 2
    for _ in range(count):
        length, = struct.unpack_from("!i", values, at)
        at += 4 + max(length, 0)
    count, = struct.unpack_from("!h", values, at)
    return struct.unpack_from(f"!{count}h", values, at + 2)
