"""Everything dies: Waybill at every arrow, both databases, the store, the network. Not a row lost or doubled.

usage: road_kill.py [--kills N] [--seed N] [--rows N] [--grow N] [--patience FACTOR] [--only-kills] [--redshift ISOLATION]

A MariaDB with two tables (accounts: hybrid and merge; journal: id_only and append) changes between runs. Each run is
killed inside an arrow or between two, or one of the servers is, or the network goes, or the store is full. After each: a
status that is true, a run that ends well, and the two databases agree by their own digests. Patience stretches the
pauses: 10 in a soak (the store gone for 30 s, 503 and silence for 60 s), less in a test. With --redshift the rows go into
Redshift's stand-in, of this isolation (snapshot, serializable), and Waybill alone dies.

Where a run dies is no matter of luck: it cannot write the next line of its log before the last one is read (waybill.py),
so it is held after the line that tells of the place, and killed there; afterwards its log is asked whether that was so.
"""
import argparse
import dataclasses
import itertools
import json
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time

from proxy import DOWN, UP, Busy, Cut, Refuse, Stall
from road import Road
from road_redshift import RedshiftRoad
from server_mariadb import MariaDB
from server_postgres import PostgreSQL
from server_redshift import Redshift
from server_s3 import SmallVersityGW, VersityGW
from servers import Servers
from waybill import PLANTED

TABLES = {"accounts": {"mode": "merge"}, "journal": {"increment": "id_only", "mode": "append"}}
MAKE = f"""
CREATE TABLE accounts (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, owner VARCHAR(60) NOT NULL, balance DECIMAL(15,2) NOT NULL,
  updated_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), KEY (updated_at));
CREATE TABLE journal (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, account_id INT NOT NULL, amount INT NOT NULL, note VARCHAR(120));
INSERT INTO accounts (owner, balance, updated_at) SELECT CONCAT('{PLANTED} ', seq), seq * 7919 % 100000, NOW() - INTERVAL 1 DAY + INTERVAL seq DIV 10 SECOND
  FROM seq_1_to_:accounts;
INSERT INTO journal (account_id, amount, note) SELECT seq % 977, seq % 1000, IF(seq % 3, CONCAT('{PLANTED} ', MD5(seq), MD5(-seq)), NULL) FROM seq_1_to_:journal;
"""
CHANGE = f"""
UPDATE accounts SET balance = balance + :by WHERE id % 97 = :by % 97;
INSERT INTO accounts (owner, balance) SELECT owner, :by FROM accounts LIMIT 200;
INSERT INTO journal (account_id, amount, note) SELECT seq, :by, CONCAT('{PLANTED} ', MD5(seq + :by), MD5(CONCAT(seq, ' of ', :by))) FROM seq_1_to_:grow;
"""
# What may be the matter with a table when a server or the network went. A lease is lost where its owner was kept from it.
TROUBLE = {"unavailable", "throttled", "busy", "unknown"}
LATE = TROUBLE | {"lease"}
EXIT = {kind: 5 for kind in TROUBLE} | {"lease": 7}
LEASE_S = 3


@dataclasses.dataclass(frozen=True)
class Place:
    """Inside an arrow (`then` is None), or after it has ended and before the arrow `then` begins."""
    arrow: str
    then: str = None
    table: str = None  # None: the first that comes there
    nth: int = 1  # of the table's; -1: the last

    def __str__(self):
        return f"between {self.arrow} and {self.then}" if self.then else f"in {self.arrow}"

    def at(self):
        return "end" if self.then else "begin"

    def number(self, chunks):
        """nth, counted from 1, in a run of so many chunks. The last load of a table waits for the loader."""
        return self.nth if self.nth > 0 else chunks[self.table] + {"bound": 1, "load": 2}[self.arrow]


# Every way from one arrow to the next. The first load of a table is of what earlier runs sealed; its last waits for the loader.
PLACES = [
    Place("take"), Place("take", "adopt"), Place("adopt"), Place("adopt", "load"), Place("load"), Place("load", "bound"),
    Place("bound"), Place("bound", "begin"), Place("begin"), Place("begin", "extract"), Place("extract"), Place("extract", "seal"),
    Place("seal"), Place("seal", "load"), Place("load", nth=2), Place("load", "bound", nth=2), Place("bound", nth=2),
    Place("bound", "load", "accounts", -1), Place("load", table="accounts", nth=-1), Place("load", "take", "accounts", -1),
    Place("bound", "load", "journal", -1), Place("load", table="journal", nth=-1), Place("load", "announce", "journal", -1),
    Place("announce"), Place("announce", "close"), Place("close"), Place("close", "close"), Place("close", nth=2),
]


def arrows_of(done):
    return [event for event in done.events("arrow")]


def assert_place(place, arrows, chunks):
    """That a run which nobody disturbed has this place, followed by what its name says."""
    steps = [(event["name"], event["at"], event.get("table")) for event in arrows]
    there = [at for at, step in enumerate(steps) if step[:2] == (place.arrow, place.at()) and place.table in (None, step[2])]
    at = there[place.number(chunks) - 1]
    follows = next((step for step in steps[at + 1:] if step[1] == "begin"), None)
    assert place.then is None or follows[0] == place.then, f"{place}: {follows} follows"
    assert place.nth != -1 or len(there) == place.number(chunks), f"{place}: {len(there)} of them"


class Disturbed:
    """A road that is disturbed again and again; `trouble` counts what was done."""

    def __init__(self, road, chance, rows, patience, log, grow=None):
        self.road, self.chance, self.rows, self.patience, self.log = road, chance, rows, patience, log
        self.proxies = {name: road.through(name) for name in road.connections}
        self.killed = dict.fromkeys(map(str, PLACES), 0)
        self.trouble, self.survived, self.begun, self.healing = 0, 0, time.monotonic(), []
        self.grow = grow or max(rows // 10, 100)
        self.chunks = {"accounts": 1, "journal": -(-self.grow // road.pipeline["chunk"]["rows"])}  # of a run after one change
        road.in_source(MAKE.replace(":accounts", str(rows // 4)).replace(":journal", str(rows)))

    def change(self):
        by = self.chance.randrange(1, 97)
        self.road.in_source(CHANGE.replace(":by", str(by)).replace(":grow", str(self.grow)))

    def assert_true(self, what, done, name, kinds):
        """The exit status is what the tables' own ends make of it; a table that went well is equal; the others name what
        was broken, and that alone."""
        document = json.loads((self.road.folder / "run.json").read_text())
        ends = {}
        for table, details in document["waybill"]["tables"].items():
            error = details.get("error")
            ends[table] = error["exit_status"] if error else 0
            if error is None:
                assert self.road.differences(only=table) == [], f"{what}: '{table}' was told to be through"
                continue
            assert error["kind"] in kinds and ends[table] == EXIT[error["kind"]], f"{what}: {error}\n{done.err}"
            assert error["kind"] == "lease" or name is None or f"'{name}'" in error["text"], f"{what}: {error}"
            assert error["todo"], f"{what}: {error}"
        bad = {end for end in ends.values() if end}
        status = 0 if not bad else 3 if 0 in ends.values() else bad.pop() if len(bad) == 1 else 1
        assert done.status == status, f"{what}: {done.status}, and of the tables {ends}\n{done.err}"

    def settle(self, what, done=None, name=None, kinds=TROUBLE):
        """After a disturbance: its run's status was true; one more run is well; both sides are equal."""
        self.heal()
        if done is not None and done.status != -signal.SIGKILL:
            self.assert_true(what, done, name, kinds)
            self.survived += done.status == 0
        self.road.sync(timeout=300)
        self.road.assert_equal()
        assert self.road.uploads() == [], f"{what}: an upload was left half-way"
        self.trouble += 1
        self.log(f"{time.monotonic() - self.begun:6.0f} s  {what}: {'' if done is None else f'ended with {done.status}, '}then equal")

    def start(self):
        (self.road.folder / "run.json").unlink(missing_ok=True)
        return self.road.start_sync("--json-output", "run.json")

    def run(self, timeout=300):
        return self.road.finish(self.start(), status=None, timeout=timeout)

    def at(self, arrow, at="begin", table=None, nth=1):
        """A run that is held where it came so far, with new rows to move."""
        running = self.start()
        assert running.hold_at_arrow(arrow, at, table, nth), f"no {arrow} {at} of {table}, {nth}\n{''.join(running.lines)}"
        return running

    # --- Waybill dies ----------------------------------------------------------------------------------------------
    def look_at_places(self):
        """One run that nobody disturbs: the places are where their names say."""
        self.change()
        arrows = arrows_of(self.road.finish(self.start()))
        for place in PLACES:
            assert_place(place, arrows, self.chunks)

    def kill(self, place):
        self.change()
        running = self.at(place.arrow, place.at(), place.table, place.number(self.chunks))
        time.sleep(0 if place.then else self.chance.choice([0, 0.001, 0.01, 0.05, 0.2]))
        running.kill()
        done = self.road.finish(running, status=-signal.SIGKILL)
        assert running.last_arrow() == (place.arrow, place.at()), f"{place}: {running.last_arrow()}"
        self.killed[str(place)] += 1
        self.settle(f"kill -9 {place}", done)

    def kill_all(self, kills):
        self.look_at_places()
        places = itertools.chain.from_iterable(self.chance.sample(PLACES, len(PLACES)) for _ in itertools.count())
        for place in itertools.islice(places, kills):
            self.kill(place)

    # --- a server or the network goes --------------------------------------------------------------------------------
    def break_at(self, what, name, arrow, trouble, kinds=TROUBLE, timeout=400):
        """`trouble()` while a run is held at the arrow; then that goes on. `name` is the connection that is broken."""
        self.change()
        running = self.at(arrow)
        trouble()
        self.settle(what, self.road.finish(running, status=None, timeout=timeout), name, kinds)

    def later(self, seconds, heal):
        """Heals by itself, while the run is watched."""
        now = threading.Event()

        def wait():
            now.wait(seconds)
            heal()
        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        self.healing.append((now, waiting))

    def heal(self):
        """Whatever the matter is; at once, where its run ended before its time came, so that none of it reaches the next."""
        for now, waiting in self.healing:
            now.set()
            waiting.join()
        self.healing = []
        for proxy in self.proxies.values():
            proxy.fault = None

    def servers(self):
        return {"shop": self.road.mariadb, "lake": self.road.s3, "dw": self.road.postgres}

    def servers_die(self):
        servers = self.servers()
        for name, arrow in (("shop", "extract"), ("lake", "extract"), ("lake", "seal"), ("dw", "load"), ("dw", "take")):
            self.break_at(f"{name} killed in {arrow}", name, arrow, servers[name].crash)
        for name, arrow in (("shop", "extract"), ("lake", "extract"), ("dw", "load")):
            self.break_at(f"{name} restarted in {arrow}", name, arrow, servers[name].restart)

        def paused(server, seconds):
            server.pause()
            self.later(seconds, server.resume)
        seconds = 3 * self.patience
        for name, arrow in (("shop", "extract"), ("lake", "extract"), ("dw", "load")):
            self.break_at(f"{name} paused for {seconds:.1f} s in {arrow}", name, arrow, lambda name=name: paused(servers[name], seconds), LATE)

        def gone(server, seconds):
            server.kill()
            self.later(seconds, server.start)
        self.break_at(f"lake gone for {seconds:.1f} s", "lake", "extract", lambda: gone(servers["lake"], seconds), LATE)

    def network_fails(self):
        chance = self.chance
        for name, arrow, rows_go in (("shop", "bound", DOWN), ("lake", "extract", UP), ("dw", "load", UP)):
            proxy = self.proxies[name]
            for way, after in ((UP, chance.randrange(200, 5000)), (DOWN, chance.randrange(200, 5000)), (UP, 100_000), (DOWN, 100_000)):
                proxy.fault = Cut(after, way, left=1)
                self.change()
                self.settle(f"{name}: a connection cut after {after} bytes {way}", self.run(), name)
            seconds = 0.5 * self.patience
            proxy.fault = Refuse()
            self.later(seconds, lambda proxy=proxy: setattr(proxy, "fault", None))
            self.change()
            self.settle(f"{name}: refused for {seconds:.1f} s", self.run(), name, LATE)
            self.change()
            seconds, hits = 6 * self.patience, proxy.hits
            proxy.fault = Stall(chance.randrange(500, 20_000), rows_go)
            self.later(seconds, lambda proxy=proxy: (setattr(proxy, "fault", None), proxy.cut_all()))
            self.settle(f"{name}: stalled for {seconds:.1f} s", self.run(), name, LATE)
            assert proxy.hits > hits, f"{name}: no connection carried so much"
            self.break_at(f"{name}: every connection cut in {arrow}", name, arrow, proxy.cut_all)

        def busy(seconds):
            self.proxies["lake"].fault = Busy()
            self.proxies["lake"].cut_all()
            self.later(seconds, lambda: setattr(self.proxies["lake"], "fault", None))
        seconds = 6 * self.patience
        self.break_at(f"503 for {seconds:.1f} s", "lake", "extract", lambda: busy(seconds), LATE)

    # --- two of them -------------------------------------------------------------------------------------------------
    def owners_meet(self):
        for arrow, at in (("begin", "end"), ("extract", "begin"), ("seal", "begin"), ("seal", "end"), ("load", "begin"), ("load", "end")):
            self.change()
            running = self.at(arrow, at)
            running.signal(signal.SIGSTOP)
            second = self.road.sync(status=None, timeout=300)
            running.signal(signal.SIGCONT)
            first = self.road.finish(running, status=None)
            # Paused inside a load, it may hold the target's lock for so long that the second gives up before it has the lease.
            assert second.status in (0, 5), second.err
            assert first.status in (3, 7) or (second.status == 5 and first.status == 0), f"whoever lost its lease must say so\n{first.err}"
            self.settle(f"paused past its lease at {arrow} {at}, the other ended with {second.status}", first, kinds={"lease"})
        self.change()
        running = self.at("extract")
        second = self.road.sync("-t", "accounts", status=7)
        assert self.road.scope("accounts")["lease"]["host"] in second.err, "it says who works"
        first = self.road.finish(running, status=0)
        self.settle("two at once, one of them ended with 7", first)

    def suffer(self, *troubles):
        """From the first load to a tidy end."""
        self.road.sync(timeout=1800)
        self.road.assert_equal()
        for trouble in troubles:
            trouble()
        self.road.assert_tidy(zombie=True)
        return self

    def all(self, kills, only_kills=False):
        others = [] if only_kills else [self.servers_die, self.network_fails, self.owners_meet]
        return self.suffer(lambda: self.kill_all(kills), *others)


def new_road(folder, name, servers, s3, grow=0, tables=TABLES, **store):
    """A short lease, so that a run that was paused has lost it soon; small chunks, so that `grow` rows are several."""
    road = Road(folder, name, servers.get(MariaDB), s3, servers.get(PostgreSQL), tables, lag="0s", lease=f"{LEASE_S}s",
                chunk={"rows": max(4000, grow * 2 // 5)})
    road.connections["lake"].update(store)
    road.pipeline["part_bytes"] = "5MiB"
    road.write_config()
    return road


# --- a store without room -------------------------------------------------------------------------------------------


def assert_full(done, road, what):
    """It says so, says what to do, and says which store."""
    document = json.loads((road.folder / "run.json").read_text())
    errors = [table["error"] for table in document["waybill"]["tables"].values() if "error" in table]
    assert errors and done.status == (5 if len(errors) == len(road.tables) else 3), f"{what}: ended with {done.status}\n{done.err}"
    for error in errors:
        assert error["kind"] == "unavailable" and "store 'lake'" in error["text"] and "No space left on device" in error["text"], f"{what}: {error}"
        assert "free some space" in error["todo"], f"{what}: {error}"


def store_is_full(road, store, rows, arrows=("begin", "extract", "seal", "load", "announce", "close"), log=print):
    """The store has no room when a run starts, or has none from an arrow on, or runs out of it half-way through a file:
    each time the run says so, and when there is room again the next one goes on."""
    disturbed = Disturbed(road, random.Random(1), rows, 1, log)
    road.sync(timeout=300)

    def settle(what, done):
        assert_full(done, road, what)
        store.free()
        disturbed.settle(f"the store is full {what}")
        road.assert_tidy()

    disturbed.change()
    store.fill()
    assert_full(disturbed.run(), road, "from the start")
    settle("from the start, and still", disturbed.run())
    for arrow in arrows:
        disturbed.change()
        running = disturbed.at(arrow)
        store.fill()
        settle(f"from {arrow} on", road.finish(running, status=None))
    road.in_source("INSERT INTO journal (account_id, amount, note) SELECT seq, 0, CONCAT(MD5(seq), SHA(seq)) FROM seq_1_to_200000")
    store.fill(leave_kib=6 << 10)  # one part of two
    settle("half-way", disturbed.run())
    return disturbed


def new_redshift_road(folder, servers, isolation, grow):
    """Its stand-in, as a cluster of this isolation."""
    s3, postgres = servers.get(VersityGW), servers.get(PostgreSQL)
    cluster = servers.get(Redshift, f"redshift-{isolation}", postgres=postgres, s3=s3, options=["--isolation", isolation])
    return RedshiftRoad(folder, f"kill-{isolation}", servers.get(MariaDB), s3, postgres, cluster, TABLES, lag="0s", lease=f"{LEASE_S}s",
                        chunk={"rows": max(4000, grow * 2 // 5)}, part_bytes="5MiB")


def few_of(disturbed, kills):
    """Places that got less than their share."""
    return [place for place, count in disturbed.killed.items() if count < 2] if kills >= 2 * len(PLACES) else []


def soak_redshift(folder, servers, asked, log):
    started, grow = time.monotonic(), asked.grow or asked.rows // 10
    road = new_redshift_road(folder, servers, asked.redshift, grow)
    disturbed = Disturbed(road, random.Random(asked.seed), asked.rows, asked.patience, log, grow).all(asked.kills, only_kills=True)
    log(f"{time.monotonic() - started:.0f} s; {asked.redshift}")
    road.assert_no_secret()
    return disturbed.trouble, few_of(disturbed, asked.kills)


def soak(folder, servers, asked, log):
    started = time.monotonic()
    for name in ("kill-road", "full-road"):
        (folder / name).mkdir()
    grow = asked.grow or asked.rows // 10
    road = new_road(folder / "kill-road", "kill-road", servers, servers.get(VersityGW), grow)
    disturbed = Disturbed(road, random.Random(asked.seed), asked.rows, asked.patience, log, grow).all(asked.kills, asked.only_kills)
    log(f"{time.monotonic() - started:.0f} s; {disturbed.survived} runs went through their trouble")
    for place, count in disturbed.killed.items():
        log(f"killed {place:<28} {count:>4}")
    few = few_of(disturbed, asked.kills)
    if asked.only_kills:
        return disturbed.trouble, few
    small = servers.get(SmallVersityGW)
    full = store_is_full(new_road(folder / "full-road", "full-road", servers, small), small, 12_000, log=log)
    return disturbed.trouble + full.trouble, few


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--grow", type=int, help="rows of one change; a tenth of them without")
    parser.add_argument("--patience", type=float, default=10)
    parser.add_argument("--only-kills", action="store_true")
    parser.add_argument("--redshift", choices=["snapshot", "serializable"])
    asked = parser.parse_args()
    servers = Servers()
    with tempfile.TemporaryDirectory(prefix="waybill-kill-") as folder:
        try:
            passed, few = (soak_redshift if asked.redshift else soak)(pathlib.Path(folder), servers, asked, lambda line: print(line, flush=True))
        finally:
            servers.close()
    print(f"killed too seldom: {', '.join(few) or 'nowhere'}")
    print(f"{passed} passed, {len(few)} failed")
    return 1 if few else 0


if __name__ == "__main__":
    sys.exit(main())
