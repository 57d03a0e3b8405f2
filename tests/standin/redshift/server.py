"""The stand-in as a whole: who listens, what all sessions share, and the port that controls it."""
import asyncio
import contextlib
import json
import pathlib
import sys
import traceback

from .backend import Backend
from .conflicts import Conflicts
from .dialect import HOME, literal
from .faults import Faults
from .history import History
from .session import Session
from .wire import Failure, Gone, Stream

CATALOG = pathlib.Path(__file__).with_name("catalog.sql")
CATALOG_LOCK = 8002  # any number: of two that install it, one does
TICK_S = 0.05  # how soon a fault that was removed lets go
HTTP_BYTES_MAX = 65536
SAID_MAX = 1000


class Server:
    """`options`: as parsed in __main__.py."""

    def __init__(self, options, address, store, doubts, tls):
        self.address, self.store, self.doubts, self.tls = address, store, doubts, tls
        self.isolation, self.edition, self.version = options.isolation, options.edition, options.server_version
        self.denied, self.views_delay_s, self.is_verbose = set(options.deny), options.views_delay, options.verbose
        self.idle_s = {"idle_session_timeout": options.idle_session, "idle_in_transaction_session_timeout": options.idle_transaction}
        self.faults, self.history, self.conflicts = Faults(options.fault), History(), Conflicts()
        self.sessions, self.query_id, self.said = set(), 1000, []

    async def listen(self, host, port, control_port):
        sql = await asyncio.start_server(self.accept, host, port)
        control = await asyncio.start_server(self.control, host, control_port) if control_port is not None else None
        return sql, control

    async def accept(self, reader, writer):
        session = Session(self, Stream(reader, writer))
        try:
            await session.serve()
        except (ConnectionError, OSError) as error:
            self.log(f"a connection ended: {error}")
        except Exception:  # the stand-in's own fault: said, whoever listens
            traceback.print_exc()

    def log(self, said):
        self.said = [*self.said[-SAID_MAX:], said]
        if self.is_verbose:
            print(said, file=sys.stderr, flush=True)

    def next_query_id(self):
        self.query_id += 1
        return self.query_id

    async def sleep(self, seconds, until, goes_on=lambda: True):
        """So many seconds, or until the event is set, or `goes_on()` says no."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not until.is_set() and goes_on() and (left := deadline - asyncio.get_running_loop().time()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(until.wait(), min(left, TICK_S))

    async def cancel(self, pid, secret):
        for session in list(self.sessions):
            if session.backend and (session.backend.pid, session.backend.secret) == (pid, secret):
                await session.cancel()

    # --- the catalog of each database ---------------------------------------------------------------------------------

    async def ensure_catalog(self, database):
        """Installs it where it is missing; returns the long names that are known there."""
        missing = f"SELECT to_regnamespace('{HOME}') IS NULL"
        if (await self.ask(database, [missing])).value() == "t":
            install = f"SELECT pg_advisory_xact_lock({CATALOG_LOCK})"
            async with self.admin(database) as admin:
                await admin.query("BEGIN")
                await admin.query(install)
                if (await admin.query(missing)).value() == "t":
                    await admin.query(CATALOG.read_text())
                await admin.query("COMMIT")
        return dict((await self.ask(database, [f"SELECT short, long FROM {HOME}.long_names"])).values())

    @contextlib.asynccontextmanager
    async def admin(self, database):
        """The administrator, for a moment: who stays connected keeps a database from being dropped."""
        admin = await Backend.connect(self.address, database=database, settings={"standard_conforming_strings": "on"})
        try:
            yield admin
        finally:
            admin.close()

    async def ask(self, database, statements):
        """Outside of any client's transaction; the result of the last."""
        async with self.admin(database) as admin:
            for sql in statements:
                result = await admin.query(sql)
            return result

    async def save_names(self, database, names):
        await self.ask(database, [f"INSERT INTO {HOME}.long_names VALUES ({literal(short)}, {literal(name)}) ON CONFLICT DO NOTHING" for short, name in names.items()])

    async def write_history(self, database, views):
        running = [session.running for session in self.sessions if session.running and session.database == database]
        statements = list(self.history.take(database, views, running))
        if statements:
            await self.ask(database, statements)

    # --- control ------------------------------------------------------------------------------------------------------

    async def control(self, reader, writer):
        """One HTTP request, one answer in JSON."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, path = head.split()[:2]
            length = next((int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length:")), 0)
            body = (await reader.readexactly(min(length, HTTP_BYTES_MAX))).decode()
            status, answer = self.answer(method, path.strip("/").split("/"), body)
            data = json.dumps(answer, indent=1).encode() + b"\n"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data)
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError) as error:
            self.log(f"control: {error}")
        finally:
            writer.close()

    def answer(self, method, path, body):
        if path == ["faults"] and method == "POST":
            try:
                return "200 OK", [vars(self.faults.add(line)) for line in body.splitlines() if line.strip()]
            except ValueError as error:
                return "400 Bad Request", {"error": str(error)}
        if path[0] == "faults" and method == "DELETE":
            self.faults.remove(int(path[1]) if len(path) > 1 else None)
        elif path[0] == "sessions" and len(path) == 2 and method == "DELETE":
            self.end_session(int(path[1]))
        elif path == ["expired"] and method == "PUT":
            self.store.expired.add(body.strip())
            return "200 OK", len(self.store.expired)
        elif path == ["isolation"] and method == "PUT":
            self.isolation = "serializable" if body.strip().lower() == "serializable" else "snapshot"
            return "200 OK", self.isolation
        if path[0] == "faults":
            return "200 OK", [vars(fault) for fault in self.faults.all]
        if path[0] == "sessions":
            return "200 OK", [{"pid": session.backend.pid, "user": session.user, "database": session.database, "status": session.backend.status,
                               "doing": session.doing} for session in self.sessions if session.backend]
        if path == ["log"]:
            return "200 OK", self.said
        return "404 Not Found", {"error": "there are /faults, /sessions, /log, /isolation and /expired"}

    def end_session(self, pid):
        """As pg_terminate_backend does: its transaction is rolled back, its client cut off."""
        for session in list(self.sessions):
            if session.backend.pid == pid:
                session.cancelled.set()
                session.backend.stream.reset()
                session.stream.reset()


async def serve(options, address, store, doubts, tls):
    server = Server(options, address, store, doubts, tls)
    try:
        await server.ensure_catalog(address.database)
    except (OSError, Failure, Gone) as error:
        sys.exit(f"redshift stand-in: PostgreSQL at {address.host}:{address.port}: {error or 'is gone'}")
    sql, control = await server.listen(options.host, options.port, options.control_port)
    ports = {"port": sql.sockets[0].getsockname()[1], "control": control.sockets[0].getsockname()[1] if control else None}
    print(json.dumps(ports), flush=True)
    async with sql:
        await sql.serve_forever()
