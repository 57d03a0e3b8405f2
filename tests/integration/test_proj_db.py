"""A database that nobody here wrote: every table of PROJ's proj.db, with composite text keys and no cursor."""
import re
import shutil

import pytest
from pyarrow import parquet

from waybill import sqlite_rows

PROJ = "/usr/share/proj/proj.db"
ADVICE = re.compile(r"columns: \{(\w+): \{as: text\}\}")


def tables_of(path):
    return [name for name, in sqlite_rows(
        path, r"SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name")]


def follow_advice(proj):
    """Some columns hold integers beside texts. The program says which and what to write; we write it, until it is content."""
    for table, entry in proj.tables.items():
        for _ in range(50):
            plan = proj.run("plan", "-p", "p", "-t", table, status=None)
            if plan.status == 0:
                break
            advised = ADVICE.search(plan.err)
            assert advised, f"{table}: no advice in: {plan.err}"
            entry.setdefault("columns", {})[advised[1]] = {"as": "text"}
            proj.write_config()
        else:
            raise AssertionError(f"{table}: the advice does not help")


def source_rows(proj, table):
    columns = []
    for _, name, *_ in sqlite_rows(proj.shop, f"PRAGMA table_info('{table}')"):
        text = name in proj.tables[table].get("columns", {})
        columns.append(f'CAST("{name}" AS TEXT)' if text else f'"{name}"')
    return sqlite_rows(proj.shop, f"SELECT {', '.join(columns)} FROM \"{table}\"")


def staged_rows(proj, waybill):
    """As sqlite3 would give them: it has no booleans."""
    rows = []
    for file in waybill["files"]:
        table = parquet.read_table(proj.at(file["key"]))
        assert table.num_rows == file["rows"]
        assert table.column_names == [field["name"] for field in waybill["schema"]]
        rows += zip(*([int(v) if isinstance(v, bool) else v for v in column.to_pylist()] for column in table.columns))
    return rows


@pytest.fixture
def proj(route):
    made = route({table: {"increment": "full_sync"} for table in tables_of(PROJ)})
    shutil.copy(PROJ, made.shop)
    return made


def test_every_table_of_proj_db_arrives_and_arrives_again_unchanged(proj):
    follow_advice(proj)
    for turn in (1, 2):
        proj.sync()
        print(proj.compare("INTEGER_OR_TEXT"))
        for table in proj.tables:
            chain = proj.chain(table)
            assert len(chain) == turn, table
            assert chain[-1]["rows"] == len(source_rows(proj, table))
            assert sorted(staged_rows(proj, chain[-1]), key=repr) == sorted(source_rows(proj, table), key=repr), table
    proj.assert_tidy()

