"""MariaDB over S3 to PostgreSQL, the way most people will use it: a first load, then small steps, in every mode."""
import os
import time

import pytest

import duck
import lineitem
from server_s3 import MinIO
from waybill import PLANTED

ROWS = int(os.environ.get("WAYBILL_ROWS", 300_000))  # make soak: 3,000,000
LINEITEM = {
    "lineitem": {"mode": "merge"},
    "journal": {"increment": "id_only", "mode": "append"},
    "prices": {"increment": "full_sync", "mode": "replace"},
}
JOURNAL = f"""
CREATE TABLE journal (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, account INT NOT NULL, amount DECIMAL(12,4), note VARCHAR(100));
INSERT INTO journal (account, amount, note) SELECT seq % 977, seq / 13, IF(seq % 3, CONCAT('{PLANTED} ', seq), NULL) FROM seq_1_to_{ROWS // 3};
CREATE TABLE prices (id INT NOT NULL PRIMARY KEY, price DECIMAL(10,2));
INSERT INTO prices SELECT seq, seq / 7 FROM seq_1_to_{ROWS // 10};
"""


def test_a_table_of_18_columns_arrives_and_every_change_after_it(roads):
    road = roads(LINEITEM, lag="0s", chunk={"rows": max(ROWS // 4, 1)})
    lineitem.create(road.mariadb, road.name, rows=ROWS)
    road.in_source(JOURNAL)
    first = road.sync("--json-output", "-", timeout=1800)
    assert first.moved() == {"lineitem": (ROWS, ROWS), "journal": (ROWS // 3, ROWS // 3), "prices": (ROWS // 10, ROWS // 10)}
    road.assert_equal()

    road.in_the_clear()  # and in the binary protocol from here on
    for step in range(3):
        lineitem.change(road.mariadb, road.name, which=step + 1, grow=2000)
        road.in_source("INSERT INTO journal (account, amount) SELECT seq, seq FROM seq_1_to_777; DELETE FROM prices WHERE id % 11 = 1; UPDATE prices SET price = NULL WHERE id % 100 = 2")
        top = ROWS + 2000 * step
        changed = len([n for n in range(step + 1, top + 1, 97)]) + 2000
        done = road.sync("--json-output", "-", timeout=600)
        assert done.moved()["lineitem"] == (changed, changed)
        assert done.moved()["journal"] == (777, 777)
    road.assert_equal()

    nothing = road.sync("--json-output", "-", "-t", "lineitem", "-t", "journal")
    assert nothing.moved() == {"lineitem": (0, 0), "journal": (0, 0)}
    assert road.uploads() == []
    road.in_target("UPDATE lineitem SET l_tax = l_tax + 0.01 WHERE id = 4711")
    assert len(road.differences()) == 1, "the comparison would have found it"


def test_the_same_over_another_server(roads, servers):
    road = roads({"lineitem": {}}, store=servers.get(MinIO), lag="0s", chunk={"rows": 20_000}, file_bytes="1MiB", part_bytes="5MiB")
    lineitem.create(road.mariadb, road.name, rows=50_000)
    road.sync()
    lineitem.change(road.mariadb, road.name)
    road.sync()
    road.assert_equal()
    road.assert_tidy()


def test_an_append_that_is_staged_now_and_loaded_later(roads):
    road = roads({"journal": {"increment": "id_only", "mode": "append"}}, lag="0s", chunk={"rows": 10_000})
    road.in_source(JOURNAL)
    for _ in range(3):
        road.sync("--backup-only")
        road.in_source("INSERT INTO journal (account) SELECT seq FROM seq_1_to_100")
    road.mariadb.run(f"RENAME TABLE `{road.name}`.journal TO `{road.name}`.away")
    road.sync("--redshift-only")  # opens no source
    road.mariadb.run(f"RENAME TABLE `{road.name}`.away TO `{road.name}`.journal")
    assert road.in_target("SELECT count(*) FROM journal") == [(ROWS // 3 + 200,)]
    road.sync()
    road.assert_equal()
    road.assert_tidy()


@pytest.mark.parametrize("sides", [("directory", "sqlite"), ("directory", "postgres"), ("s3", "sqlite"), ("s3", "duckdb")])
def test_other_stores_and_targets_stand_in_for_each_other(roads, sides):
    road = roads({"lineitem": {}}, lag="0s")
    lineitem.create(road.mariadb, road.name, rows=5000)
    store, target = sides
    if store == "directory":
        road.connections["lake"] = {"type": "directory", "path": "lake"}
    if target == "sqlite":
        road.connections["dw"] = {"type": "sqlite", "path": "dw.db"}
    if target == "duckdb":
        road.connections["dw"] = duck.connection()
    road.write_config()
    assert road.sync("--json-output", "-").moved() == {"lineitem": (5000, 5000)}
    if target == "postgres":
        road.assert_equal()
    else:
        road.run("audit")


# --- groups of equal cursors ------------------------------------------------------------------------------------------

TIES = "CREATE TABLE ties (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, note VARCHAR(20), updated_at DATETIME NOT NULL, KEY (updated_at))"
GROUPS = ";".join(f"INSERT INTO ties (note, updated_at) SELECT seq, @start + INTERVAL {second} SECOND FROM seq_1_to_{rows}"
                  for second, rows in ((1, 500), (2, 10_000), (3, 500)))


@pytest.mark.parametrize("increment", ["hybrid", "timestamp_only", "id_only"])
@pytest.mark.parametrize("settled", [False, True], ids=["first load", "later"])
def test_s89_a_group_of_10000_equal_cursors_is_larger_than_the_limit(roads, increment, settled):
    """Every row comes, none comes twice, and the runs end: a limit takes at most that much, or one whole group."""
    road = roads({"ties": {"increment": increment, "mode": "merge"}}, lag="0s")
    road.in_source(TIES)
    if settled:
        road.in_source("INSERT INTO ties (note, updated_at) VALUES ('first', NOW() - INTERVAL 2 DAY)")
        road.sync()
    road.in_source(f"SET @start = NOW() - INTERVAL {0 if settled else 3600} SECOND; {GROUPS}")
    time.sleep(4 if settled else 0)
    total, runs = 0, []
    while not runs or runs[-1] > 0:
        done = road.sync("--limit", "1000", "--json-output", "-").moved()["ties"]
        assert done[0] == done[1], "what a run staged it also loaded"
        runs.append(done[0])
        total += done[0]
        assert total <= 11_000, f"rows are read again: {runs}"
    assert total == 11_000, runs
    assert max(runs) <= (10_500 if increment == "timestamp_only" else 1000), runs
    road.assert_equal()
    road.assert_tidy()
