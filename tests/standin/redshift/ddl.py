"""CREATE TABLE and ALTER TABLE: what Redshift accepts of them, and what PostgreSQL is told.

Keys are information: they are kept in the stand-in's catalog and not enforced. So are distribution, sort keys and
encodings. VARCHAR(n) counts bytes, which a CHECK of the stand-in's own enforces (catalog.sql, `guard`).
"""
import json

from .dialect import HOME, MISSING_TYPES, literal, quote, unsupported
from .tokens import Reader
from .wire import Failure

ENCODINGS = {"raw", "az64", "bytedict", "delta", "delta32k", "lzo", "mostly8", "mostly16", "mostly32", "runlength", "text255", "text32k", "zstd", "auto"}
NOT_ALTERED = {"bytedict", "runlength", "text255", "text32k"}
TEXTS = {"varchar": 256, "nvarchar": 256, "text": 256, "char": 1, "character": 1, "nchar": 1, "bpchar": 256}
WIDTHS = {"varchar": 65535, "char": 4096}
DECIMALS = {"decimal", "numeric"}
PLAIN = {
    "smallint": "smallint", "int2": "smallint", "integer": "integer", "int": "integer", "int4": "integer", "bigint": "bigint", "int8": "bigint",
    "real": "real", "float4": "real", "float8": "double precision", "float": "double precision", "boolean": "boolean", "bool": "boolean",
    "date": "date", "timestamptz": "timestamptz", "timetz": "timetz", "datetime": "timestamp", "super": "jsonb",
}
PREDICATES_MAX = {"compound": 400, "interleaved": 8}
COLUMNS_MAX = 1600


class Attributes:
    """What PostgreSQL has no place for; kept in the catalog by `keep()`."""

    def __init__(self):
        self.kept = {"diststyle": None, "distkey": None, "sortstyle": None, "sortkey": [], "encodings": {}, "primary": [], "unique": [], "like": None,
                     "backup": None}

    def sql(self, table):
        return f"SELECT {HOME}.keep({literal(table)}::regclass, {literal(json.dumps(self.kept))})"


def sized(reader, name, most):
    """(n), (MAX) or nothing."""
    if not reader.accept_operator("("):
        return TEXTS.get(name, most)
    size = most if reader.accept("max") else reader.number()
    reader.expect_operator(")")
    if size < 1:
        raise Failure("22023", f"length for type {name} must be at least 1")
    if size > most:
        raise Failure("22023", f"length for type {name} cannot exceed {most}")
    return size


def decimal(reader):
    precision, scale = 18, 0
    if reader.accept_operator("("):
        precision = reader.number()
        scale = reader.number() if reader.accept_operator(",") else 0
        reader.expect_operator(")")
    if not 1 <= precision <= 38:
        raise Failure("22023", f"DECIMAL precision {precision} must be between 1 and 38")
    if scale > min(precision, 37):
        raise Failure("22023", f"DECIMAL scale {scale} must be between 0 and precision {precision}")
    return f"numeric({precision},{scale})"


def zoned(reader, name):
    if reader.accept_operator("("):
        raise unsupported(f"{name.upper()} precision is not supported")
    with_zone = reader.accept("with", "time", "zone")
    if not with_zone:
        reader.accept("without", "time", "zone")
    return name + ("tz" if with_zone else "")


def read_type(reader, table, column):
    """PostgreSQL's type for the one that is declared here."""
    name = reader.name()
    if name in MISSING_TYPES | {"serial", "bigserial", "interval", "enum", "bit", "time_stamp", "hllsketch", "geometry", "geography"} \
            or (name in ("json", "jsonb")):
        raise unsupported(f'Column "{table}.{column}" has unsupported type "{name}".')
    if name in ("character", "char") and reader.accept("varying"):
        name = "varchar"
    if name in ("varchar", "nvarchar", "text"):
        if name == "text" and reader.peek().is_operator("("):
            raise reader.wrong()
        found = f"varchar({sized(reader, name, WIDTHS['varchar'])})"
    elif name in ("char", "character", "nchar", "bpchar"):
        found = f"char({sized(reader, name, WIDTHS['char'])})"
    elif name in DECIMALS:
        found = decimal(reader)
    elif name in ("varbyte", "varbinary") or (name == "binary" and reader.accept("varying")):
        sized(reader, "varbyte", 16777216)
        found = "bytea"
    elif name == "double":
        reader.expect("precision")
        found = "double precision"
    elif name in ("timestamp", "time"):
        found = zoned(reader, name)
    elif name in PLAIN:
        found = PLAIN[name]
    else:
        raise Failure("42704", f'type "{name}" does not exist')
    if reader.peek().is_operator("["):
        raise unsupported(f'Column "{table}.{column}" has unsupported type "{name}[]".')
    return found


def read_default(reader, rewriter):
    """The tokens of a DEFAULT, up to the next word that belongs to the column."""
    taken, depth = [], 0
    while not reader.at_end():
        token = reader.peek()
        depth += token.is_operator("(") - token.is_operator(")")
        if depth == 0 and token.is_word("encode", "not", "null", "distkey", "sortkey", "primary", "unique", "references", "identity", "generated", "collate"):
            if not (token.is_word("null") and not taken):
                break
        taken.append(reader.next())
    if not taken:
        raise reader.wrong()
    return "DEFAULT " + rewriter.rewrite_spaced(taken)


def read_pair(reader):
    reader.expect_operator("(")
    first = reader.number()
    reader.expect_operator(",")
    second = reader.number()
    reader.expect_operator(")")
    return first, second


def read_encoding(reader):
    name = reader.name()
    if name not in ENCODINGS:
        raise Failure("42601", f'encoding type "{name}" is not supported')
    return name


def read_column(reader, rewriter, table, kept):
    """One column of CREATE TABLE or ADD COLUMN, as PostgreSQL is told; what is information goes into `kept`."""
    name = reader.name()
    words = [quote(rewriter.names.shorten(name)), read_type(reader, table, name)]
    while not reader.at_end():
        if reader.accept("not", "null"):
            words.append("NOT NULL")
        elif reader.accept("null"):
            continue
        elif reader.accept("default"):
            words.append(read_default(reader, rewriter))
        elif reader.accept("identity"):
            start, step = read_pair(reader)
            words.append(f"GENERATED ALWAYS AS IDENTITY (START {start} INCREMENT {step})")
        elif reader.accept("generated", "by", "default", "as", "identity"):
            start, step = read_pair(reader)
            words.append(f"GENERATED BY DEFAULT AS IDENTITY (START {start} INCREMENT {step})")
        elif reader.accept("encode"):
            kept["encodings"][name] = read_encoding(reader)
        elif reader.accept("distkey"):
            kept["distkey"] = name
        elif reader.accept("sortkey"):
            kept["sortkey"] = [*kept["sortkey"], name]
        elif reader.accept("primary", "key"):
            kept["primary"] = [name]
        elif reader.accept("unique"):
            kept["unique"].append([name])
        elif reader.accept("references"):
            reader.names()
            if reader.peek().is_operator("("):
                reader.name_list()
        elif reader.accept("collate"):
            reader.accept_any("case_sensitive", "cs", "case_insensitive", "ci")
        elif reader.peek().is_word("check"):
            raise unsupported("CHECK constraints are not supported")
        else:
            raise reader.wrong()
    return name, " ".join(words)


def read_constraint(reader, kept):
    """True when a table's constraint stood here; all are information."""
    if reader.peek().is_word("constraint"):
        reader.next()
        reader.name()
    elif not (reader.peek().is_word("primary", "unique", "foreign", "check", "exclude") and (reader.peek(1).is_word("key") or reader.peek(1).is_operator("("))):
        return False
    if reader.accept("primary", "key"):
        kept["primary"] = reader.name_list()
    elif reader.accept("unique"):
        kept["unique"].append(reader.name_list())
    elif reader.accept("foreign", "key"):
        reader.name_list()
        reader.expect("references")
        reader.names()
        if reader.peek().is_operator("("):
            reader.name_list()
    elif reader.peek().is_word("check"):
        raise unsupported("CHECK constraints are not supported")
    else:
        raise reader.wrong()
    return True


def read_like(reader, kept, rewriter):
    """LIKE parent, with its columns and NOT NULLs; only defaults can be asked for."""
    parent = qualified(reader.names(), rewriter)
    kept["like"] = parent
    words = f"LIKE {parent}"
    if reader.peek().is_word("including", "excluding"):
        what = reader.next().value
        reader.expect("defaults")
        words += f" {what} DEFAULTS"
    return words


def qualified(parts, rewriter):
    return ".".join(quote(rewriter.names.shorten(part)) for part in parts)


def parts_of(tokens, is_case_sensitive=False):
    """What stands between commas, as readers."""
    part, depth = [], 0
    for token in tokens:
        depth += token.is_operator("(") - token.is_operator(")")
        if depth == 0 and token.is_operator(","):
            yield Reader(part, is_case_sensitive)
            part = []
        else:
            part.append(token)
    yield Reader(part, is_case_sensitive)


def read_table_attributes(reader, kept):
    """What follows the columns: distribution, sort key, encodings."""
    while True:
        if reader.accept("diststyle"):
            kept["diststyle"] = reader.accept_any("auto", "even", "key", "all")
            if kept["diststyle"] is None:
                raise reader.wrong()
        elif reader.accept("distkey"):
            names = reader.name_list()
            if len(names) > 1:
                raise Failure("42601", "only one column can be the DISTKEY")
            kept["distkey"] = names[0]
        elif reader.peek().is_word("compound", "interleaved") and reader.peek(1).is_word("sortkey"):
            kept["sortstyle"] = reader.next().value
        elif reader.accept("sortkey"):
            if reader.accept("auto"):
                kept["sortstyle"] = "auto"
            else:
                kept["sortstyle"] = kept["sortstyle"] or "compound"
                kept["sortkey"] = reader.name_list()
        elif reader.accept("encode", "auto"):
            kept["encodings"]["*"] = "auto"
        elif reader.accept("backup"):
            kept["backup"] = reader.accept_any("yes", "no")
        else:
            return


def check_attributes(kept, columns):
    """`columns`: {name: type}, or None where they come from a query or another table."""
    if kept["diststyle"] == "key" and not kept["distkey"]:
        raise Failure("42601", "DISTSTYLE KEY requires a DISTKEY")
    if kept["distkey"] and kept["diststyle"] not in (None, "key", "auto"):
        raise Failure("42601", f"DISTSTYLE {kept['diststyle'].upper()} cannot have a DISTKEY")
    most = PREDICATES_MAX.get(kept["sortstyle"] or "compound", 400)
    if len(kept["sortkey"]) > most:
        raise Failure("42601", f"SORTKEY cannot have more than {most} columns")
    if len(set(kept["sortkey"])) < len(kept["sortkey"]):
        raise Failure("42701", "a column appears more than once in the SORTKEY")
    if columns is None:
        return
    named = [kept["distkey"], *kept["sortkey"], *kept["primary"], *(name for names in kept["unique"] for name in names)]
    for name in filter(None, named):
        if name not in columns:
            raise Failure("42703", f'column "{name}" named in key does not exist')
    for name in filter(None, [kept["distkey"], *kept["sortkey"]]):
        if columns[name] == "jsonb":
            raise unsupported(f'Column "{name}" of type SUPER cannot be a distribution key or a sort key')
    if len(columns) > COLUMNS_MAX:
        raise Failure("54011", f"tables can have at most {COLUMNS_MAX} columns")


def create_table(reader, rewriter):
    """(name, [statements]) of CREATE [TEMP] TABLE, after those words were read."""
    is_temporary = bool(reader.accept("temporary") or reader.accept("temp"))
    reader.expect("table")
    exists = "IF NOT EXISTS " if reader.accept("if", "not", "exists") else ""
    name = reader.names()
    table = qualified(name, rewriter)
    attributes = Attributes()
    kept = attributes.kept
    head = f"CREATE {'TEMPORARY ' if is_temporary else ''}TABLE {exists}{table}"
    body, columns = None, None
    if reader.peek().is_operator("("):
        body, columns = read_body(reader, rewriter, name[-1], kept)
    read_table_attributes(reader, kept)
    if reader.accept("as"):
        if exists:
            raise Failure("42601", 'syntax error at or near "AS"')
        check_attributes(kept, None)
        query = reader.rest()
        names = "" if columns is None else "(" + ", ".join(quote(rewriter.names.shorten(column)) for column in columns) + ")"
        sql = f"{head} {names} AS {rewriter.rewrite_spaced(query)}"
    else:
        if body is None or not reader.at_end():
            raise reader.wrong()
        check_attributes(kept, columns if kept["like"] is None else None)
        sql = f"{head} ({', '.join(body)})"
    return table, [sql, attributes.sql(table)]


def read_body(reader, rewriter, table, kept):
    """What stands in the parentheses: columns and constraints; or the bare names of CREATE TABLE t (a, b) AS."""
    tokens = reader.group()
    parts = list(parts_of(tokens, reader.is_case_sensitive))
    if all(len(part.tokens) == 1 and part.peek().is_name() for part in parts):
        return None, {part.name(): None for part in parts}
    body, columns = [], {}
    for part in parts:
        if part.accept("like"):
            body.append(read_like(part, kept, rewriter))
        elif not read_constraint(part, kept):
            name, words = read_column(part, rewriter, table, kept)
            if name in columns:
                raise Failure("42701", f'column "{name}" specified more than once')
            columns[name] = words.split()[1]
            body.append(words)
        if not part.at_end():
            raise part.wrong()
    return body, columns


# --- ALTER TABLE -----------------------------------------------------------------------------------------------------


def alter_table(reader, rewriter):
    """([statements], what may not run in a transaction block or None) of ALTER TABLE, after those words were read."""
    name = reader.names()
    table = qualified(name, rewriter)
    if reader.accept("add"):
        return add(reader, rewriter, name, table), None
    if reader.accept("drop"):
        return drop(reader, rewriter, table), None
    if reader.accept("rename"):
        return rename(reader, rewriter, table), None
    if reader.accept("owner", "to"):
        return [f"ALTER TABLE {table} OWNER TO {quote(reader.name())}"], None
    if reader.accept("alter"):
        return alter(reader, rewriter, name, table)
    if reader.accept("append"):
        raise unsupported("the stand-in has no ALTER TABLE APPEND")
    raise reader.wrong()


def done(reader):
    if not reader.at_end():
        raise reader.wrong()


def add(reader, rewriter, name, table):
    attributes = Attributes()
    if not reader.peek().is_word("column") and read_constraint(reader, attributes.kept):
        done(reader)
        return [attributes.sql(table)]
    reader.accept("column")
    if reader.peek().is_word("if") and reader.peek(1).is_word("not"):
        raise reader.wrong()
    column, words = read_column(reader, rewriter, name[-1], attributes.kept)
    if attributes.kept["primary"] or attributes.kept["unique"]:
        raise unsupported("ALTER TABLE ADD COLUMN does not support columns defined with UNIQUE or PRIMARY KEY constraints")
    if attributes.kept["distkey"] or attributes.kept["sortkey"]:
        raise unsupported("ALTER TABLE ADD COLUMN does not support columns defined as DISTKEY or SORTKEY")
    if "NOT NULL" in words and "DEFAULT" not in words:
        raise unsupported("ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression")
    done(reader)
    return [f"ALTER TABLE {table} ADD COLUMN {words}", attributes.sql(table)]


def drop(reader, rewriter, table):
    if reader.accept("constraint"):
        constraint = reader.name()
        reader.accept_any("restrict", "cascade")
        done(reader)
        return [f"SELECT {HOME}.forget_constraint({literal(table)}::regclass, {literal(constraint)})"]
    reader.accept("column")
    if reader.peek().is_word("if") and reader.peek(1).is_word("exists"):
        raise reader.wrong()
    column = reader.name()
    how = reader.accept_any("restrict", "cascade") or ""
    done(reader)
    return [f"SELECT {HOME}.check_drop({literal(table)}::regclass, {literal(rewriter.names.shorten(column))})",
            f"ALTER TABLE {table} DROP COLUMN {quote(rewriter.names.shorten(column))} {how}"]


def rename(reader, rewriter, table):
    if reader.accept("to"):
        into = reader.name()
        done(reader)
        return [f"ALTER TABLE {table} RENAME TO {quote(rewriter.names.shorten(into))}"]
    reader.accept("column")
    column = reader.name()
    reader.expect("to")
    into = reader.name()
    done(reader)
    return [f"ALTER TABLE {table} RENAME COLUMN {quote(rewriter.names.shorten(column))} TO {quote(rewriter.names.shorten(into))}"]


def alter(reader, rewriter, name, table):
    attributes = Attributes()
    if reader.peek().is_word("diststyle", "distkey", "sortkey", "compound", "encode") \
            and not (reader.peek(1).is_word("type", "encode", "set", "drop")):
        if reader.accept("distkey"):
            attributes.kept["distkey"], attributes.kept["diststyle"] = reader.name(), "key"
        else:
            if reader.accept("sortkey", "none"):
                attributes.kept["sortstyle"] = "none"
            read_alter_attributes(reader, attributes.kept)
        done(reader)
        return [attributes.sql(table)], "ALTER TABLE ALTER DISTSTYLE/SORTKEY/ENCODE"
    reader.accept("column")
    column = reader.name()
    if reader.peek().is_word("set", "drop"):
        raise unsupported(f"ALTER COLUMN SET/DROP {'NOT NULL' if reader.peek(1).is_word('not') else 'DEFAULT'} is not supported")
    if reader.accept("encode"):
        attributes.kept["encodings"][column] = read_encoding(reader)
        done(reader)
        return [attributes.sql(table)], "ALTER TABLE ALTER COLUMN"
    reader.expect("type")
    is_text = reader.peek().is_word("varchar", "character", "nvarchar", "text") or reader.peek().is_word("varbyte")
    new = read_type(reader, name[-1], column)
    if reader.peek().is_word("using"):
        raise unsupported("ALTER TABLE ALTER COLUMN does not support USING expression")
    done(reader)
    if not is_text or not new.startswith(("varchar", "bytea")):
        raise unsupported(f'cannot alter column "{column}" to type {new}: only the size of VARCHAR and VARBYTE columns can be altered')
    return [f"SELECT {HOME}.resize({literal(table)}::regclass, {literal(rewriter.names.shorten(column))}, {literal(new)})"], "ALTER TABLE ALTER COLUMN"


def read_alter_attributes(reader, kept):
    """ALTER TABLE t ALTER DISTSTYLE ... | [COMPOUND] SORTKEY (...) | ENCODE AUTO"""
    if reader.accept("diststyle"):
        kept["diststyle"] = reader.accept_any("auto", "even", "key", "all")
        if kept["diststyle"] == "key":
            reader.expect("distkey")
            kept["distkey"] = reader.name()
    else:
        read_table_attributes(reader, kept)
