"""DuckDB: the library that the program loads, and the file as Python's own DuckDB of the same version reads it."""
import contextlib
import os
import pathlib

import duckdb

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "waybill-tests"
LIBRARY = os.environ.get("WAYBILL_DUCKDB_DRIVER") or str(CACHE / "duckdb-1.5.5" / "libduckdb.so")


def connection(path="dw.duckdb"):
    return {"type": "duckdb", "path": path, "driver": LIBRARY}


def query(path, sql):
    with contextlib.closing(duckdb.connect(str(path), read_only=True)) as database:
        return database.execute(sql).fetchall()
