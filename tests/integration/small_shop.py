"""The small shop that many stories begin with, in SQLite: a hundred orders that change, and a log that grows.

    shop = small_shop.make(route)         # the fixture of conftest.py
    shop.sync()
    small_shop.change(shop)
"""
import json
import os
import pty
import time

from waybill import PROGRAM, next_second

SHOP = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT, updated_at DATETIME NOT NULL);
CREATE INDEX orders_updated_at ON orders (updated_at);
INSERT INTO orders WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
  SELECT i, 'order ' || i, datetime('2025-09-12 00:00:00', i || ' minutes') FROM n;
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
INSERT INTO log WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30) SELECT i, 'line ' || i FROM n;
"""
TABLES = {"orders": {}, "log": {"increment": "id_only", "mode": "append"}}


def make(route, **pipeline):
    shop = route(dict(TABLES), lag="0s", **pipeline)
    shop.in_source(SHOP)
    return shop


def change(shop):
    """Seven rows; when this returns their second is over, and a run may take them."""
    shop.in_source("UPDATE orders SET note = note || '!', updated_at = datetime('now') WHERE id <= 7")
    next_second()


# --- what others have left --------------------------------------------------------------------------------------------

OWNER = {"run_id": "0190b0a0-0000-7000-8000-000000000000", "host": "elsewhere", "boot_id": "none", "pid_ns": "none", "pid": 1,
         "pid_start": 1, "beat": 5, "beat_at": "2025-09-12T14:30:22.135Z"}


def take_lease(shop, ttl_ms=60000, **owner):
    """A run on another host that may be gone or not: nobody here can know."""
    path = shop.lake / "watermark/tables/p/orders.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "lease": {**OWNER, **owner, "ttl_ms": ttl_ms}}, indent=2) + "\n")


def litter(shop, days, name="wb=0190b0a0-0000-7000-8000-000000000001"):
    """An object that no chain reaches, as old as that."""
    path = shop.lake / f"p/orders/dt=2025-01-01/{name}/file-00000.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"litter")
    os.utime(path, (time.time() - days * 86400,) * 2)
    return path


# --- who sits at a terminal -------------------------------------------------------------------------------------------


def on_terminal(shop, words, question, answer):
    """Runs the program where a person sits; the answer is typed when the question stands there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(shop.folder)
        os.execv(PROGRAM, [PROGRAM, *words])
    said = b""
    try:
        while chunk := os.read(terminal, 4096):
            is_asked = question.encode() not in said and question.encode() in said + chunk
            said += chunk
            if is_asked:
                os.write(terminal, answer.encode())
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()
