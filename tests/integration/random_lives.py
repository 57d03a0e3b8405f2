"""Lives of a table that nobody has thought of: whatever people and their machines do, in any order, and at its end all rows.

usage: random_lives.py [--lives N] [--seed N] [--steps N] [--kind NAME]

A life is one table of a SQLite file, moved into another one, and some dozens of steps by the seed: rows come, change and
go; runs of every sort, half of them killed; backfills, repairs, marks set back, staged files cleaned; two runs at once, a
writer meanwhile, a warehouse put back from its backup, a mark that is lost. A step may be refused. Then whoever looks
after it does what the messages say until a run is well, and both sides must agree as the table's mode promises.
A life that fails is told with its diary, and comes again by its seed as far as time is no part of it: where a kill hits,
and how much was written meanwhile, differs.
"""
import argparse
import collections
import contextlib
import json
import pathlib
import random
import re
import signal
import sqlite3
import sys
import tempfile
import threading
import time

from waybill import ARROWS, Route, sqlite_rows

KINDS = {
    "merge": {},
    "merge-keys": {"delete_detection": "keys", "delete_max": 100},
    "merge-soft": {"delete_detection": "keys", "delete_max": 100, "soft_delete": "gone_at"},
    "merge-null": {"null_cursor": "include"},
    "merge-lookback": {"lookback": "1h"},
    "time-merge": {"increment": "timestamp_only", "mode": "merge"},
    "time-append": {"increment": "timestamp_only", "mode": "append", "insert_only": True},
    "time-window": {"increment": "timestamp_only", "mode": "delete_insert", "insert_only": True},
    "hybrid-append": {"mode": "append", "insert_only": True},
    "id-append": {"increment": "id_only", "mode": "append"},
    "id-merge": {"increment": "id_only", "mode": "merge"},
    "id-window": {"increment": "id_only", "mode": "delete_insert"},
    "whole": {"increment": "full_sync", "mode": "replace"},
    "whole-swap": {"increment": "full_sync", "mode": "replace", "replace": "swap"},
    "whole-append": {"increment": "full_sync", "mode": "append"},
}
MANNERS = [{}, {"readers": 3}, {"max_pending": 1}, {"verify": "stage"}, {"readers": 2, "max_pending": 8}, {"chunk": {"rows": 1000}}]
NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
KEYS = {
    "id": "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, {}",
    "name": "id INTEGER NOT NULL, name TEXT PRIMARY KEY NOT NULL, {}",
    "both": "id INTEGER NOT NULL, name TEXT NOT NULL, {}, PRIMARY KEY (name, id)",
}
# How often each step comes, beside the others.
STEPS = {
    "insert": 10, "update": 8, "delete": 3, "add_column": 0.2,
    "sync": 14, "backfill": 2, "refresh": 1, "repair": 1, "set_back": 2, "reset": 0.6, "restore": 0.6,
    "clean": 1.5, "orphans": 1, "break_lease": 0.5, "cut_otherwise": 0.5,
    "two_at_once": 1, "write_meanwhile": 1, "back_up": 1, "put_back": 1, "lose_mark": 0.15, "drop_table": 0.15,
}
TURNS = 10  # of doing what a message says
LEASE_S = 3


class Life:
    def __init__(self, folder, seed, kind):
        self.chance, self.kind, self.diary = random.Random(seed), kind, []
        self.entry = dict(KINDS[kind])
        self.is_timed, self.is_whole = not kind.startswith(("id-", "whole")), kind.startswith("whole")
        self.grows_only = kind.startswith("id-") or "insert_only" in self.entry
        self.key = "id" if kind.startswith("id-") else self.chance.choice(["id", "id", "name", "both"])
        if self.is_timed:
            self.entry["cursor"] = "at"
        manner = {"chunk": {"rows": self.chance.choice([7, 40])}, **self.chance.choice(MANNERS)}
        self.route = Route(folder, {"t": self.entry}, lag="0s", lease=f"{LEASE_S}s", **manner)
        self.backup, self.ids, self.added = self.route.folder / "backup.db", 0, 0
        at = "at DATETIME" + ("" if kind == "merge-null" else " NOT NULL")
        self.route.in_source(f"PRAGMA journal_mode = WAL; CREATE TABLE t ({KEYS[self.key].format('v INTEGER, ' + at)}); CREATE INDEX t_at ON t (at)")

    def live(self, steps):
        for name in ["insert", *self.chance.choices(list(STEPS), list(STEPS.values()), k=steps)]:
            self.diary.append(f"- {name}")
            getattr(self, name)()
        self.settle()
        self.assert_agree()

    # --- the source ------------------------------------------------------------------------------------------------
    def write(self, script):
        self.route.in_source(f"BEGIN IMMEDIATE; {script}; COMMIT")
        time.sleep(0.002)  # the next stamps are others

    def insert(self):
        rows = []
        for _ in range(self.chance.choice([1, 3, 20, 90])):
            self.ids += 1
            at = "NULL" if self.kind == "merge-null" and self.chance.random() < 0.2 else NOW
            rows.append(f"({self.ids}, '{self.ids * 7919 % 1000:03}-{self.ids}', {self.chance.randrange(1000)}, {at})")
        self.write(f"INSERT INTO t (id, name, v, at) VALUES {', '.join(rows)}")

    def some(self, *of):
        of = self.chance.choice(of)
        return f"id % {of} = {self.chance.randrange(of)}"

    def update(self):
        if not self.grows_only:
            self.write(f"UPDATE t SET v = v + 1, at = {NOW} WHERE {self.some(2, 5, 17)} AND at IS NOT NULL")

    def delete(self):
        self.write(f"DELETE FROM t WHERE {self.some(5, 17, 40)}")

    def add_column(self):
        self.added += 1
        self.write(f"ALTER TABLE t ADD COLUMN c{self.added} {self.chance.choice(['INTEGER', 'TEXT', 'DATETIME'])}")

    # --- the program -----------------------------------------------------------------------------------------------
    def note(self, args, done, how=""):
        """Any ending will do, but for one that the program did not choose."""
        told = [line for line in done.err.splitlines() if line.startswith(("waybill: error", "  what to do")) or '"level":"error"' in line]
        self.diary += [f"  {' '.join(args)}{how}: {done.status}", *(f"    {line[:500]}" for line in told)]
        assert done.status >= 0 or done.status == -signal.SIGKILL, f"it died\n{done.err}"
        assert done.status != 1, f"it does not know why\n{done.err}"
        return done

    def waybill(self, *args, scope=("-p", "p", "-t", "t"), may_die=False):
        args = [*args, *scope]
        if not may_die or self.chance.random() < 0.5:
            return self.note(args, self.route.run(*args, status=None))
        arrow, at, nth = self.chance.choice(ARROWS), self.chance.choice(["begin", "end"]), self.chance.choice([1, 1, 2, 4])
        running = self.route.start(*args, "--log-format", "json", "--log-level", "debug")
        if running.until_arrow(arrow, at, nth=nth):
            time.sleep(self.chance.choice([0, 0, 0.0005, 0.003]))
            running.kill()
        return self.note(args, self.route.finish(running, status=None), f", killed at {arrow} {at} {nth}")

    def sync(self):
        flags = [[], [], ["--limit", self.chance.choice("15")], ["--max-chunks", "1"], ["--backup-only"], ["--redshift-only"], ["-s", "intra-table"]]
        self.waybill("sync", "pipeline", *self.chance.choice(flags), may_die=True)

    def stamp(self):
        stamps = sqlite_rows(self.route.shop, "SELECT DISTINCT at FROM t WHERE at IS NOT NULL")
        return self.chance.choice(stamps)[0] if stamps else "1970-01-01 00:00:00.000"

    def backfill(self):
        start, end = sorted([self.stamp(), self.stamp()])
        if self.is_timed and start < end:
            bounds = [f"{stamp.replace(' ', 'T')}Z" for stamp in (start, end)]
            self.waybill("sync", "pipeline", "--start-time", bounds[0], "--end-time", bounds[1], may_die=True)

    def refresh(self):
        self.waybill("sync", "pipeline", "--full-refresh", may_die=True)

    def repair(self):
        keys = {"id": lambda id, name: str(id), "name": lambda id, name: name, "both": lambda id, name: json.dumps([name, id])}[self.key]
        rows = sqlite_rows(self.route.shop, "SELECT id, name FROM t ORDER BY random() LIMIT 3")
        if rows and self.entry.get("mode", "merge") == "merge":
            self.waybill("sync", "repair", *(word for row in rows for word in ("--keys", keys(*row))), may_die=True)

    def mark(self):
        """How far the table has come: {"at": ...} or {"key": [...]}, or nothing."""
        if not self.route.at("watermark/tables/p/t.json").exists():
            return {}
        return (self.route.scope("t")["extracted"] or {}).get("pos") or {}

    def set_back(self):
        """Never forward: that leaves rows out on purpose."""
        mark, stamp = self.mark(), self.stamp()[:19]
        if self.is_timed and stamp <= mark.get("at", "").replace("T", " "):
            self.waybill("watermark", "set", "--timestamp", stamp)
        elif self.kind.startswith("id-") and mark.get("key"):
            self.waybill("watermark", "set", "--id", str(self.chance.randrange(int(mark["key"][0]) + 1)))

    def reset(self):
        self.waybill("watermark", "reset")

    def restore(self):
        self.waybill("watermark", "restore", "--from-target")

    def clean(self):
        self.waybill("s3clean", "clean", "--force")

    def orphans(self):
        self.waybill("s3clean", "orphans", "--older-than", "0s", "--force")

    def break_lease(self):
        self.waybill("lease", "break")

    def cut_otherwise(self):
        self.route.pipeline["chunk"] = {"rows": self.chance.choice([7, 40, 1000])}
        self.route.write_config()

    # --- what befalls it -------------------------------------------------------------------------------------------
    def two_at_once(self):
        first = self.route.start("sync", "pipeline")
        time.sleep(self.chance.choice([0, 0.01, 0.03]))
        ended = []
        reader = threading.Thread(target=lambda: ended.append(self.route.finish(first, status=None)))
        reader.start()
        self.waybill("sync", "pipeline")
        reader.join()
        self.note(["the other"], ended[0])

    def write_meanwhile(self):
        end = threading.Event()

        def write():
            while not end.is_set():
                self.chance.choice([self.insert, self.update, self.delete])()
        writer = threading.Thread(target=write)
        writer.start()
        try:
            self.waybill("sync", "pipeline")
            self.waybill("sync", "pipeline")
        finally:
            end.set()
            writer.join()

    @staticmethod
    def copy(source, to):
        with contextlib.closing(sqlite3.connect(source, timeout=60)) as one, contextlib.closing(sqlite3.connect(to, timeout=60)) as other:
            one.backup(other)

    def back_up(self):
        """From the first row on: a warehouse without any is no backup of this table."""
        if self.route.dw.exists() and sqlite_rows(self.route.dw, "SELECT 1 FROM sqlite_master WHERE name = 't'") and self.mark():
            self.copy(self.route.dw, self.backup)

    def put_back(self):
        if self.backup.exists():
            self.copy(self.backup, self.route.dw)

    def lose_mark(self):
        self.route.at("watermark/tables/p/t.json").unlink(missing_ok=True)

    def drop_table(self):
        if self.route.dw.exists():
            sqlite_rows(self.route.dw, "DROP TABLE IF EXISTS t")

    # --- its end ---------------------------------------------------------------------------------------------------
    def settle(self):
        """Does what the messages say until two runs in a row are well."""
        self.diary.append("- settle")
        well = 0
        for _ in range(TURNS):
            done = self.waybill("sync", "pipeline")
            well = well + 1 if done.status == 0 else 0
            if well == 2:
                return
            self.follow(done.err)
        raise AssertionError("nothing that it says helps")

    def follow(self, told):
        """The first command that a message names. Where rows would come twice, the whole table is taken anew."""
        command = re.search(r"waybill (watermark \w+(?: --from-target)?)", told)
        if command:
            refused = self.waybill(*command[1].split()).err
            if "--allow-duplicates" not in refused:
                return
        if command or "--full-refresh" in told:
            self.waybill("sync", "pipeline", "--full-refresh", *(["--accept-target"] if "--accept-target" in told else []))
        elif "lease" in told:
            time.sleep(LEASE_S)

    def columns(self, path):
        return [row[1] for row in sqlite_rows(path, "PRAGMA table_info(t)")]

    def rows(self, path, names, where=""):
        return collections.Counter(sqlite_rows(path, f"SELECT {', '.join(names)} FROM t {where}"))

    def assert_agree(self):
        if not self.columns(self.route.dw):
            assert self.rows(self.route.shop, ["id"]) == {}, "there is no table in the target"
            return
        names = [name for name in self.columns(self.route.shop) if name in self.columns(self.route.dw)]
        assert len(names) >= 4
        source = self.rows(self.route.shop, names)
        target = self.rows(self.route.dw, names, "WHERE gone_at IS NULL" if self.kind == "merge-soft" else "")
        missing, more, there = source - target, target - source, {row[:2] for row in source}
        assert not missing, f"{len(missing)} rows are missing: {sorted(missing, key=str)[:5]}"
        if self.kind == "whole-append":
            return  # each run adds all rows there are
        assert max(target.values(), default=1) == 1, f"rows are there twice: {[row for row, count in target.items() if count > 1][:5]}"
        if self.kind in ("whole", "whole-swap", "merge-keys", "merge-soft"):
            assert not more, f"{len(more)} rows are gone from the source: {sorted(more, key=str)[:5]}"
        older = [row for row in more if row[:2] in there]
        assert not older, f"older versions are still there: {older[:5]}"


def live(seed, kind, steps, folder):
    """None, or what went wrong."""
    life = Life(folder, seed, kind)
    try:
        life.live(steps)
    except Exception as error:  # whatever it is, the diary tells how it came about
        return f"{kind}, seed {seed}: {error}\n  " + "\n  ".join(life.diary)


def kind_of(seed):
    return list(KINDS)[seed % len(KINDS)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lives", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1, help="of the first life; the next ones follow")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--kind", choices=KINDS)
    asked = parser.parse_args()
    failed = 0
    for seed in range(asked.seed, asked.seed + asked.lives):
        with tempfile.TemporaryDirectory(prefix="waybill-life-") as folder:
            wrong = live(seed, asked.kind or kind_of(seed), asked.steps, pathlib.Path(folder))
        failed += wrong is not None
        if wrong:
            print(f"FAILED {wrong}", flush=True)
    print(f"{asked.lives - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
