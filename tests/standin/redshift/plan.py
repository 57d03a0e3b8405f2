"""One statement of a client's: what kind it is, what PostgreSQL is told, and by which rules of transactions it runs."""
import dataclasses

from . import copy_command, ddl
from .dialect import HOME, Rewriter, literal, quote, syntax, unsupported
from .tokens import Reader
from .wire import Failure

BEGINS = ("begin", "start")
ENDS = ("commit", "end", "rollback", "abort")
NOT_SUPPORTED = {"savepoint", "release", "listen", "notify", "unlisten", "do", "cluster", "checkpoint", "load", "reindex", "security", "reassign", "discard"}
NO_CREATE = {"index", "type", "domain", "sequence", "trigger", "rule", "extension", "cast", "aggregate", "operator", "conversion", "role", "tablespace",
             "publication", "subscription", "policy", "server", "foreign", "collation", "statistics", "event", "access", "transform", "language", "unlogged"}
SETTINGS = {  # what SET takes; the value says where it goes: PostgreSQL's own, or one that PostgreSQL does not know
    "search_path": True, "statement_timeout": True, "datestyle": True, "timezone": True, "client_encoding": True, "extra_float_digits": True,
    "session_authorization": True, "application_name": True, "intervalstyle": True, "client_min_messages": True,
    "query_group": False, "wlm_query_slot_count": False, "enable_result_cache_for_session": False, "enable_case_sensitive_identifier": False,
    "json_serialization_enable": False, "json_serialization_parse_nested_strings": False, "analyze_threshold_percent": False,
    "describe_field_name_in_uppercase": False, "downcase_delimited_identifier": False, "use_fips_ssl": False, "stored_proc_log_min_messages": False,
    "default_geometry_encoding": False, "mv_enable_aqmv_for_session": False, "error_on_nondeterministic_update": False, "max_cursor_result_set_size": False,
}
PRESETS = {"enable_case_sensitive_identifier": "off", "wlm_query_slot_count": "1", "enable_result_cache_for_session": "on", "query_group": "unset",
           "error_on_nondeterministic_update": "off"}


@dataclasses.dataclass
class Plan:
    verb: str
    sql: list  # PostgreSQL's statements; the last one with rows or a tag is the answer
    answer: int = 0  # which of them the client sees
    tag: str | None = None  # in the place of PostgreSQL's
    alone: str | None = None  # how the error calls what may not run in a transaction block
    changes: tuple = ()  # the tables of UPDATE, DELETE, MERGE: quoted
    adds: tuple = ()  # the tables of INSERT and COPY
    takes_snapshot: bool = True
    commits: bool = False  # TRUNCATE
    copy: object = None
    command: str = ""  # begin, commit, rollback
    setting: tuple = ()  # (name, value or None) of what PostgreSQL does not know
    is_plain: bool = False  # one statement of PostgreSQL's that may be prepared


class Planner:
    def __init__(self, names, doubts):
        self.names, self.doubts, self.is_case_sensitive = names, doubts, False

    def rewriter(self, writes_table=False):
        return Rewriter(self.names, self.doubts, self.is_case_sensitive, writes_table)

    def plan(self, tokens):
        reader = Reader(tokens, self.is_case_sensitive)
        first = reader.next()
        verb = first.value if first.kind == "word" else first.text
        special = getattr(self, f"plan_{verb}", None)  # those that are no statement are called the other way round
        if verb in NOT_SUPPORTED:
            raise unsupported(f'SQL command "{verb.upper()}" not supported')
        if special is None:
            return self.other_plan(verb, tokens, reader)
        return special(tokens, reader)

    def plain(self, verb, tokens, writes_table=False, **more):
        return Plan(verb, [self.rewriter(writes_table).rewrite(tokens)], is_plain=True, **more)

    def table(self, names):
        return ddl.qualified(names, self.rewriter())

    # --- reading ------------------------------------------------------------------------------------------------------

    def other_plan(self, verb, tokens, reader):
        if verb == "(":
            return self.plan_select(tokens, reader)
        if verb in ("vacuum", "analyze", "analyse"):
            return self.maintain_plan(verb, reader)
        if verb in ("grant", "revoke", "comment", "explain", "declare", "fetch", "move", "close", "prepare", "execute", "deallocate", "drop", "call"):
            return self.plain(verb, tokens)
        raise syntax(next(token for token in reader.tokens))

    def plan_select(self, tokens, reader):
        depth = 0
        self.check_values(reader.tokens)
        for at, token in enumerate(reader.tokens):
            depth += token.is_operator("(") - token.is_operator(")")
            if depth == 0 and token.is_word("into"):
                return self.select_into_plan(tokens, reader, at + 1)
        return self.plain("select", tokens)

    def select_into_plan(self, tokens, reader, at):
        reader.at = at
        reader.accept_any("temp", "temporary")
        reader.accept("table")
        table = self.table(reader.names())
        return Plan("select", [self.rewriter(True).rewrite(tokens), ddl.Attributes().sql(table)], tag="SELECT")

    def plan_with(self, tokens, reader):
        depth = 0
        for before, token in zip(reader.tokens, reader.tokens[1:], strict=False):
            depth += token.is_operator("(") - token.is_operator(")")
            if before.is_operator("(") and token.is_word("insert", "update", "delete", "merge"):
                raise syntax(token)
            if depth == 0 and token.is_word("insert", "update", "delete", "merge") and before.is_operator(")"):
                raise syntax(token)
        self.check_values(reader.tokens)
        return self.plain("select", tokens)

    @staticmethod
    def check_values(tokens):
        """VALUES is part of INSERT, and no table."""
        for before, token in zip(tokens, tokens[1:], strict=False):
            if token.is_word("values") and before.is_operator("("):
                raise syntax(token)

    def plan_values(self, _tokens, reader):
        raise syntax(reader.tokens[0])

    def plan_table(self, _tokens, reader):
        raise syntax(reader.tokens[0])

    def plan_show(self, tokens, reader):
        name = reader.name()
        if name in ("tables", "schemas", "databases", "columns", "table", "view", "procedure", "datashares"):
            raise unsupported(f"the stand-in has no SHOW {name.upper()}")
        if SETTINGS.get(name) is False:
            return Plan("show", [f"SELECT coalesce(nullif(current_setting({literal(f'{HOME}.{name}')}, true), ''), {literal(PRESETS.get(name, ''))}) "
                                 f"AS {quote(name)}"], tag="SHOW", takes_snapshot=False)
        if name in ("transaction_isolation", "server_version", "is_superuser", "all", "max_identifier_length", "standard_conforming_strings") \
                or name in SETTINGS:
            return self.plain("show", tokens, takes_snapshot=False)
        if name == "transaction":
            return self.plain("show", tokens, takes_snapshot=False)
        raise Failure("42704", f'unrecognized configuration parameter "{name}"')

    # --- writing ------------------------------------------------------------------------------------------------------

    def plan_insert(self, tokens, reader):
        reader.expect("into")
        table = self.table(reader.names())
        if reader.peek().is_word("as"):
            raise reader.wrong()
        if reader.peek().is_operator("(") and not reader.peek(1).is_word("select", "with"):
            reader.name_list()
        if reader.peek().is_word("overriding"):
            raise reader.wrong()
        is_values = reader.peek().is_word("values")
        rest = reader.rest()
        self.check_clauses(rest)
        if is_values:
            self.check_rows(rest[1:])
        else:
            self.check_values(rest)
        return self.plain("insert", tokens, writes_table=True, adds=(table,))

    @staticmethod
    def check_rows(tokens):
        rows = [part.tokens for part in ddl.parts_of(tokens)]
        if len(rows) > 1 and any(token.is_word("select") for row in rows for token in row):
            raise unsupported("INSERT with multiple VALUES lists cannot hold a subquery")

    @staticmethod
    def check_clauses(tokens):
        """RETURNING and ON CONFLICT came after 8.0."""
        depth = 0
        for token, after in zip(tokens, [*tokens[1:], tokens[-1] if tokens else None], strict=False):
            depth += token.is_operator("(") - token.is_operator(")")
            if depth == 0 and token.is_word("returning"):
                raise syntax(token)
            if token.is_word("on") and after is not None and after.is_word("conflict"):
                raise syntax(token)

    @staticmethod
    def check_outer_join(tokens):
        depth = 0
        for token in tokens:
            depth += token.is_operator("(") - token.is_operator(")")
            if depth == 0 and token.is_word("left", "right", "full"):
                raise unsupported("Target table must be part of an equijoin predicate")

    def plan_update(self, tokens, reader):
        if reader.peek().is_word("only"):
            raise reader.wrong()
        table = self.table(reader.names())
        if reader.accept("as"):
            reader.name()
        elif not reader.peek().is_word("set"):
            reader.name()
        reader.expect("set")
        if reader.peek().is_operator("("):
            raise reader.wrong()
        rest = reader.rest()
        self.check_clauses(rest)
        self.check_outer_join(rest)
        self.check_values(rest)
        return self.plain("update", tokens, writes_table=True, changes=(table,))

    def plan_delete(self, tokens, reader):
        has_from = reader.accept("from")
        table = self.table(reader.names())
        if not reader.at_end() and not reader.peek().is_word("using", "where"):
            raise reader.wrong()
        rest = reader.rest()
        self.check_clauses(rest)
        self.check_outer_join(rest)
        self.check_values(rest)
        plan = self.plain("delete", tokens, writes_table=True, changes=(table,))
        if not has_from:
            plan.sql = [f"DELETE FROM {table} {self.rewriter(True).rewrite_spaced(rest)}"]
        return plan

    def plan_merge(self, tokens, reader):
        reader.expect("into")
        names = reader.names()
        target = self.table(names)
        if not reader.peek().is_word("using"):
            raise unsupported("MERGE does not support an alias of the target table") if reader.peek().is_name() else reader.wrong()
        reader.next()
        source = reader.at
        if reader.peek().is_operator("("):
            reader.group()
        elif self.table(reader.names()) == target:
            raise unsupported("the target table of MERGE cannot be its source")
        reader.accept("as")
        if not reader.peek().is_word("on"):
            reader.name()
        source = reader.tokens[source:reader.at]
        reader.expect("on")
        condition = []
        while not reader.at_end() and not reader.peek().is_word("when", "remove"):
            condition.append(reader.next())
        if reader.accept("remove", "duplicates"):
            return self.remove_duplicates(target, source, condition, reader)
        self.check_merge(reader)
        return self.plain("merge", tokens, writes_table=True, changes=(target,))

    def remove_duplicates(self, target, source, condition, reader):
        if not reader.at_end():
            raise reader.wrong()
        rewriter = self.rewriter(True)
        rows, when = rewriter.rewrite_spaced(source), rewriter.rewrite_spaced(condition)
        return Plan("merge", [f"DELETE FROM {target} USING {rows} WHERE {when}", f"INSERT INTO {target} SELECT DISTINCT * FROM {rows}"],
                    tag="MERGE", answer=1, changes=(target,))

    @staticmethod
    def check_merge(reader):
        """WHEN MATCHED THEN UPDATE or DELETE, and WHEN NOT MATCHED THEN INSERT: both, once, without further conditions."""
        reader.expect("when")
        reader.expect("matched")
        reader.expect("then")
        if not reader.peek().is_word("update", "delete"):
            raise reader.wrong()
        depth, found = 0, False
        while not reader.at_end():
            token = reader.next()
            depth += token.is_operator("(") - token.is_operator(")")
            if depth == 0 and token.is_word("when") and reader.peek().is_word("not", "matched"):
                if found or not reader.accept("not", "matched", "then"):
                    raise reader.wrong()
                if not reader.peek().is_word("insert"):
                    raise reader.wrong()
                found = True
        if not found:
            raise unsupported("MERGE statement with a single WHEN clause is not enabled.")

    def plan_copy(self, _tokens, reader):
        command = copy_command.read(reader, self.doubts)
        return Plan("copy", [], copy=command, adds=(self.table(command.table),), tag="COPY")

    def plan_truncate(self, _tokens, reader):
        reader.accept("table")
        table = self.table(reader.names())
        if not reader.at_end():
            raise reader.wrong()
        return Plan("truncate", [f"TRUNCATE TABLE {table}"], commits=True, tag="TRUNCATE TABLE")

    def plan_lock(self, _tokens, reader):
        reader.accept("table")
        tables = [self.table(reader.names())]
        while reader.accept_operator(","):
            tables.append(self.table(reader.names()))
        if not reader.at_end():
            raise reader.wrong()
        return Plan("lock", [f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"], takes_snapshot=False)

    # --- tables -------------------------------------------------------------------------------------------------------

    def plan_create(self, tokens, reader):
        if reader.peek().is_word("local"):
            reader.next()
        if reader.peek().is_word("table", "temp", "temporary"):
            _, statements = ddl.create_table(reader, self.rewriter(True))
            return Plan("create", statements)
        kind = next((token.value for token in reader.tokens[1:4] if token.kind == "word" and token.value not in ("or", "replace", "unique")), "")
        if kind in NO_CREATE:
            raise unsupported(f'SQL command "CREATE {kind.upper()}" not supported on Redshift tables.')
        if kind == "view":
            return self.view_plan(reader)
        if kind in ("schema", "user", "group"):
            return self.plain("create", tokens)
        if kind == "database":
            return self.plain("create", tokens, alone="CREATE DATABASE")
        raise unsupported(f"the stand-in has no CREATE {kind.upper()}")

    def view_plan(self, reader):
        """WITH NO SCHEMA BINDING is taken, and the view is bound all the same."""
        words = reader.tokens
        if [token.value for token in words[-4:]] == ["with", "no", "schema", "binding"]:
            words = words[:-4]
        return Plan("create", [self.rewriter(True).rewrite_spaced(words)], is_plain=True)

    def plan_alter(self, tokens, reader):
        if reader.accept("table"):
            statements, alone = ddl.alter_table(reader, self.rewriter(True))
            return Plan("alter", statements, alone=alone, tag="ALTER TABLE")
        if reader.peek().is_word("user", "schema", "group", "database", "view"):
            return self.plain("alter", tokens)
        raise unsupported(f'SQL command "ALTER {reader.peek().text.upper()}" not supported')

    def plan_drop(self, tokens, reader):
        if reader.peek().is_word("database"):
            return self.plain("drop", tokens, alone="DROP DATABASE")
        if reader.peek().is_word("table", "view", "schema", "user", "group"):
            return self.plain("drop", tokens)
        raise unsupported(f'SQL command "DROP {reader.peek().text.upper()}" not supported')

    def maintain_plan(self, verb, reader):
        """VACUUM and ANALYZE in Redshift's words."""
        if verb != "vacuum":
            reader.accept_any("verbose", "compression")
        else:
            if reader.accept("full") or reader.accept("reindex") or reader.accept("recluster"):
                pass
            elif reader.peek().is_word("sort", "delete"):
                reader.next()
                reader.expect("only")
        names = [] if reader.at_end() else [self.table(reader.names())]
        if reader.peek().is_operator("("):
            names.append("(" + ", ".join(quote(self.names.shorten(name)) for name in reader.name_list()) + ")")
        while reader.peek().is_word("to", "percent", "boost", "predicate", "all", "columns") or reader.peek().kind == "number":
            reader.next()
        if not reader.at_end():
            raise reader.wrong()
        return Plan(verb, [f"{verb.upper()} {' '.join(names)}"], alone="VACUUM" if verb == "vacuum" else None)

    # --- transactions and settings ------------------------------------------------------------------------------------

    def plan_begin(self, _tokens, reader):
        reader.accept_any("work", "transaction")
        words = ""
        while not reader.at_end():
            if reader.accept("isolation", "level"):
                if not (reader.accept("serializable") or reader.accept("repeatable", "read") or reader.accept("read", "committed")
                        or reader.accept("read", "uncommitted") or reader.accept("snapshot")):
                    raise reader.wrong()
            elif reader.accept("read", "only"):
                words = " READ ONLY"
            elif not (reader.accept("read", "write") or reader.accept_operator(",")):
                raise reader.wrong()
        return Plan("begin", ["BEGIN" + words], command="begin", takes_snapshot=False)

    def plan_start(self, tokens, reader):
        if not reader.peek().is_word("transaction"):
            raise reader.wrong()
        return self.plan_begin(tokens, reader)

    def end(self, command, reader):
        reader.accept_any("work", "transaction")
        if reader.peek().is_word("prepared"):
            raise reader.wrong()
        if reader.peek().is_word("to"):
            raise unsupported('SQL command "ROLLBACK TO SAVEPOINT" not supported')
        if not reader.at_end():
            raise reader.wrong()
        return Plan(command, [command.upper()], command=command, takes_snapshot=False)

    def plan_commit(self, _tokens, reader):
        return self.end("commit", reader)

    def plan_end(self, _tokens, reader):
        return self.end("commit", reader)

    def plan_rollback(self, _tokens, reader):
        return self.end("rollback", reader)

    def plan_abort(self, _tokens, reader):
        return self.end("rollback", reader)

    def plan_set(self, tokens, reader):
        is_local = reader.accept("local")
        reader.accept("session")
        if reader.peek().is_word("characteristics", "transaction"):
            return Plan("set", ["SELECT"], tag="SET", takes_snapshot=False)
        if reader.accept("time", "zone"):
            return self.plain("set", tokens, takes_snapshot=False)
        if reader.peek().is_word("authorization"):
            return self.plain("set", tokens, takes_snapshot=False)
        name = reader.names()[-1]
        if name not in SETTINGS:
            raise Failure("42704", f'unrecognized configuration parameter "{name}"')
        if SETTINGS[name]:
            self.check_setting(name, reader.tokens[-1])
            return self.plain("set", tokens, takes_snapshot=False)
        if not reader.accept_operator("="):
            reader.expect("to")
        value = reader.next()
        said = value.value or value.text
        return Plan("set", [f"SET {'LOCAL ' if is_local else ''}{HOME}.{name} TO {literal(said)}"], tag="SET", takes_snapshot=False, setting=(name, said))

    @staticmethod
    def check_setting(name, value):
        """8.0 knows no units, and fewer digits."""
        said = value.value or value.text
        if name == "statement_timeout" and not (said.isdigit() or value.is_word("default")):
            raise Failure("22023", f'parameter "{name}" requires an integer value')
        if name == "extra_float_digits" and said.isdigit() and int(said) > 2:
            raise Failure("22023", f'{said} is outside the valid range for parameter "{name}" (-15 .. 2)')

    def plan_reset(self, tokens, reader):
        name = reader.name()
        if SETTINGS.get(name) is False:
            return Plan("reset", [f"SET {HOME}.{name} TO ''"], tag="RESET", takes_snapshot=False, setting=(name, PRESETS.get(name, "")))
        if name not in SETTINGS and name != "all":
            raise Failure("42704", f'unrecognized configuration parameter "{name}"')
        return self.plain("reset", tokens, takes_snapshot=False)

    def plan_cancel(self, _tokens, reader):
        return Plan("cancel", [f"SELECT pg_cancel_backend({reader.number()})"], tag="CANCEL", takes_snapshot=False)
