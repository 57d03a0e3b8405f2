"""S91: a cursor without a zone through both changes of the clock, with a server that lives in Berlin and whose clock is moved there."""
import calendar
import os
import time

import pytest

from road import Road
from server_mariadb import MariaDB
from servers import run
from waybill import assert_told

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
MAKE = "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, note VARCHAR(20) NOT NULL, updated_at DATETIME(6) NOT NULL, KEY (updated_at))"
BERLIN, UTC, FIXED = {"lookback": "2h"}, {"cursor_zone": "UTC"}, {"cursor_zone": "+01:00"}
# What an application writes as `updated_at`, whose table has these options.
NOW = {"berlin": "NOW(6)", "utc": "UTC_TIMESTAMP(6)", "fixed": "CONVERT_TZ(UTC_TIMESTAMP(6), '+00:00', '+01:00')"}
TABLES = {"berlin": BERLIN, "utc": UTC, "fixed": FIXED}


class InBerlin(MariaDB):
    """Its clock stands where `at` says, and goes on from there."""

    def __init__(self, folder):
        super().__init__(folder, zone="Europe/Berlin")
        self.offset = self.folder / "offset"
        self.at("2024-03-30 12:00:00")
        self.environment |= {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(self.offset), "FAKETIME_NO_CACHE": "1",
                             "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def start(self):
        if self.process is None:  # a zone that it does not know yet would end it
            self.settings["default-time-zone"] = "+00:00"
            super().start()
            zones = run("sh", "-c", "mariadb-tzinfo-to-sql /usr/share/zoneinfo/Europe/Berlin Europe/Berlin")
            self.run(zones, "mysql")
            self.stop()
            self.settings["default-time-zone"] = "Europe/Berlin"
        return super().start()

    def at(self, utc):
        behind = int(time.time()) - calendar.timegm(time.strptime(utc, "%Y-%m-%d %H:%M:%S"))
        fresh = self.folder / "offset.fresh"
        fresh.write_text(f"-{behind}s\n")
        os.replace(fresh, self.offset)


@pytest.fixture
def road(tmp_path, servers, s3, postgres):
    (tmp_path / "road").mkdir()
    made = Road(tmp_path / "road", f"berlin-{os.getpid()}-{time.monotonic_ns()}", servers.get(InBerlin), s3, postgres, {"t": {}}, lag="0s")
    yield made
    made.close()


def test_s91_a_server_in_a_zone_with_summer_time_is_refused_at_plan_time(road):
    road.in_source(MAKE)
    done = road.run("plan", status=2)
    assert_told(done, "cursor 'updated_at' of 't'", "Europe/Berlin", "summer time", "lookback: 120m")
    assert "cursor_zone: UTC" in done.err
    road.tables["t"] = {"lookback": "1h"}
    road.write_config()
    assert_told(road.run("plan", status=2), "cursor 'updated_at' of 't'", "Europe/Berlin", "summer time", "lookback: 120m")
    assert road.keys() == []


# Summer time begins on 2024-03-31 and ends on 2024-10-27, at 01:00 UTC.
CHANGES = {
    "begins": ["2024-03-31 00:58:00", "2024-03-31 00:59:58", "2024-03-31 01:00:01", "2024-03-31 01:30:00", "2024-03-31 03:00:00"],
    "ends": ["2024-10-27 00:30:00", "2024-10-27 00:59:58", "2024-10-27 01:00:01", "2024-10-27 01:30:00", "2024-10-27 01:59:00", "2024-10-27 03:30:00"],
}


@pytest.mark.parametrize("change", CHANGES)
def test_s91_no_row_is_lost_when_summer_time(road, change):
    """At each moment rows come and rows change, those of moments before, too; a run follows, or does not."""
    road.tables.clear()
    for name, options in TABLES.items():
        road.tables[name] = options
        road.in_source(MAKE.replace("TABLE t", f"TABLE {name}"))
    road.write_config()
    for number, moment in enumerate(CHANGES[change]):
        road.mariadb.at(moment)
        for name in TABLES:
            road.in_source(f"INSERT INTO {name} VALUES ({number * 10}, 'new', {NOW[name]}), ({number * 10 + 1}, 'new', {NOW[name]});"
                           f"UPDATE {name} SET note = 'changed at {number}', updated_at = {NOW[name]} WHERE id = {number * 10 - 9}")
        if number % 3 != 2:  # so that one run finds what two of them should have
            time.sleep(0.2)
            road.sync()
    time.sleep(0.2)
    road.sync()
    road.assert_equal()
    assert [len(road.in_target(f"SELECT id FROM {name}")) for name in TABLES] == [2 * len(CHANGES[change])] * 3
    assert road.sync("--json-output", "-").moved()["utc"] == (0, 0)
