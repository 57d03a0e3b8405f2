"""One client's session: what it says, how its transactions go, and what it is told."""
import asyncio
import contextlib
import ssl
import struct

from . import wire
from .backend import Backend
from .copy_run import copy
from .dialect import HOME, Names, literal
from .faults import OF_STATEMENTS
from .history import TABLES, Query, now
from .plan import BEGINS, ENDS, SETTINGS, Planner
from .statements import Prepared, masked, words_of
from .tokens import Reader, split, tokenize
from .translate import Rows, conflict, translate
from .wire import Failure, Gone

SETTINGS_OF_A_SESSION = {"default_transaction_isolation": "repeatable read", "DateStyle": "ISO, MDY", "TimeZone": "UTC", "standard_conforming_strings": "on",
                         "bytea_output": "hex", "extra_float_digits": "1", "IntervalStyle": "postgres"}
SHOWN = {"client_encoding": "UTF8", "server_encoding": "UNICODE", "integer_datetimes": "on", "padb_version": "1.0.436211", "padb_revision": "stand-in"}
LAST_COPY = {"pg_last_copy_count": "last_copy_count", "pg_last_copy_id": "last_copy_id", "pg_last_query_id": "last_query_id"}
DENIED_ON_SERVERLESS = ("stl_", "stv_", "svl_", "sys_transaction_history")
ABORTED = "current transaction is aborted, commands ignored until end of transaction block"


class Session:
    def __init__(self, server, stream):
        self.server, self.stream = server, stream
        self.backend, self.user, self.database = None, "", ""
        self.names, self.transaction = Names(), None
        self.planner = Planner(self.names, server.doubts)
        self.last = {"last_copy_count": 0, "last_copy_id": -1, "last_query_id": -1}
        self.cancelled, self.can_cancel = asyncio.Event(), True
        self.is_implicit = False  # several statements in one message are one transaction
        self.prepared = Prepared(self)
        self.sent, self.cut_after = 0, None
        self.doing, self.running = "", None

    # --- the way in ---------------------------------------------------------------------------------------------------

    async def serve(self):
        try:
            if await self.enter():
                await self.converse()
        except Gone:
            await self.vanish()
        except Failure as failure:
            with contextlib.suppress(Gone):
                failure.fatal = True
                await self.send(failure.encode())
        finally:
            self.leave()

    async def enter(self):
        code, body = await self.stream.read_startup()
        while code in (wire.SSL_REQUEST, wire.GSS_REQUEST):
            await self.answer_tls(code)
            code, body = await self.stream.read_startup()
        if code == wire.CANCEL_REQUEST:
            await self.server.cancel(*struct.unpack("!ii", body))
            return False
        if code != wire.PROTOCOL_3:
            raise Failure("0A000", f"unsupported frontend protocol {code >> 16}.{code & 0xFFFF}")
        refusal = self.server.faults.due({"refuse"})
        if refusal:
            raise Failure("57P03", refusal.text)
        words = body.rstrip(b"\0").split(b"\0")
        await self.log_in(dict(zip((word.decode() for word in words[::2]), (word.decode() for word in words[1::2]), strict=False)))
        return True

    async def answer_tls(self, code):
        if code == wire.GSS_REQUEST or self.server.tls is None:
            await self.send(b"N")
            return
        await self.send(b"S")
        try:
            await self.stream.writer.start_tls(self.server.tls)
        except (ssl.SSLError, OSError, asyncio.IncompleteReadError) as error:
            raise Gone() from error

    async def log_in(self, parameters):
        self.user = parameters.get("user", "")
        self.database = parameters.get("database") or self.user
        await self.send(wire.message(b"R", struct.pack("!i", 3)))
        kind, body = await self.stream.read()
        if kind != b"p":
            raise Failure("08P01", "expected a password")
        password = body.rstrip(b"\0").decode()
        limits = {name: f"{seconds * 1000:.0f}" for name, seconds in self.server.idle_s.items()}
        self.backend = await Backend.connect(self.server.address, self.user, password, self.database, {**SETTINGS_OF_A_SESSION, **limits})
        self.backend.on_notice = self.on_notice
        self.names.long.update(await self.server.ensure_catalog(self.database))
        await self.backend.query(f"SET {HOME}.isolation TO {literal(self.server.isolation)}")
        await self.take_options(parameters)
        self.server.sessions.add(self)
        cut = self.server.faults.due({"cut_bytes"}, user=self.user)
        self.cut_after = cut.bytes if cut else None
        shown = {"server_version": self.server.version, **SHOWN, "DateStyle": "ISO, MDY", "TimeZone": "UTC", "session_authorization": self.user,
                 "is_superuser": self.backend.parameters.get("is_superuser", "off")}
        await self.send(wire.message(b"R", struct.pack("!i", 0)) + b"".join(wire.parameter_status(*pair) for pair in shown.items())
                        + wire.message(b"K", struct.pack("!ii", self.backend.pid, self.backend.secret)) + wire.ready("I"))

    async def take_options(self, parameters):
        """-c name=value of the start, and application_name."""
        options = parameters.get("options", "").replace("-c ", "-c").split()
        pairs = [option[2:].partition("=")[::2] for option in options if option.startswith("-c")]
        if "application_name" in parameters:
            pairs.append(("application_name", parameters["application_name"]))
        for name, value in pairs:
            if SETTINGS.get(name.lower()) is None:
                raise Failure("42704", f'unrecognized configuration parameter "{name}"')
            await self.backend.query(f"SELECT set_config({literal(name)}, {literal(value)}, false)")

    # --- the way out --------------------------------------------------------------------------------------------------

    async def vanish(self):
        """The client is gone without a word. As a zombie, its transaction and its locks stay for a while."""
        self.server.log(f"{self.user}: the client is gone")
        fault = self.server.faults.due({"zombie"}, user=self.user) if self.backend and self.backend.status == "T" else None
        if fault:
            self.doing = "zombie"
            await self.server.sleep(fault.seconds or 3600, self.cancelled)

    def leave(self):
        self.server.sessions.discard(self)
        self.end_transaction(False)
        if self.backend:
            self.backend.close()
        self.stream.close()

    def on_notice(self, body):
        if HOME not in wire.parse_fields(body).get("M", ""):
            self.stream.write(wire.message(b"N", body))

    async def send(self, data):
        if self.cut_after is not None and self.sent + len(data) > self.cut_after:
            self.stream.write(data[:max(self.cut_after - self.sent, 0)])
            with contextlib.suppress(Gone):
                await self.stream.flush()
            self.cut()
        self.sent += len(data)
        self.stream.write(data)
        await self.stream.flush()

    def cut(self):
        self.stream.reset()
        raise Gone()

    async def converse(self):
        while True:
            kind, body = await self.stream.read()
            if kind == b"X":
                return
            if kind == b"Q":
                await self.simple(body[:-1].decode(errors="surrogateescape"))
            elif kind in (b"d", b"c", b"f"):
                pass  # what is left of a COPY that was refused
            else:
                await self.prepared.handle(kind, body)

    # --- statements ---------------------------------------------------------------------------------------------------

    async def simple(self, sql):
        """One message: its statements one after the other, several of them as one transaction."""
        try:
            if len(sql.encode(errors="surrogateescape")) > wire.STATEMENT_BYTES_MAX:
                raise Failure("54000", "Statement is too large. Maximum statement size is 16 MB")
            if any(0xD800 <= ord(letter) <= 0xDFFF for letter in sql):
                raise Failure("22021", "invalid byte sequence for encoding \"UTF8\"")
            statements = list(split(tokenize(sql)))
            if not statements:
                await self.send(wire.message(b"I"))
            for tokens in statements:
                await self.run(tokens, len(statements) > 1)
            if self.is_implicit:
                await self.commit()
        except Failure as failure:
            await self.fail(failure)
        self.is_implicit = False
        await self.send(wire.ready(self.backend.status))

    async def fail(self, failure):
        """Tells the client, and fails the transaction as PostgreSQL does."""
        if failure.fatal:
            raise failure
        if self.is_implicit and self.backend.status != "I":
            await self.rollback()
        elif self.backend.status == "T":
            with contextlib.suppress(Failure):
                await self.backend.query("the stand-in has refused a statement of this transaction")
        if self.backend.status == "E":
            self.end_transaction(False)
        await self.send(failure.encode())

    async def run(self, tokens, is_one_of_many=False, execute=None):
        """Runs one statement and answers it up to CommandComplete; `execute` does it in another protocol."""
        started, query_id, text = now(), self.server.next_query_id(), masked(tokens)
        verb = Reader(tokens).peek().text.upper()
        self.doing, self.cancelled = text, asyncio.Event()
        self.running = Query(self.user, query_id, self.backend.pid, verb, text[:4000], started, None, "running", 0, None, self.database, 0)
        self.server.log(f"{self.user} {self.backend.pid}: {text}")
        status, said, rows = "success", None, 0
        try:
            rows = await self.run_planned(tokens, is_one_of_many, execute, query_id, text)
        except Failure as failure:
            failure = failure if failure.fatal else translate(failure, self.names, query_id)
            status, said = "failed", failure.message
            raise failure from None
        finally:
            self.doing, self.running = "", None
            self.last["last_query_id"] = query_id
            self.server.history.add(self.database, Query(self.user, query_id, self.backend.pid, verb, text[:4000], started, now(), status, rows or 0, said,
                                                         self.database, self.transaction.number if self.transaction else 0))

    async def run_planned(self, tokens, is_one_of_many, execute, query_id, text):
        verb = Reader(tokens).peek().value
        if self.backend.status == "E" and verb not in ENDS:
            raise Failure("25P02", ABORTED)
        await self.meet_fault(verb, text, "before")
        plan = self.planner.plan(tokens)
        await self.look_up(words_of(tokens))
        await self.save_names()
        if plan.command:
            await self.run_command(plan, is_one_of_many)
            await self.meet_fault(verb, text, "after")
            return 0
        in_block = self.backend.status == "T"
        if plan.alone and (in_block or is_one_of_many):
            raise Failure("25001", f"{plan.alone} cannot run inside a transaction block")
        wraps = not in_block and not plan.alone and (is_one_of_many or self.must_wrap(plan))
        if wraps:
            await self.backend.query("BEGIN")
            self.is_implicit = is_one_of_many
        try:
            tag = await self.run_inside(plan, execute, query_id)
            if plan.commits or (wraps and not is_one_of_many):
                await self.commit()
        except Failure:
            if wraps and not is_one_of_many:
                await self.rollback()
            raise
        await self.meet_fault(verb, text, "after")
        if plan.setting:
            self.take_setting(*plan.setting)
        await self.send(wire.command_complete(tag))
        return int(tag.split()[-1]) if tag.split()[-1].isdigit() else 0

    def must_wrap(self, plan):
        return len(plan.sql) > 1 or plan.copy is not None or bool(plan.changes or plan.adds) or plan.commits \
            or (self.is_serializable() and plan.takes_snapshot)

    def is_serializable(self):
        return self.server.isolation == "serializable"

    def take_setting(self, name, value):
        if name == "enable_case_sensitive_identifier":
            self.planner.is_case_sensitive = value.lower() in ("on", "true", "1", "yes")

    async def run_inside(self, plan, execute, query_id):
        """In the client's transaction, or in one of its own; returns the tag."""
        await self.lock(plan)
        if plan.copy:
            tag = await self.run_copy(plan, query_id)
        elif execute:
            tag = await execute()
        else:
            tag = await self.run_statements(plan)
        if self.is_serializable() and plan.takes_snapshot and self.backend.status == "T":
            await self.look_for_conflict(plan)
        return tag

    async def run_statements(self, plan):
        tag = ""
        for number, sql in enumerate(plan.sql):
            if number == plan.answer:
                rows = Rows(self)
                result = await self.backend.query(sql, rows.on_row, rows.on_columns)
                tag = result.tag
                await rows.flush()
            else:
                await self.backend.query(sql)
        tag = plan.tag or tag
        return tag.split()[0] if tag.startswith(("SELECT", "MERGE", "FETCH")) else tag

    async def run_copy(self, plan, query_id):
        self.last["last_copy_count"], self.last["last_copy_id"] = 0, query_id
        rows = await copy(self, plan, query_id)
        self.last["last_copy_count"] = rows
        await self.send(wire.notice(f"Load into table '{plan.copy.table[-1]}' completed, {rows} record(s) loaded successfully."))
        return "COPY"

    async def look_up(self, words):
        """What a statement is about to read is brought up to date, or denied."""
        asked = words & set(TABLES) | {word for word in words if word.startswith(DENIED_ON_SERVERLESS)}
        for view in sorted(asked):
            is_admin = self.backend.parameters.get("is_superuser") == "on"
            if view in self.server.denied or (self.server.edition == "serverless" and view.startswith(DENIED_ON_SERVERLESS) and not is_admin):
                raise Failure("42501", f"permission denied for relation {view}")
        if asked:
            if self.server.views_delay_s:
                await self.server.sleep(self.server.views_delay_s, self.cancelled)
            await self.server.write_history(self.database, asked)
        for word in words & set(LAST_COPY):
            await self.backend.query(f"SET {HOME}.{LAST_COPY[word]} TO '{self.last[LAST_COPY[word]]}'")

    async def save_names(self):
        unsaved, self.names.unsaved = self.names.unsaved, {}
        if unsaved:
            await self.server.save_names(self.database, unsaved)

    # --- transactions -------------------------------------------------------------------------------------------------

    async def run_command(self, plan, is_one_of_many):
        """BEGIN, COMMIT, ROLLBACK."""
        if plan.command == "begin":
            if self.is_implicit:
                self.is_implicit = False  # now it is the client's
            result = await self.backend.query(plan.sql[0])
        elif plan.command == "commit":
            was_open = self.backend.status == "T"
            fault = self.server.faults.due({"lose_commit"}, "commit", "", self.user) if was_open else None
            if fault and fault.done == "no":
                self.cut()
            result = await self.backend.query("COMMIT")
            self.end_transaction(was_open)
            if fault:
                self.cut()
        else:
            result = await self.backend.query("ROLLBACK")
            self.end_transaction(False)
        if plan.command != "begin" and is_one_of_many:
            self.is_implicit = False
        await self.send(wire.command_complete(result.tag))

    async def commit(self):
        was_open = self.backend.status == "T"
        await self.backend.query("COMMIT")
        self.end_transaction(was_open)

    async def rollback(self):
        await self.backend.query("ROLLBACK")
        self.end_transaction(False)

    def end_transaction(self, is_committed):
        if self.transaction:
            self.server.conflicts.end(self.transaction, is_committed)
            self.transaction = None

    async def take_snapshot(self):
        """A transaction sees what is committed now, from now on."""
        if self.is_serializable() and self.transaction is None:
            self.transaction = self.server.conflicts.begin(self.backend.pid)
        await self.backend.query("SELECT 1")

    async def lock(self, plan):
        """Writers of one table wait for each other. Under snapshot isolation an UPDATE that is the first statement sees what it
        waited for; an INSERT or COPY has its snapshot from before."""
        if self.is_serializable() and plan.takes_snapshot and self.backend.status == "T":
            await self.take_snapshot()
        for table in plan.changes:
            await self.backend.query(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        for table in plan.adds:
            await self.lock_to_add(table)

    async def lock_to_add(self, table):
        """Who may only INSERT may not take the stronger lock, and does not wait. To ask for that is what takes the snapshot."""
        may = f"SELECT has_table_privilege({literal(table)}, 'UPDATE, DELETE, TRUNCATE') FROM pg_catalog.pg_class WHERE oid = to_regclass({literal(table)})"
        allowed = (await self.backend.query(may)).values()
        if allowed and allowed[0][0] == "t":
            await self.backend.query(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

    async def look_for_conflict(self, plan):
        """Which tables this transaction has read and written so far: PostgreSQL's locks tell."""
        rows = (await self.backend.query(
            "SELECT l.relation, l.mode FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n "
            "ON n.oid = c.relnamespace WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.database <> 0 AND c.relkind = 'r' AND c.relpersistence <> 't' "
            f"AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT LIKE '{HOME}%' AND n.nspname <> 'information_schema'")).values()
        reads = {int(oid) for oid, mode in rows if mode == "AccessShareLock"}
        writes = {int(oid) for oid, mode in rows if mode == "RowExclusiveLock"}
        for table in plan.changes:
            reads.add(int((await self.backend.query(f"SELECT {literal(table)}::regclass::oid")).value()))
        cycle = self.server.conflicts.touch(self.transaction, reads, writes) if self.transaction else None
        if cycle:
            raise conflict(min(writes), [one.number for one in cycle], self.backend.pid)

    # --- trouble ------------------------------------------------------------------------------------------------------

    async def meet_fault(self, verb, text, when):
        verb = "begin" if verb in BEGINS else "commit" if verb == "end" else verb
        fault = self.next_fault(verb, text, when)
        if fault is None:
            return
        self.server.log(f"{self.user} {self.backend.pid}: fault {fault.kind}")
        if fault.kind == "cut":
            self.cut()
        if fault.kind in ("hang", "slow"):
            await self.hang(fault)
        elif fault.kind == "conflict":
            raise conflict(100167, [5001, 5002], self.backend.pid)
        elif fault.kind == "error":
            raise Failure(fault.sqlstate, fault.text)

    def next_fault(self, verb, text, when):
        for fault in self.server.faults.all:
            if fault.kind in OF_STATEMENTS and fault.when == when and fault.matches(verb, text, self.user) and fault.is_due():
                return fault
        return None

    async def hang(self, fault):
        """Silence, until its time is over, the fault is removed, or it is cancelled."""
        self.can_cancel = fault.cancel != "no"
        seconds = fault.seconds if fault.seconds is not None else 1 if fault.kind == "slow" else 86400
        end = asyncio.ensure_future(self.backend.read())  # nothing was asked: what comes is the session's end
        try:
            await self.server.sleep(seconds, self.cancelled, lambda: fault in self.server.faults.all and not end.done())
        finally:
            self.can_cancel = True
            end.cancel()
            await asyncio.wait({end})
        if not end.cancelled():
            raise wire.parse_error(end.result()[1])
        self.check_cancel()

    def check_cancel(self):
        if self.cancelled.is_set():
            raise Failure("57014", f"Query ({self.server.query_id}) cancelled on user's request")

    async def cancellable(self, work):
        """The result of `work`, unless it is cancelled before."""
        task, stop = asyncio.ensure_future(work), asyncio.ensure_future(self.cancelled.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not task.done():
            task.cancel()
            self.check_cancel()
        return await task

    async def cancel(self):
        if self.can_cancel:
            self.cancelled.set()
            await self.backend.cancel(self.server.address)
