"""Everything dies: Waybill at every arrow, both databases, the store, the network. Not a row lost or doubled.

usage: road_kill.py [--kills N] [--seed N] [--rows N] [--patience FACTOR]

A MariaDB with two tables (accounts: hybrid and merge; journal: id_only and append) changes between runs. Each run is
killed at an arrow, or one of the servers is, or the network goes. After each: a status that is true, a run that ends
well, and the two databases agree by their own digests. Patience stretches the pauses: 1 in a test, 10 in a soak.
"""
import argparse
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time

from proxy import DOWN, UP, Busy, Cut, Refuse, Stall
from road import Road
from server_mariadb import MariaDB
from server_postgres import PostgreSQL
from server_s3 import VersityGW
from servers import Servers
from waybill import ARROWS, PLANTED

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
# What a run may end with when the world around it broke; it has no other excuse.
EXCUSES = {1, 3, 5, 7}


class Disturbed:
    """A road that is disturbed again and again; `trouble` counts what was done."""

    def __init__(self, road, chance, rows, patience, log):
        self.road, self.chance, self.rows, self.patience, self.log = road, chance, rows, patience, log
        self.proxies = {name: road.through(name) for name in road.connections}
        self.landed = dict.fromkeys(["start", *ARROWS], 0)
        self.trouble, self.survived = 0, 0
        road.in_source(MAKE.replace(":accounts", str(rows // 4)).replace(":journal", str(rows)))

    def change(self):
        by = self.chance.randrange(1, 97)
        self.road.in_source(CHANGE.replace(":by", str(by)).replace(":grow", str(max(self.rows // 10, 100))))

    def settle(self, what, done=None):
        """After a disturbance: its run's status was true; one more run is well; both sides are equal."""
        for proxy in self.proxies.values():
            proxy.fault = None
        if done is not None and done.status == 0:
            self.survived += 1
            self.road.assert_equal()  # it said so
        elif done is not None:
            assert done.status in EXCUSES | {-signal.SIGKILL}, f"{what}: ended with {done.status}\n{done.err}"
        self.road.sync(timeout=300)
        self.road.assert_equal()
        assert self.road.uploads() == [], f"{what}: an upload was left half-way"
        self.trouble += 1
        self.log(f"ok    {what}: {'' if done is None else f'ended with {done.status}, '}then equal")

    def at(self, arrow, at="begin", nth=1):
        """A run that has come so far, with new rows to move; None when it was over before."""
        running = self.road.start_sync()
        if running.until_arrow(arrow, at=at, nth=nth):
            return running
        self.road.finish(running)
        return None

    # --- Waybill dies ----------------------------------------------------------------------------------------------
    def kill(self, aim):
        self.change()
        running = self.at(aim, at=self.chance.choice(["begin", "end"]), nth=self.chance.choice([1, 1, 2]))
        if running is None:
            return False
        time.sleep(self.chance.choice([0, 0.001, 0.01, 0.05, 0.2]))
        running.signal(signal.SIGKILL)
        done = self.road.finish(running, status=None)
        if done.status != -signal.SIGKILL:
            return False
        self.landed[running.last_arrow()[0]] += 1
        self.settle(f"kill -9 in {running.last_arrow()[0]}", done)
        return True

    def kill_all(self, kills):
        missed = 0
        while sum(self.landed.values()) < kills:
            aim = min(ARROWS, key=lambda arrow: (self.landed[arrow], self.chance.random()))
            missed += not self.kill(aim)
            assert missed <= 5 * kills, "too few kills hit a run that was still going"

    # --- a server or the network goes ----------------------------------------------------------------------------------
    def break_at(self, what, arrow, trouble, timeout=400):
        """Reads the log up to the arrow, then `trouble()` while the run waits there for its log to be read, then lets it go on."""
        self.change()
        running = self.at(arrow)
        assert running, f"{what}: the run never came to {arrow}"
        trouble()
        self.settle(what, self.road.finish(running, status=None, timeout=timeout))

    def later(self, seconds, heal):
        """Heals by itself, while the run is watched."""
        timer = threading.Timer(seconds, heal)
        timer.daemon = True
        timer.start()
        return timer

    def servers_die(self):
        road = self.road
        for server, name, arrow in ((road.mariadb, "MariaDB", "extract"), (road.postgres, "PostgreSQL", "load"), (road.s3, "the store", "extract")):
            self.break_at(f"{name} killed in {arrow}", arrow, server.crash)
            self.break_at(f"{name} restarted in {arrow}", arrow, server.restart)
        self.break_at("the store killed in seal", "seal", road.s3.crash)
        self.break_at("PostgreSQL killed in take", "take", road.postgres.crash)

        def gone(server, seconds):
            server.kill()
            self.later(seconds, server.start)
        self.break_at("the store gone for a while", "extract", lambda: gone(road.s3, 0.5 * self.patience))
        road.s3.start() if road.s3.process.poll() is not None else None

        def paused(server, seconds):
            server.pause()
            self.later(seconds, server.resume)
        for server, name, arrow in ((road.s3, "the store", "extract"), (road.postgres, "PostgreSQL", "load"), (road.mariadb, "MariaDB", "extract")):
            self.break_at(f"{name} paused for {3 * self.patience:.0f} s in {arrow}", arrow, lambda server=server: paused(server, 3 * self.patience))

    def network_fails(self):
        chance = self.chance
        for name, arrow in (("shop", "bound"), ("lake", "extract"), ("dw", "load")):
            proxy = self.proxies[name]
            for way, after in ((UP, chance.randrange(200, 5000)), (DOWN, chance.randrange(200, 5000)), (UP, 100_000), (DOWN, 100_000)):
                proxy.fault = Cut(after, way, left=1)
                self.change()
                self.settle(f"{name}: a connection cut after {after} bytes {way}", self.road.sync(status=None, timeout=300))
            proxy.fault = Refuse()
            self.later(0.5 * self.patience, lambda proxy=proxy: setattr(proxy, "fault", None))
            self.change()
            self.settle(f"{name}: refused for {0.5 * self.patience:.0f} s", self.road.sync(status=None, timeout=300))
            self.change()
            proxy.fault = Stall(chance.randrange(500, 20_000), chance.choice([UP, DOWN]))
            self.later(6 * self.patience, lambda proxy=proxy: (setattr(proxy, "fault", None), proxy.cut_all()))
            self.settle(f"{name}: stalled for {6 * self.patience:.0f} s", self.road.sync(status=None, timeout=300))
            self.break_at(f"{name}: every connection cut in {arrow}", arrow, proxy.cut_all)

        def busy():
            self.proxies["lake"].fault = Busy()
            self.proxies["lake"].cut_all()
            self.later(6 * self.patience, lambda: setattr(self.proxies["lake"], "fault", None))
        self.break_at(f"503 for {6 * self.patience:.0f} s", "extract", busy)

    # --- two of them -------------------------------------------------------------------------------------------------
    def owners_meet(self):
        for arrow, at in (("begin", "end"), ("extract", "begin"), ("seal", "begin"), ("seal", "end"), ("load", "begin"), ("load", "end")):
            self.change()
            running = self.at(arrow, at)
            assert running, arrow
            running.signal(signal.SIGSTOP)
            second = self.road.sync(status=None, timeout=300)
            running.signal(signal.SIGCONT)
            first = self.road.finish(running, status=None)
            assert second.status in (0, 5), second.err
            assert first.status != 0, "whoever lost its lease must not report success"
            self.settle(f"paused past its lease at {arrow} {at}", first)
        self.change()
        running = self.at("extract")
        second = self.road.sync("-t", "accounts", status=None)
        assert second.status == 7, second.err
        self.settle("two at once, one of them ended with 7", self.road.finish(running))


def disturb(road, kills, seed, rows, patience, log=print):
    """Everything once, and `kills` kills; returns how much trouble there was, and where Waybill was killed."""
    disturbed = Disturbed(road, random.Random(seed), rows, patience, log)
    road.sync(timeout=300)
    road.assert_equal()
    disturbed.kill_all(kills)
    disturbed.servers_die()
    disturbed.network_fails()
    disturbed.owners_meet()
    road.assert_tidy(zombie=True)
    return disturbed


def new_road(folder, name, servers, s3=VersityGW):
    """A short lease, so that a run that was paused has lost it soon; small chunks, files and parts, so that there are several."""
    return Road(folder, name, servers.get(MariaDB), servers.get(s3), servers.get(PostgreSQL), TABLES, lag="0s", lease="2s", chunk={"rows": 4000})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--patience", type=float, default=10)
    asked = parser.parse_args()
    servers = Servers()
    with tempfile.TemporaryDirectory(prefix="waybill-kill-") as folder:
        try:
            started = time.monotonic()
            road = new_road(pathlib.Path(folder), "kill-road", servers)
            disturbed = disturb(road, asked.kills, asked.seed, asked.rows, asked.patience, lambda line: print(line, flush=True))
            for arrow, count in disturbed.landed.items():
                print(f"killed in {arrow:<9} {count:>4}")
            few = [arrow for arrow in ARROWS if disturbed.landed[arrow] < 2] if asked.kills >= 3 * len(ARROWS) else []
            print(f"{time.monotonic() - started:.0f} s; {disturbed.survived} runs went through their trouble; killed too seldom in: {few or 'none'}")
            print(f"{disturbed.trouble - len(few)} passed, {len(few)} failed")
            return 1 if few else 0
        finally:
            servers.close()


if __name__ == "__main__":
    sys.exit(main())
