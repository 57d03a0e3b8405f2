"""Redshift's SQL in PostgreSQL's words, and a refusal of what Redshift does not have.

`rewrite()` goes over the tokens of a statement once: literals lose their backslashes, names are folded (quoted ones, too)
and those above PostgreSQL's 63 bytes shortened, system views and functions become the stand-in's own.
"""
import hashlib

from .tokens import COMMENT, OPERATOR, PARAMETER, QUOTED, SPACE, STRING, WORD, Token, fold
from .wire import Failure, inner

NAME_BYTES_MAX, POSTGRES_NAME_BYTES_MAX = 127, 63
HOME, INFORMATION = "redshift_standin", "redshift_standin_information"

# What the stand-in answers for in its own schema (catalog.sql).
VIEWS = {
    "pg_table_def", "svv_table_info", "svv_all_columns", "svv_all_tables", "svv_all_schemas", "svv_redshift_columns", "svv_redshift_tables",
    "svv_redshift_schemas", "svv_redshift_databases", "svv_columns", "svv_tables", "sys_load_error_detail", "sys_query_history",
    "stl_load_errors", "stl_query", "svl_s3log", "stv_slices",
    "sys_session_history", "sys_transaction_history", "stv_db_isolation_level", "pg_constraint", "pg_indexes",
    "pg_class", "pg_attribute", "svv_transactions", "svv_external_schemas", "svv_external_tables", "svv_external_columns",
}
FUNCTIONS = {
    "version", "pg_last_copy_count", "pg_last_copy_id", "pg_last_query_id", "getdate", "len", "json_parse", "json_serialize", "json_typeof",
    "is_valid_json", "can_json_parse", "from_hex", "to_hex", "to_varbyte", "strtol", "dateadd", "datediff", "convert_timezone", "sha1", "sha2",
}
DATE_PARTS = {"dateadd", "datediff", "date_part"}  # their first argument is a bare word
RENAMED = {"nvl": "coalesce"}
MISSING_FUNCTIONS = {
    "string_agg", "array_agg", "json_agg", "jsonb_agg", "unnest", "to_json", "to_jsonb", "row_to_json", "json_build_object", "gen_random_uuid",
    "uuid_generate_v4", "pg_export_snapshot", "txid_current", "pg_current_xact_id", "pg_current_snapshot", "pg_snapshot_xmin", "hashtext", "hashint8",
    "hashtextextended", "encode", "sha224", "sha256", "sha384", "sha512", "format", "to_regclass", "regexp_matches", "regexp_split_to_table",
    "clock_timestamp", "statement_timestamp", "transaction_timestamp", "pg_sleep", "make_date", "make_timestamp", "num_nonnulls", "pg_blocking_pids",
    "set_config", "pg_notify", "pg_is_in_recovery", "pg_relation_size", "pg_total_relation_size", "date_bin", "pg_typeof", "convert_from",
}
TYPES = {"super": "jsonb", "varbyte": "bytea", "varbinary": "bytea", "nvarchar": "varchar", "datetime": "timestamp", "nchar": "char"}
MISSING_TYPES = {"json", "jsonb", "uuid", "bytea", "xml", "money", "inet", "cidr", "macaddr", "tsvector", "hstore", "int4range", "int8range", "numrange"}
# What the leader node alone can do: not in a statement that touches a table of a user's.
LEADERS_FUNCTIONS = {
    "generate_series", "now", "age", "version", "current_schema", "current_schemas", "has_database_privilege", "has_schema_privilege", "has_table_privilege",
    "isfinite", "get_bit", "get_byte", "set_bit", "set_byte", "to_ascii",
}
LEADERS_WORDS = {"current_timestamp", "current_time", "localtime", "localtimestamp"}
CATALOG_PREFIXES = ("pg_", "svv_", "stv_", "stl_", "svl_", "sys_", "information_schema")


EMPTY = Token("", "")


def unsupported(said):
    return Failure("0A000", said)


def syntax(token):
    return Failure("42601", f'syntax error at or near "{token.text}"')


class Names:
    """Names beyond PostgreSQL's 63 bytes, shortened for it, and known again by what they became."""

    def __init__(self):
        self.long = {}  # short: long
        self.unsaved = {}

    def shorten(self, name):
        size = len(name.encode())
        if size > NAME_BYTES_MAX:
            raise Failure("42622", f'identifier "{name[:40]}..." is too long: {size} bytes, of {NAME_BYTES_MAX}')
        if size <= POSTGRES_NAME_BYTES_MAX:
            return name
        short = name.encode()[:30].decode(errors="ignore") + "~" + hashlib.md5(name.encode()).hexdigest()
        if short not in self.long:
            self.long[short] = self.unsaved[short] = name
        return short

    def lengthen(self, name):
        return self.long.get(name, name)


def quote(name):
    return '"' + name.replace('"', '""') + '"'


def literal(value):
    if "\0" in value:
        raise Failure("22021", "invalid byte sequence for encoding \"UTF8\": 0x00")
    return "'" + value.replace("'", "''") + "'"


class Rewriter:
    def __init__(self, names, doubts, is_case_sensitive=False, writes_table=False):
        self.names, self.doubts, self.is_case_sensitive, self.writes_table = names, doubts, is_case_sensitive, writes_table

    def rewrite(self, tokens):
        """PostgreSQL's text of these tokens."""
        self.tokens = [token for token in tokens if token.kind != COMMENT]
        self.solid = [i for i, token in enumerate(self.tokens) if token.kind != SPACE]
        place = {index: i for i, index in enumerate(self.solid)}
        self.is_leaders = any(token.kind == WORD and token.value.startswith("pg_") for token in self.tokens)  # the catalog is the leader node's
        self.touches_table = self.writes_table or self.reads_table()
        out, self.skip = [], 0
        for index, token in enumerate(self.tokens):
            if token.kind == SPACE:
                out.append(token.text)
                continue
            self.i = place[index]
            if self.skip:
                self.skip -= 1
                continue
            out.append(self.one(token))
            if token.kind in (WORD, QUOTED, PARAMETER) and self.near(1).kind in (WORD, QUOTED, STRING, PARAMETER):
                out.append(" ")
        return "".join(out).strip()

    def rewrite_spaced(self, tokens):
        """The same of tokens whose spaces are gone."""
        return self.rewrite([one for token in tokens for one in (token, Token(SPACE, " "))])

    def reads_table(self):
        """True where something of a user's follows FROM or JOIN; a name that WITH gave does not count."""
        solid = [self.tokens[index] for index in self.solid]
        given = {fold(token.value) for token, after in zip(solid, solid[1:], strict=False) if token.is_name() and after.is_word("as")}
        inside = []  # what each parenthesis that is open here follows: EXTRACT(day FROM x) names no table
        for before, token in zip([EMPTY, *solid], solid, strict=False):
            if token.is_operator("("):
                inside.append(before)
            elif token.is_operator(")") and inside:
                inside.pop()
            elif before.is_word("from", "join") and token.is_name() and not (inside and inside[-1].is_word("extract", "trim", "substring", "overlay")) \
                    and fold(token.value) not in given and not fold(token.value).startswith(CATALOG_PREFIXES):
                return True
        return False

    def check_leaders(self):
        if self.touches_table:
            raise unsupported("Specified types or functions (one per INFO message) not supported on Redshift tables.")

    def near(self, by):
        """The solid token `by` places from here; an empty one beyond the ends."""
        at = self.i + by
        return self.tokens[self.solid[at]] if 0 <= at < len(self.solid) else EMPTY

    def is_touching(self):
        """True where the next token follows without a space."""
        index = self.solid[self.i]
        return index + 1 < len(self.tokens) and self.tokens[index + 1].kind != SPACE

    def one(self, token):
        if token.kind == STRING:
            return literal(token.value)
        if token.kind == QUOTED:
            name = token.value if self.is_case_sensitive else fold(token.value)
            return self.relation(name) or quote(self.names.shorten(name))
        if token.kind == WORD:
            return self.word(token)
        if token.is_operator("[") and self.near(-1).is_word("array") and not self.is_leaders:
            raise syntax(token)
        if token.is_operator("(") and self.near(-1).is_word("filter"):
            raise syntax(token)
        return token.text

    def relation(self, name):
        """The stand-in's own view of this name, where the name stands alone or in pg_catalog."""
        after_dot = self.near(-1).is_operator(".")
        if name == "pg_catalog" and self.near(1).is_operator(".") and self.near(2).is_name() and fold(self.near(2).value) in VIEWS | FUNCTIONS:
            self.skip = 1
            return f"{HOME}."
        if name == "information_schema" and self.near(1).is_operator(".") and not after_dot:
            return INFORMATION
        if self.writes_table and name.startswith("pg_") and self.near(-1).is_word("from", "join"):
            self.check_leaders()
        if name in VIEWS and not after_dot and not self.near(1).is_operator("("):
            return f"{HOME}.{name}"
        return None

    def word(self, token):
        word, before, after = token.value, self.near(-1), self.near(1)
        if after.kind == STRING and self.is_touching() and word in ("e", "n", "u"):  # 8.0 knows them as types only
            raise Failure("42704", f'type "{word}" does not exist')
        if before.is_operator("::") or (before.is_word("as") and after.text in ("(", ")") and self.in_cast()):
            return self.type(token)
        if after.is_operator("(") and not before.is_operator(".") and not before.is_word("as", "table", "into", "update", "join", "index"):
            return self.function(token)
        if before.is_operator("(") and self.near(-2).is_word(*DATE_PARTS):
            return literal(word)
        if word == "sysdate":
            return f"{HOME}.getdate()"
        if word == "minus" and after.is_word("select"):
            return "except"
        if word == "distinct":
            self.check_distinct(token)
        if word == "collate" and after.kind == QUOTED:
            raise syntax(after)
        if word == "lateral":
            raise syntax(token)
        if word == "for" and after.is_word("update", "share", "no", "key") and not before.is_word("privileges"):
            raise unsupported("SELECT FOR UPDATE/SHARE is not supported")
        if word == "tablesample":
            raise syntax(token)
        if word in LEADERS_WORDS:
            self.check_leaders()
        found = self.relation(word)
        if found:
            return found
        return quote(self.names.shorten(word)) if len(token.text.encode()) > POSTGRES_NAME_BYTES_MAX else token.text

    def in_cast(self):
        depth = 0
        for by in range(-1, -self.i - 1, -1):
            token = self.near(by)
            if token.kind == OPERATOR:
                depth += (token.text == ")") - (token.text == "(")
                if depth < 0:
                    return self.near(by - 1).is_word("cast", "try_cast")
        return False

    def type(self, token):
        if token.value in MISSING_TYPES or self.near(1).is_operator("["):
            raise Failure("42704", f'type "{token.value}" does not exist')
        if token.value in ("numeric", "decimal") and self.near(2).text.isdigit() and int(self.near(2).text) > 38:
            raise Failure("22023", f"DECIMAL precision {self.near(2).text} must be between 1 and 38")
        name = TYPES.get(token.value, token.text)
        if self.near(1).is_operator("(") and self.near(2).is_word("max") and self.near(3).is_operator(")"):
            self.skip = 3
            return name + ("" if name == "bytea" else "(65535)")
        if name == "bytea" and self.near(1).is_operator("("):
            self.skip = 3
        return name

    def function(self, token):
        name = token.value
        if name in MISSING_FUNCTIONS or name.startswith(("jsonb_", "pg_advisory_", "pg_try_advisory_", "pg_create_", "lo_", "xml", "array_to_string")):
            raise Failure("42883", f"function {name}() does not exist")
        if name in LEADERS_FUNCTIONS:
            self.check_leaders()
        if name in FUNCTIONS:
            return f"{HOME}.{name}"
        return RENAMED.get(name) or token.text

    def check_distinct(self, token):
        if self.near(1).is_word("on") and self.near(2).is_operator("("):
            raise unsupported("SELECT DISTINCT ON is not supported")
        if self.near(1).is_word("from") and self.near(-1).is_word("is", "not") and not self.doubts.accepts("is-distinct-from"):
            raise inner(1001, "Not implemented", "'false' - Unknown pg type - 312", location="cg_expr.cpp:4532")
