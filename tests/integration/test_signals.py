"""Signals, pauses and other owners: a run that is stopped leaves nothing that the next one cannot put right."""
import signal
import sqlite3
import time

import pytest

from waybill import OTHER_PID_NAMESPACE, PLANTED

MAKE = f"""
CREATE TABLE parcels (id INTEGER PRIMARY KEY, address TEXT, updated_at DATETIME NOT NULL);
INSERT INTO parcels WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
  SELECT i, '{PLANTED} ' || i, datetime('now', '-2 days', (i / 7) || ' seconds') FROM n;
CREATE INDEX parcels_updated_at ON parcels (updated_at);
"""


@pytest.fixture
def post(route):
    made = route({"parcels": {}}, chunk={"rows": 50000}, lease="3s")
    made.in_source(MAKE)
    return made


@pytest.mark.parametrize("arrow", ["extract", "load"])
@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_s71_a_signal_ends_the_run_and_the_next_is_exact(post, arrow, number, status):
    running = post.start_sync()
    assert running.until_arrow(arrow, nth=2)
    asked = time.monotonic()
    running.signal(number)
    post.finish(running, status=status)
    assert time.monotonic() - asked < 5, "a signal is answered soon"
    assert post.leases() == {}, "whoever stops in order gives its lease"
    post.sync()
    post.compare()
    post.assert_tidy()


def hold_at_bound(post, before=()):
    """A run that has its lease and beats, but waits for the source: a writer of ours is open there."""
    writer = sqlite3.connect(post.shop, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    running = post.start_sync(before=before)
    assert running.until_arrow("bound"), "".join(running.lines)
    return running, writer


@pytest.mark.parametrize("before", [(), OTHER_PID_NAMESPACE], ids=["beside", "in another pid namespace"])
def test_s75_a_live_owner_is_not_robbed(post, before):
    running, writer = hold_at_bound(post, before)
    second = post.sync(status=7)
    assert post.scope("parcels")["lease"]["host"] in second.err, "it says who holds the lease"
    writer.execute("ROLLBACK")
    post.finish(running)
    post.compare()
    post.assert_tidy()


def test_s31_an_owner_killed_in_another_pid_namespace_is_waited_for_one_ttl(post):
    running, writer = hold_at_bound(post, OTHER_PID_NAMESPACE)
    running.signal(signal.SIGKILL)
    post.finish(running, status=None)
    writer.execute("ROLLBACK")
    asked = time.monotonic()
    post.sync()
    assert time.monotonic() - asked >= 2.9, "nobody can know that it is gone before its lease has run out"
    post.compare()
    post.assert_tidy()


def lease_moves(post, owner, seconds):
    """Whether another than `owner` takes the lease within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if post.scope("parcels")["lease"]["run_id"] != owner:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("arrow, at", [("begin", "end"), ("extract", "begin"), ("seal", "begin"), ("seal", "end"), ("load", "end")])
def test_s99_a_paused_owner_comes_back_to_nothing(post, arrow, at):
    running = post.start_sync()
    assert running.until_arrow(arrow, at=at, nth=2)
    running.signal(signal.SIGSTOP)
    owner = post.scope("parcels")["lease"]["run_id"]
    successor = post.start("sync", "pipeline", "--log-level", "error", "--progress", "none")
    taken = lease_moves(post, owner, seconds=8)
    running.signal(signal.SIGCONT)
    first, second = post.finish(running, status=None), post.finish(successor, status=None)
    assert not taken or first.status == 7, "whoever has lost its lease says so" + first.err + second.err
    if first.status == 7:  # it may still have applied a waybill, while the second waited for the lock that it slept on
        assert second.status == 0, first.err + second.err
    else:  # it slept on a lock that the second met before it could take the lease: the first is the owner still
        assert first.status == 0 and second.status in (0, 5, 7), first.err + second.err
        post.compare()
    post.sync()
    post.compare()
    post.assert_tidy(zombie=True)
