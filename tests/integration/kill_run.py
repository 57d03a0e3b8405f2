"""kill -9, again and again, and not a row lost or doubled.

usage: kill_run.py [--kills N] [--seed N] [--rows N] [--keep FOLDER]

A source with two tables (accounts: hybrid and merge; journal: id_only and append) changes between runs, and every run
is killed with its process group: on an arrow of the protocol as the log tells it, or up to a few milliseconds later.
The arrow with the fewest kills so far is the next one's aim. All the time a reader polls the warehouse: every count of
the append table it ever sees must be a sum of whole waybills. At the end one clean run, and everything must agree.
"""
import argparse
import pathlib
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time

from waybill import ARROWS, PLANTED, Route

LAG_S = 0.2  # a stamp is taken under the writer's lock, so any lag is safe; a short one gives every run something to do
TABLES = {
    "accounts": {"cursor": "updated_at"},
    "journal": {"increment": "id_only", "mode": "append"},
}
MAKE = f"""
PRAGMA journal_mode = WAL;
CREATE TABLE accounts (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, balance INTEGER NOT NULL, updated_at DATETIME NOT NULL);
CREATE TABLE journal (id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, amount INTEGER NOT NULL, note TEXT);
BEGIN;
INSERT INTO accounts WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :accounts)
  SELECT i, '{PLANTED} ' || i, i * 7919 % 100000, strftime('%Y-%m-%d %H:%M:%f', 'now', '-1 day', (i / 10) || ' seconds') FROM n;
INSERT INTO journal (account_id, amount, note) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows - :accounts)
  SELECT 1 + i % :accounts, i * 31 % 1000, CASE WHEN i % 3 THEN '{PLANTED} ' || i END FROM n;
CREATE INDEX accounts_updated_at ON accounts (updated_at);
COMMIT;
"""
CHANGE = f"""
BEGIN IMMEDIATE;
UPDATE accounts SET balance = balance + :by, updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id % 997 = :by;
INSERT INTO accounts (owner, balance, updated_at)
  SELECT owner, :by, strftime('%Y-%m-%d %H:%M:%f', 'now') FROM accounts WHERE id <= 300;
INSERT INTO journal (account_id, amount, note) SELECT account_id, :by, note FROM journal WHERE id <= 3000;
COMMIT;
"""


def fill(script, **values):
    for name, value in values.items():
        script = script.replace(f":{name}", str(value))
    return script


class Reader(threading.Thread):
    """Polls the warehouse as a dashboard would; keeps every count it saw, in order, without repeats."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.counts, self.stop, self.reads = path, [], threading.Event(), 0

    def run(self):
        while not self.stop.wait(0.005):
            try:
                with sqlite3.connect(f"file:{self.path}?mode=rw", uri=True, timeout=0.05) as database:
                    count = database.execute("SELECT count(*) FROM journal").fetchone()[0]
                database.close()
            except sqlite3.OperationalError:
                continue  # not there yet, or locked by a COMMIT
            self.reads += 1
            if self.counts[-1:] != [count]:
                self.counts.append(count)


def check(errors, what, passed):
    print(("ok    " if passed else "FAIL  ") + what, flush=True)
    if not passed:
        errors.append(what)


def kill_once(route, chance, aim, landed):
    """One run, killed at or shortly after `aim`. Where the log says it died is counted; a run that ended well is not."""
    running = route.start_sync()
    seen = running.until_arrow(aim, at=chance.choice(["begin", "begin", "end"]), nth=chance.choice([1, 1, 1, 2, 3]))
    if seen:
        time.sleep(chance.choice([0, 0.0005, 0.002, 0.01, 0.05]))
        running.kill()
    done = route.finish(running, status=None)
    if done.status == -signal.SIGKILL:
        landed[running.last_arrow()[0]] += 1
        return True
    if done.status != 0:
        raise AssertionError(f"a run between kills ended with {done.status}\n{done.err}")
    return False


def kill_all(route, chance, kills):
    landed = dict.fromkeys(["start", *ARROWS], 0)
    missed = 0
    while sum(landed.values()) < kills:
        aim = min(ARROWS, key=lambda arrow: (landed[arrow], chance.random()))
        missed += not kill_once(route, chance, aim, landed)
        if missed > 5 * kills:
            raise AssertionError(f"only {sum(landed.values())} of {kills} kills hit a run that was still going")
        route.in_source(fill(CHANGE, by=chance.randrange(997)))
    return landed, missed


def sums(route):
    """What count(*) of the append table may be: before the first waybill, and after each."""
    total, allowed = 0, [0]
    for waybill in route.chain("journal"):
        total += waybill["rows"]
        allowed.append(total)
    return allowed


def finish(route, reader, errors):
    time.sleep(LAG_S + 1.1)
    clean = route.sync(status=None)
    check(errors, f"one clean run ends well ({clean.status})", clean.status == 0)
    if clean.status != 0:
        print(clean.err)
    reader.stop.set()
    reader.join()

    try:
        print(route.compare(), end="")
        check(errors, "both sides are equal", True)
    except AssertionError as unequal:
        check(errors, f"both sides are equal: {unequal}", False)
    allowed = sums(route)
    strange = [count for count in reader.counts if count not in set(allowed)]
    check(errors, f"all {len(reader.counts)} counts in {reader.reads} reads are sums of whole waybills (of {len(allowed) - 1}): {strange[:5]}", not strange)
    check(errors, "the append table never shrank", reader.counts == sorted(reader.counts))

    for name, look in (("no upload half-way, no orphan that s3clean does not find, one receipt per waybill", route.assert_tidy),
                       ("no row's value in any output or document", route.assert_nothing_planted)):
        try:
            look()
            check(errors, name, True)
        except AssertionError as untidy:
            check(errors, f"{name}: {untidy}", False)


def run(folder, kills, seed, rows):
    chance, errors = random.Random(seed), []
    route = Route(folder, TABLES, lag=f"{int(LAG_S * 1000)}ms", chunk={"rows": max(rows // 25, 1000)})
    route.in_source(fill(MAKE, accounts=rows // 4, rows=rows))
    print(f"{rows} rows, {kills} kills, seed {seed}", flush=True)
    reader = Reader(route.dw)
    reader.start()
    started = time.monotonic()
    landed, missed = kill_all(route, chance, kills)
    for arrow, count in landed.items():
        print(f"killed in {arrow:<9} {count:>4}")
    print(f"{sum(landed.values())} kills in {time.monotonic() - started:.0f} s; {missed} runs were over first", flush=True)
    if kills >= 4 * len(ARROWS):
        check(errors, "at least three kills in every arrow", min(landed[arrow] for arrow in ARROWS) >= 3)
    finish(route, reader, errors)
    return sum(landed.values()), errors


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=pathlib.Path, help="work in this new folder and leave it")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="waybill-kill-") as temporary:
        folder = asked.keep or pathlib.Path(temporary)
        folder.mkdir(exist_ok=True)
        kills, errors = run(folder, asked.kills, asked.seed, asked.rows)
    print(f"{0 if errors else kills} kills passed, {len(errors)} failed")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
