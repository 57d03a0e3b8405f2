"""Runs a COPY: reads the files, judges them against the table, and hands their rows to PostgreSQL."""
from . import parquet_file, wire
from .dialect import HOME, literal, quote
from .history import LoadError, S3Log, now
from .objects import in_thread
from .parquet_types import TableColumn, NAMES
from .wire import Failure, inner

COLUMNS_SQL = f"""SELECT {HOME}.long_name(a.attname), a.atttypid, a.atttypmod, a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attidentity <> '', a.attrelid
FROM pg_catalog.pg_attribute a WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""


async def describe(session, command, table):
    """What PostgreSQL knows of the table's columns."""
    try:
        return (await session.backend.query(COLUMNS_SQL % literal(table))).values()
    except Failure as failure:
        if failure.sqlstate in ("42P01", "3F000"):
            raise Failure("42P01", f"Cannot COPY into nonexistent table {command.table[-1]}") from failure
        raise


def wanted_columns(command, rows):
    """The columns that files are loaded into, in order: the listed ones, or all."""
    found = {row[0]: TableColumn(row[0], int(row[1]), int(row[2]), row[3] == "t", row[4] == "t") for row in rows}
    identities = {row[0] for row in rows if row[5] == "t"}
    if command.columns is None:
        return [column for name, column in found.items() if name not in identities or "explicit_ids" in command.options]
    for name in command.columns:
        if name not in found:
            raise Failure("42703", f'column "{name}" of relation "{command.table[-1]}" does not exist')
    for name, column in found.items():
        if name not in command.columns and column.is_not_null and not column.has_default:
            raise inner(8007, f"Cannot insert a NULL value into column {name}", location="column_segments.cpp:290")
    return [found[name] for name in command.columns]


def list_files(objects, command):
    """[(bucket, key, bytes to read)]"""
    if "manifest" in command.options:
        return objects.read_manifest(command.bucket, command.key)
    return [(command.bucket, key, size) for key, size in objects.list(command.bucket, command.key) if not key.endswith("/")]


async def copy(session, plan, query_id):
    """The number of rows."""
    command, table = plan.copy, plan.adds[0]
    rows = await describe(session, command, table)
    columns, table_id = wanted_columns(command, rows), int(rows[0][6])
    objects = session.server.store.open(command.credentials)
    files = await session.cancellable(in_thread(list_files, objects, command))
    total = 0
    for bucket, key, length in files:
        url = objects.url(bucket, key)
        body = await session.cancellable(in_thread(objects.read, bucket, key, length))
        try:
            parquet = await in_thread(parquet_file.ParquetFile, body, url, bucket, key, session.server.doubts)
            parquet.check(columns, command.options)
            total += await copy_file(session, table, columns, parquet, command.options)
        except parquet_file.Bad as bad:
            note(session, bad, f"s3://{bucket}/{key}", table_id, query_id)
            raise parquet_file.failure_of(bad, session.server.doubts) from bad
    return total


async def copy_file(session, table, columns, parquet, options):
    names = ", ".join(quote(session.names.shorten(column.name)) for column in columns)
    lines = parquet.lines(columns, options)

    async def pieces():
        while (piece := await in_thread(next, lines, None)) is not None:
            session.check_cancel()
            if piece:
                yield piece

    tag = await session.backend.copy_in(f"COPY {table} ({names}) FROM STDIN", pieces())
    count = int(tag.split()[1])
    if count != parquet.rows:
        raise wire.inner(8001, f"the stand-in has loaded {count} rows of {parquet.rows}")
    return count


def note(session, bad, file_name, table_id, query_id):
    """Writes down what the error views tell."""
    server, column = session.server, bad.column if isinstance(bad.column, TableColumn) else None
    message = bad.failure.message if bad.failure else bad.context
    server.history.add(session.database, LoadError(
        session.user, query_id, session.backend.pid, now(), file_name, column.name if column else "",
        NAMES.get(column.oid, "").lower() if column else "", str(max(column.bytes_max, 0)) if column and column.typmod > 0 else "",
        bad.code, message, table_id))
    server.history.add(session.database, S3Log(session.user, query_id, now(), session.backend.pid, f"Spectrum Scan Error: {message}"))

