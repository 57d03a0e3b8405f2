"""The finished binary, driven from outside: a folder with a configuration, and what it names.

Nothing here knows how the program works inside; it reads what a user could read: exit statuses, output, log lines, the
documents in the lake, and both databases by their own means.
"""
import contextlib
import ctypes
import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("WAYBILL_BUILD", "build")).resolve()
PROGRAM = BUILD / "waybill"

# Stands in rows of every test; row values may stand in Parquet and in the warehouse, and nowhere else.
PLANTED = "plant3d-r0w-valu3"
LIBC = ctypes.CDLL(None, use_errno=True)  # tee(2), which Python has no name for
OTHER_PID_NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]  # nobody outside can know that it is gone
ARROWS = ["take", "adopt", "bound", "begin", "extract", "seal", "load", "announce", "close"]


@dataclasses.dataclass
class Done:
    """What a run left: its exit status, and what it said."""
    status: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)

    def moved(self):
        """{table: (extracted, loaded)} of a run with --json-output -."""
        return {name: (table["rows_extracted"], table["rows_loaded"]) for name, table in self.json()["waybill"]["tables"].items()}

    def events(self, name=None):
        return [event for event in map(as_event, self.err.splitlines()) if event and name in (None, event["event"])]


def as_event(line):
    """A log line of `--log-format json`, or None for any other line."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def sqlite_run(path, script):
    """Runs SQL in a SQLite file, in the autocommit of the sqlite3 shell."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as database:
        database.executescript(script)


def sqlite_rows(path, sql):
    """The rows of a query, or none of another statement, which is committed at once."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as database:
        return database.execute(sql).fetchall()


def contents(folder):
    """Every file with the digest of its content, every folder: for what must change no byte."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in folder.rglob("*")
    }


def next_second():
    """Waits until this second is over: rows that were stamped in it, to the second, may be taken then, without a lag."""
    time.sleep(1.01 - time.time() % 1)


def wait_for(happened, seconds=60):
    """Until it says so; what it says."""
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return found


def assert_told(done, what, which, why, todo):
    """The four parts of the one message there is: what failed, on which object, why, and what to do."""
    assert all((what, which, why, todo)), "an empty part would be found anywhere"
    assert done.err.count("waybill: error: ") == 1, done.err
    message, _, advice = done.err[done.err.index("waybill: error: "):].partition("\n  what to do: ")
    for part in (what, which, why):
        assert part in message, message
    assert todo in advice, done.err
    assert len(message) < 600, "a message is read by a person"


class Running:
    """A started program, in a process group of its own. Its log is read line by line, while it runs.

    The log comes through a pipe that holds one line: a program whose log is not read goes on to the end of the next line
    and no further. So whoever stops reading at an arrow finds the program within that arrow, however fast it is; and
    whoever leaves a line unread (`hold`) finds it before its next line, which is the same program at a known place.
    """

    def __init__(self, command, folder, environment=None):
        self.lines, self.begun = [], b""
        self.out = tempfile.TemporaryFile("w+", errors="replace")
        self.log, log = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)  # each write is a packet, and a page holds one packet
        fcntl.fcntl(log, fcntl.F_SETPIPE_SZ, 4096)
        self.process = subprocess.Popen([str(word) for word in command], cwd=folder, stdout=self.out, stderr=log, start_new_session=True,
                                        env={**os.environ, **(environment or {})})
        os.close(log)

    def next_line(self):
        """The next line of the log, '' at its end."""
        while b"\n" not in self.begun:
            packet = os.read(self.log, 65536)
            if packet == b"":
                line, self.begun = self.begun, b""
                break
            self.begun += packet
        else:
            line, _, self.begun = self.begun.partition(b"\n")
            line += b"\n"
        text = line.decode(errors="replace")
        self.lines += [text] if text else []
        return text

    def waiting_line(self):
        """The line that next_line() would return, left where it is: until it is read, no other can be written."""
        if b"\n" in self.begun:
            return self.begun.partition(b"\n")[0].decode(errors="replace")
        copy, into = os.pipe()
        try:
            if LIBC.tee(self.log, into, 65536, 0) < 0:
                raise OSError(ctypes.get_errno(), "tee")
            os.close(into)
            into = None
            return (self.begun + os.read(copy, 65536)).decode(errors="replace").rstrip("\n")
        finally:
            os.close(copy)
            if into is not None:
                os.close(into)

    def hold(self, wanted):
        """Reads the log up to the line whose event is wanted(event), and leaves that one unread: the program has written
        it, and cannot write another before it is read. False when it ended without one."""
        while line := self.waiting_line():
            event = as_event(line)
            if event and wanted(event):
                return True
            self.next_line()
        return False

    def hold_at_arrow(self, name, at="begin", table=None, nth=1):
        """hold() at the nth such arrow."""
        left = nth

        def wanted(event):
            nonlocal left
            left -= event["event"] == "arrow" and (event["name"], event["at"]) == (name, at) and table in (None, event.get("table"))
            return left == 0
        return self.hold(wanted)

    def until_arrow(self, name, at="begin", table=None, nth=1):
        """Reads the log up to and with the nth such arrow; False when the program ended before."""
        return self.hold_at_arrow(name, at, table, nth) and self.next_line() != ""

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def kill(self):
        """SIGKILL; returns when it is dead: whoever read on before would let it write one more line."""
        self.signal(signal.SIGKILL)
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)

    def finish(self, timeout=120):
        watch = threading.Timer(timeout, self.signal, [signal.SIGKILL])
        watch.start()
        while self.next_line():
            pass
        os.close(self.log)
        status = self.process.wait()
        late = not watch.is_alive()
        watch.cancel()
        self.out.seek(0)
        done = Done(status, self.out.read(), "".join(self.lines))
        assert not late, f"{self.process.args} did not end in {timeout} s\n{done.out}{done.err}"
        return done

    def arrows(self):
        """(name, at) of every arrow that was read from the log."""
        events = [event for event in map(as_event, self.lines) if event and event["event"] == "arrow"]
        return [(event["name"], event["at"]) for event in events]

    def last_arrow(self):
        return self.arrows()[-1] if self.arrows() else ("start", "begin")


class Pipeline:
    """One pipeline `p`, in a folder of its own. Who knows the store says how to look into it: read, keys, uploads."""

    def __init__(self, folder, connections, tables, **pipeline):
        self.folder = pathlib.Path(folder)
        self.connections, self.tables = connections, tables
        self.pipeline = {"source": "shop", "stage": {"store": "lake"}, "target": "dw", **pipeline}
        self.environment = {}
        self.said = []  # everything the program printed
        self.write_config()

    def write_config(self):
        """JSON is YAML; what the tests vary is easier to say as a dict."""
        config = {"connections": self.connections, "pipelines": {"p": {**self.pipeline, "tables": self.tables}}}
        (self.folder / "waybill.yml").write_text(json.dumps(config, indent=1) + "\n")

    # --- running ---------------------------------------------------------------------------------------------------
    def start(self, *args, before=()):
        """Starts the program; `before` is a command that starts it in turn (unshare, strace)."""
        return Running([*before, PROGRAM, *args], self.folder, self.environment)

    def finish(self, running, status=0, timeout=120):
        """Waits for its end. status None: any will do."""
        done = running.finish(timeout)
        self.said += [done.out, done.err]
        assert status in (None, done.status), f"{running.process.args} ended with {done.status}, not {status}\n{done.out}{done.err}"
        return done

    def run(self, *args, status=0, timeout=120, before=()):
        return self.finish(self.start(*args, before=before), status, timeout)

    def sync(self, *args, **options):
        return self.run("sync", "pipeline", "-p", "p", *args, **options)

    def start_sync(self, *args, **options):
        return self.start("sync", "pipeline", "-p", "p", "--log-format", "json", "--log-level", "debug", *args, **options)

    # --- looking ---------------------------------------------------------------------------------------------------
    def scope(self, table):
        """S of a table."""
        return json.loads(self.read(f"watermark/tables/p/{table}.json"))

    def leases(self):
        """{table: its lease} of the tables that somebody has."""
        marks = [key for key in self.keys() if key.startswith("watermark/tables/p/")]
        found = {key.rpartition("/")[2].removesuffix(".json"): json.loads(self.read(key))["lease"] for key in marks}
        return {table: lease for table, lease in found.items() if lease}

    def chain(self, table):
        """The waybills that count, oldest first: those reachable by `prev` from S.extracted."""
        chain, ref = [], self.scope(table)["extracted"]
        while ref:
            waybill = json.loads(self.read(ref["key"]))
            assert waybill["waybill_id"] == ref["id"]
            chain.insert(0, waybill | {"folder": ref["key"].rpartition("/")[0]})
            ref = waybill["prev"]
        return chain

    def assert_nothing_planted(self):
        assert PLANTED not in "".join(self.said), "a row's value stands in the program's output"
        for key in self.keys():
            if key.endswith((".json", ".txt")):
                assert PLANTED not in self.read(key).decode(errors="replace"), f"a row's value stands in {key}"

    def objects(self):
        """(all keys below wb= folders, those of waybills that count: their files, waybill.json and receipt.json)."""
        wanted = set()
        for table in self.tables:
            for waybill in self.chain(table):
                wanted |= {file["key"] for file in waybill["files"] + waybill.get("quarantine", [])}
                wanted |= {f"{waybill['folder']}/{name}" for name in ("waybill.json", "receipt.json")}
        return {key for key in self.keys() if "/wb=" in key}, wanted

    def assert_tidy(self, zombie=False):
        """What counts is there, with one receipt per waybill; what was abandoned is gone but for its tombstone; no upload
        is left half-way. A zombie may have left more. All of it is found by `s3clean orphans`."""
        left = [upload for upload in self.uploads() if not str(upload).startswith("watermark/.probe/")]
        assert left == [], "unfinished uploads"  # but for what a run that died was only trying the store with
        there, wanted = self.objects()
        assert wanted - there == set(), "missing objects"
        rest = [key for key in there - wanted if not (key.endswith("/waybill.json") and json.loads(self.read(key)).get("abandoned"))]
        assert zombie or rest == [], "what was abandoned is still there"
        for table in self.tables:
            self.run("s3clean", "orphans", "-p", "p", "-t", table, "--older-than", "0s", "--force")
        there, wanted = self.objects()
        assert there == wanted, "orphans were not found, or more than orphans were deleted"
        rest = [*self.uploads(), *(key for key in self.keys() if "/.probe/" in key)]
        assert rest == [], "what a probe of the store left is still there"


class Route(Pipeline):
    """From shop.db through lake/ to dw.db: SQLite, a directory, SQLite."""

    def __init__(self, folder, tables, **pipeline):
        self.shop, self.lake, self.dw = (pathlib.Path(folder) / name for name in ("shop.db", "lake", "dw.db"))
        connections = {
            "shop": {"type": "sqlite", "path": self.shop.name},
            "lake": {"type": "directory", "path": self.lake.name},
            "dw": {"type": "sqlite", "path": self.dw.name},
        }
        super().__init__(folder, connections, tables, **pipeline)

    def in_source(self, script):
        sqlite_run(self.shop, script)

    def in_target(self, sql):
        return sqlite_rows(self.dw, sql)

    def at(self, key):
        """The file that holds an object; the tests use names that need no escaping."""
        return self.lake / key

    def read(self, key):
        return self.at(key).read_bytes()

    def keys(self):
        return [str(path.relative_to(self.lake)) for path in self.lake.rglob("*") if path.is_file() and ".waybill" not in path.parts]

    def uploads(self):
        return list((self.lake / ".waybill/uploads").iterdir())

    def compare(self, cast_type=""):
        """Both sides are equal, table by table and row by row, as sqlite3 sees it."""
        done = subprocess.run([ROOT / "tools/compare", self.shop, self.dw, cast_type], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
