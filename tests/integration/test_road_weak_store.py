"""A store that keeps less than S3: Ceph's gateway knows no checksums, refuses a condition that holds, and finishes an upload
over an object that is there. Each is found out before a row is moved, and told with what to set; then it serves."""
import pytest

import lineitem
import server_s3

ODD = "größe +%20 (old)"  # a table's name stands in the keys, and in what is signed


@pytest.fixture
def road(roads, servers):
    made = roads({"lineitem": {}, ODD: {"increment": "id_only", "mode": "append", "target": "odd"}}, store=servers.get(server_s3.RadosGW), lag="0s", chunk={"rows": 2000})
    lineitem.create(made.mariadb, made.name, rows=5000)
    made.in_source(f"CREATE TABLE `{ODD}` (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, n INT); INSERT INTO `{ODD}` (n) SELECT seq FROM seq_1_to_3000")
    return made


def test_s87_each_weakness_is_found_out_before_anything_is_moved(road):
    told = {"checksum": "md5", "etag_quotes": False, "look_before_complete": True}
    for option, value in told.items():
        done = road.sync("-t", "lineitem", "--log-level", "error", "--progress", "none", status=2)
        advice = f"'{option}: {str(value).lower() if isinstance(value, bool) else value}'"
        assert "trying whether the store keeps its promises" in done.err and advice in done.err, done.err
        assert advice in (checked := road.run("check", status=None)).err and checked.status in (2, 3), checked.err
        assert road.in_target("SELECT count(*) FROM pg_tables WHERE tablename = 'lineitem'") == [(0,)]
        assert [key for key in road.keys() if "/.probe/" not in key] == []
        road.connections["lake"][option] = value
        road.write_config()
    road.run("check")
    road.sync()
    road.assert_equal()


def test_it_serves_with_what_was_told(road):
    road.connections["lake"].update(checksum="md5", etag_quotes=False, look_before_complete=True)
    road.write_config()
    road.sync()
    lineitem.change(road.mariadb, road.name)
    road.in_source(f"INSERT INTO `{ODD}` (n) SELECT seq FROM seq_1_to_100")
    for arrow in ("extract", "seal"):
        running = road.start_sync()
        assert running.hold_at_arrow(arrow, "end")
        running.kill()
        road.finish(running, status=None)
    road.sync()
    road.assert_equal()
    assert road.uploads() == []
