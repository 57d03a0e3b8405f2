"""What happened, for the system views: kept here, and written into a database before a statement there reads it."""
import collections
import dataclasses
import datetime

from .dialect import HOME, literal

KEPT_MAX = 10000
TABLES = {"sys_load_error_detail": "load_errors", "stl_load_errors": "load_errors", "svl_s3log": "s3_log", "sys_query_history": "queries",
          "stl_query": "queries", "sys_session_history": "queries", "sys_transaction_history": "queries"}


@dataclasses.dataclass
class LoadError:
    user_name: str
    query_id: int
    session_id: int
    start_time: str
    file_name: str
    column_name: str
    column_type: str
    column_length: str
    error_code: int
    error_message: str
    table_id: int


@dataclasses.dataclass
class Query:
    user_name: str
    query_id: int
    session_id: int
    query_type: str
    query_text: str
    start_time: str
    end_time: str
    status: str
    returned_rows: int
    error_message: str
    database_name: str
    transaction_id: int


@dataclasses.dataclass
class S3Log:
    user_name: str
    query_id: int
    eventtime: str
    pid: int
    message: str


def now():
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


class History:
    def __init__(self):
        self.rows = {"load_errors": collections.deque(maxlen=KEPT_MAX), "queries": collections.deque(maxlen=KEPT_MAX), "s3_log": collections.deque(maxlen=KEPT_MAX)}

    def add(self, database, row):
        table = {LoadError: "load_errors", Query: "queries", S3Log: "s3_log"}[type(row)]
        self.rows[table].append((database, row))

    def take(self, database, views, running):
        """Statements that bring these views up to date; `running`: the queries that run now."""
        tables = {TABLES[view] for view in views if view in TABLES}
        if "queries" in tables:
            yield f"DELETE FROM {HOME}.queries WHERE status = 'running'"
            yield from (insert("queries", query) for query in running)
        for table in sorted(tables):
            mine = [row for where, row in self.rows[table] if where == database]
            self.rows[table] = collections.deque((one for one in self.rows[table] if one[0] != database), maxlen=KEPT_MAX)
            yield from (insert(table, row) for row in mine)


def insert(table, row):
    fields = dataclasses.asdict(row)
    values = ", ".join("NULL" if value is None else literal(str(value).replace("\0", "")) for value in fields.values())
    return f"INSERT INTO {HOME}.{table} ({', '.join(fields)}) VALUES ({values})"
