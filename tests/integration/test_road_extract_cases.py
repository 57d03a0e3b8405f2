"""Numbered cases of reading, of the process and of markers, between real servers."""
import json
import signal
import threading
import time

import pytest

import lineitem
from proxy import DOWN, Cut, Stall, once
from waybill import as_event, wait_for

NOW = "NOW(6) - INTERVAL 1 HOUR"


def test_s55_a_first_load_does_not_chase_live_inserts(roads):
    """The end of the range is fixed before the first row: a table that grows as fast as it is read still ends."""
    road = roads({"journal": {"increment": "id_only", "mode": "append"}}, lag="0s", chunk={"rows": 2000})
    road.in_source("CREATE TABLE journal (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, note VARCHAR(20)); INSERT INTO journal (note) SELECT seq FROM seq_1_to_20000")
    stop = threading.Event()

    def write():
        while not stop.is_set():
            road.in_source("INSERT INTO journal (note) SELECT seq FROM seq_1_to_2000")
    writer = threading.Thread(target=write)
    running = road.start_sync("--json-output", "run.json")
    assert running.until_arrow("begin")
    top = road.in_source("SELECT MAX(id) FROM journal")[0][0]
    writer.start()
    try:
        road.finish(running)
    finally:
        stop.set()
        writer.join()
    rows = json.loads((road.folder / "run.json").read_text())["waybill"]["tables"]["journal"]["rows_extracted"]
    assert 0 < rows <= top
    road.sync()
    road.assert_equal()


@pytest.mark.parametrize("flags, rows", [(["--limit", "1000"], 1000), (["--limit", "700", "--max-chunks", "3"], 2100), (["--max-chunks", "2"], 8000)])
def test_s56_a_limit_is_for_all_connections_together(roads, flags, rows):
    road = roads({"lineitem": {}}, lag="0s", chunk={"rows": 4000})
    road.connections["shop"]["connections"] = 4
    road.in_the_clear()
    lineitem.create(road.mariadb, road.name, rows=20_000)
    assert road.sync(*flags, "--json-output", "-").moved()["lineitem"] == (rows, rows)
    road.sync()
    road.assert_equal()


KEYS = {
    "unsigned": ("BIGINT UNSIGNED", "18446744073709551615 - seq * 1000003"),
    "negative": ("INT", "(CAST(seq AS SIGNED) - 1000) * 1000"),
    "sparse": ("BIGINT", "seq * seq * seq * 1000"),
    "tiny": ("TINYINT UNSIGNED", "seq - 1"),
    "decimal": ("DECIMAL(30,5)", "CAST(seq AS DECIMAL(30,5)) * 12345678901234567.12345"),
    "collated": ("VARCHAR(40) COLLATE utf8mb4_general_ci", "CONCAT(ELT(1 + seq % 8, 'a', 'B', 'c', 'é', 'ß', 'Z', '_', 'Ü'), seq, ELT(1 + seq % 3, '', 'ä', 'O'))"),
    "binary": ("VARBINARY(40)", "CONCAT(UNHEX(LPAD(HEX(seq % 256), 2, '0')), MD5(seq))"),
    "date": ("DATE", "DATE('1969-12-01') + INTERVAL seq DAY"),
    "time": ("DATETIME(6)", "TIMESTAMP('1999-12-31 23:59:00') + INTERVAL seq * 333333 MICROSECOND"),
}


@pytest.mark.parametrize("increment", ["hybrid", "id_only"])
@pytest.mark.parametrize("kind", KEYS)
def test_s57_chunks_of_any_key_have_no_gap_and_no_overlap(roads, kind, increment):
    column, value = KEYS[kind]
    rows = 250 if kind == "tiny" else 2000
    road = roads({"t": {"increment": increment, "mode": "append" if increment == "id_only" else "merge"}}, lag="0s", chunk={"rows": 133})
    road.in_source(f"CREATE TABLE t (k {column} NOT NULL PRIMARY KEY, n INT NOT NULL, updated_at DATETIME(6) NOT NULL, KEY (updated_at));"
                   f"INSERT INTO t SELECT {value}, seq, {NOW} + INTERVAL seq % 10 SECOND FROM seq_1_to_{rows}")
    assert road.sync("--json-output", "-").moved()["t"] == (rows, rows)
    assert road.in_target("SELECT count(*), count(DISTINCT k), sum(n) FROM t") == [(rows, rows, rows * (rows + 1) // 2)]
    assert len(road.chain("t")) >= rows // 133
    road.assert_equal(key="n")


def test_s58_a_mark_never_goes_further_than_what_was_read(roads):
    road = roads({"lineitem": {}}, lag="0s")
    lineitem.create(road.mariadb, road.name, rows=3000)
    sizes = []
    while not sizes or sizes[-1]:
        sizes.append(road.sync("--limit", "700", "--json-output", "-").moved()["lineitem"][0])
    assert sizes == [700, 700, 700, 700, 200, 0]
    lineitem.change(road.mariadb, road.name, grow=1500)
    sizes = []
    while not sizes or sizes[-1]:
        sizes.append(road.sync("--limit", "700", "--json-output", "-").moved()["lineitem"][0])
    assert sum(sizes) == 1500 + 31 and max(sizes) == 700
    road.assert_equal()


def test_s61_a_store_that_is_slow_does_not_lose_the_source(roads):
    """The server gives up on a client that does not read for a second; whoever waits for the store must not be one, or must come again."""
    road = roads({"lineitem": {}}, lag="0s", max_memory="64MiB", part_bytes="5MiB")
    lineitem.create(road.mariadb, road.name, rows=100_000)
    proxy = road.through("lake")
    before = road.mariadb.run("SELECT @@GLOBAL.net_write_timeout")[0][0]
    road.mariadb.run("SET GLOBAL net_write_timeout = 1")
    try:
        proxy.fault = Stall(after=1_000_000)
        threading.Timer(4, lambda: (setattr(proxy, "fault", None), proxy.cut_all())).start()
        assert road.sync(status=None).status in (0, 5)
    finally:
        road.mariadb.run(f"SET GLOBAL net_write_timeout = {before}")
    road.sync()
    road.assert_equal()


@pytest.mark.parametrize("after", [5000, 300_000, 2_000_000])
def test_s61_a_cut_stream_is_not_the_end_of_the_table(roads, after):
    road = roads({"lineitem": {}}, lag="0s")
    lineitem.create(road.mariadb, road.name, rows=30_000)
    proxy = road.through("shop")
    proxy.fault = once(Cut(after, DOWN))
    done = road.sync("--json-output", "run.json", status=None)
    assert proxy.hits == 1
    if done.status == 0:
        road.assert_equal()
    else:
        assert done.status == 5, done.err
        assert json.loads((road.folder / "run.json").read_text())["status"] == "failed"
    road.sync()
    road.assert_equal()


def test_s59_the_clock_that_counts_is_the_sources(roads):
    """This machine's clock takes no part: the end of a range is the server's now, in the server's zone."""
    road = roads({"lineitem": {}}, lag="0s")
    lineitem.create(road.mariadb, road.name, rows=100)
    road.in_source("UPDATE lineitem SET updated_at = NOW() + INTERVAL 1 HOUR WHERE id = 1")  # tomorrow's news
    assert road.sync("--json-output", "-").moved()["lineitem"] == (99, 99)
    road.in_source("UPDATE lineitem SET updated_at = NOW(6) WHERE id = 1")
    assert road.sync("--json-output", "-").moved()["lineitem"] == (1, 1)
    road.assert_equal()


def test_s75_two_runs_of_one_table_at_once(roads):
    road = roads({"lineitem": {}}, lag="0s")
    lineitem.create(road.mariadb, road.name, rows=1000)
    running = road.start_sync()
    assert running.until_arrow("extract")
    second = road.sync("--log-level", "error", status=7)
    assert road.scope("lineitem")["lease"]["host"] in second.err
    road.finish(running)
    road.assert_equal()


def test_s71_a_signal_while_a_server_says_nothing(roads):
    """Each wait ends when it is asked to: whichever server is silent."""
    road = roads({"lineitem": {}}, lag="0s", chunk={"rows": 2000})
    lineitem.create(road.mariadb, road.name, rows=10_000)
    for server, arrow in ((road.mariadb, "bound"), (road.s3, "extract"), (road.postgres, "load")):
        running = road.start_sync()
        assert running.until_arrow(arrow)
        server.pause()
        try:
            time.sleep(0.3)
            asked = time.monotonic()
            running.signal(signal.SIGTERM)
            ended = threading.Timer(8, server.resume)
            ended.start()
            road.finish(running, status=143)
            assert time.monotonic() - asked < 7, f"waits for {arrow}"
        finally:
            server.resume()
            ended.cancel()
    road.sync()
    road.assert_equal()


def test_s96_markers_need_no_more_than_put_and_list(roads, s3):
    road = roads({"lineitem": {}}, lag="0s")
    lineitem.create(road.mariadb, road.name, rows=100)
    bucket = f"{road.name}-markers"
    s3.new_bucket(bucket)
    s3.new_user("MARKERS", "s3cret-of-markers")
    s3.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ["MARKERS"]}, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
        {"Effect": "Allow", "Principal": {"AWS": ["MARKERS"]}, "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}]}))
    road.connections["marks"] = s3.connection(bucket, access_key_id="MARKERS", secret_access_key="${MARKERS_SECRET}")
    road.environment["MARKERS_SECRET"] = "s3cret-of-markers"
    road.write_config()
    road.sync("--s3-completion-bucket", "marks")
    names = [item["Key"].rpartition("/")[2] for item in s3.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert sorted(names) == ["completion_marker.txt", "execution_metadata.json", "table_metrics.json"]


def test_the_source_is_not_left_with_a_query_when_a_run_is_killed(roads):
    road = roads({"lineitem": {}}, lag="0s")
    lineitem.create(road.mariadb, road.name, rows=200_000)
    running = road.start_sync()
    assert running.until_arrow("extract")
    time.sleep(0.2)
    running.signal(signal.SIGKILL)
    road.finish(running, status=None)
    wait_for(lambda: road.mariadb.run("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'etl'") == ((0,),), seconds=5)
    road.sync()
    road.assert_equal()


def test_a_run_tells_of_every_arrow_between_real_servers(roads):
    road = roads({"lineitem": {}}, lag="0s")
    lineitem.create(road.mariadb, road.name, rows=100)
    done = road.finish(road.start_sync())
    arrows = [event["name"] for event in map(as_event, done.err.splitlines()) if event and event["event"] == "arrow" and event["at"] == "begin"]
    assert arrows[0] == "take" and arrows[-1] == "close" and set(arrows) >= {"bound", "begin", "extract", "seal", "load", "announce"}
