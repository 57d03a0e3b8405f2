"""Several tables at once from MariaDB over S3 to PostgreSQL: the same rows, each table's own report, whatever dies."""
import json
import random
import signal
import time

import pytest

from waybill import OTHER_PID_NAMESPACE, PLANTED

TABLES = {
    "customers": {}, "orders": {}, "items": {"mode": "merge"},
    "journal": {"increment": "id_only", "mode": "append"}, "prices": {"increment": "full_sync"},
}
ROWS = {"customers": 3000, "orders": 20_000, "items": 20_000, "journal": 20_000, "prices": 2000}
MAKE = "".join(f"""
CREATE TABLE {table} (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, note VARCHAR(60) NOT NULL, amount DECIMAL(12,2),
  updated_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), KEY (updated_at));
INSERT INTO {table} (note, amount, updated_at) SELECT CONCAT('{PLANTED} {table} ', seq), seq / 7, NOW() - INTERVAL 1 DAY + INTERVAL seq DIV 10 SECOND FROM seq_1_to_{rows};
""" for table, rows in ROWS.items())
CHANGE = "".join(f"""
INSERT INTO {table} (note, amount) SELECT CONCAT('{PLANTED} new ', seq), seq FROM seq_1_to_500;
""" + (f"UPDATE {table} SET amount = amount + 1 WHERE id % 13 = :by;" if table != "journal" else "") for table in ROWS)


@pytest.fixture
def shop(roads):
    def make(tables=None, **pipeline):
        road = roads(tables or TABLES, lag="0s", chunk={"rows": 4000}, **pipeline)
        road.in_source(MAKE)
        return road
    return make


def change(road, by=1):
    road.in_source(CHANGE.replace(":by", str(by)))


def at_once(done):
    """The most tables that were between their first and their last arrow at the same time."""
    times = {}
    for number, event in enumerate(done.events("arrow")):
        if event.get("table") and event["name"] not in ("announce", "close"):
            times.setdefault(event["table"], []).append(number)
    spans = [(numbers[0], numbers[-1]) for numbers in times.values()]
    return max(sum(first <= at <= last for first, last in spans) for at, _ in spans)


def test_s09_several_tables_at_once_arrive_and_each_is_counted_by_itself(shop):
    road = shop(parallel=3)
    done = road.finish(road.start_sync("--parallel", "--json-output", "-"))
    assert done.moved() == {table: (rows, rows) for table, rows in ROWS.items()}
    assert at_once(done) == 3
    road.assert_equal()
    change(road)
    done = road.finish(road.start_sync("-s", "intra-table", "--parallel", "2", "--json-output", "-"))
    assert done.moved()["journal"] == (500, 500) and at_once(done) == 1
    road.assert_equal()
    assert road.scope("orders")["backup_strategy"] == "intra-table"
    change(road, 2)
    one, two, three = (road.sync("-s", strategy, "--json-output", "-") for strategy in ("sequential", "inter-table", "intra-table"))
    assert one.moved()["orders"][0] > 500 and two.moved()["orders"] == three.moved()["orders"] == (0, 0)
    road.assert_equal()
    road.assert_tidy()


def test_a_table_that_fails_stops_no_other_and_what_depends_on_it_is_skipped(shop):
    tables = TABLES | {"gone": {}, "items": {"depends_on": ["gone"]}, "journal": TABLES["journal"] | {"depends_on": ["orders", "pri*"]}}
    road = shop(tables, strategy="inter-table")
    done = road.finish(road.start_sync("--json-output", "-"), status=3)
    document = json.loads(done.out)
    results = {table: result["status"] for table, result in document["table_results"].items()}
    assert results == dict.fromkeys(ROWS, "success") | {"gone": "failed", "items": "failed"}
    assert document["waybill"]["tables"]["items"]["skipped"] and document["waybill"]["tables"]["items"]["error"]["id"] == "dependency-failed"
    arrows = [(event["table"], event["name"], event["at"]) for event in done.events("arrow") if event.get("table")]
    for needed in ("orders", "prices"):
        assert arrows.index(("journal", "take", "begin")) > max(at for at, arrow in enumerate(arrows) if arrow == (needed, "load", "end"))
    assert not any(arrow[0] == "items" for arrow in arrows)
    road.in_source("RENAME TABLE prices TO gone")  # and no prices
    assert json.loads(road.sync("--json-output", "-", status=3).out)["table_results"]["items"]["status"] == "success"


@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_s71_a_signal_stops_all_tables_and_all_leases_are_given(shop, number, status):
    road = shop(strategy="inter-table")
    running = road.start_sync()
    assert running.until_arrow("load", nth=3)
    asked = time.monotonic()
    running.signal(number)
    road.finish(running, status=status)
    assert time.monotonic() - asked < 20
    assert road.leases() == {}
    road.sync()
    road.assert_equal()
    road.assert_tidy()


def test_several_tables_at_once_are_killed_anywhere_and_arrive_once(shop):
    chance = random.Random(5)
    road = shop(strategy="inter-table")
    held = []
    for arrow in ("take", "begin", "extract", "seal", "load", "announce", "close", "extract", "load"):
        running = road.start_sync()
        if running.hold_at_arrow(arrow, chance.choice(["begin", "end"]), nth=chance.choice([1, 2, 3]) if arrow != "announce" else 1):
            time.sleep(chance.choice([0, 0.01, 0.1]))
            running.kill()
        done = road.finish(running, status=None)
        held.append(road.leases())
        assert held[-1] == {} or done.status == -signal.SIGKILL, "whoever ends in order gives its leases"
        change(road, chance.randrange(13))
    assert max(len(leases) for leases in held) >= 2, "several tables were under way"
    road.sync()  # takes them at once: everybody here can see that their owner is gone
    assert road.leases() == {}
    road.assert_equal()
    road.assert_tidy()


def test_s31_leases_of_several_tables_run_out_where_nobody_can_see_that_their_owner_is_gone(shop):
    road = shop(strategy="inter-table", lease="3s")
    running = road.start_sync(before=OTHER_PID_NAMESPACE)
    assert running.hold_at_arrow("load", nth=2)
    running.kill()
    road.finish(running, status=None)
    assert len(road.leases()) >= 2
    asked = time.monotonic()
    road.sync()
    assert time.monotonic() - asked >= 2.9, "nobody can know that it is gone before its leases have run out"
    assert road.leases() == {}
    road.assert_equal()
    road.assert_tidy()


def hold_orders(road):
    """A run that has the lease of orders, beats, and goes on only when its log is read."""
    running = road.start_sync("-t", "orders")
    assert running.hold_at_arrow("extract")
    return running


def test_s75_a_table_that_another_run_moves_is_waited_for_until_the_time_is_over_or_a_signal_comes(shop):
    road = shop(lease="3s")
    first = hold_orders(road)
    late = road.sync("-t", "orders", "--wait", "2s", status=7)
    assert "waited 2 s" in late.err and road.scope("orders")["lease"]["run_id"] in late.err
    waiting = road.start("sync", "-t", "orders", "--wait", "--log-format", "json", "--progress", "none")
    assert waiting.hold(lambda event: event["event"] == "lease.waiting" and event["owner"] == road.scope("orders")["lease"]["run_id"])
    waiting.signal(signal.SIGTERM)
    road.finish(waiting, status=143)
    assert road.sync("-t", "orders", "--wait", "1h", "--deadline", "2s", status=5)
    patient = road.start("sync", "-t", "orders", "--wait", "1h")
    road.finish(first)
    road.finish(patient)
    assert road.differences(only="orders") == []
