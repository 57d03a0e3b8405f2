"""A store that is full, and has room again (road_kill.py)."""
import road_kill
from server_s3 import SmallVersityGW


def test_a_store_without_room(tmp_path, servers):
    store = servers.get(SmallVersityGW)
    road = road_kill.new_road(tmp_path, "full-road", servers, store, tables={"journal": road_kill.TABLES["journal"]}, attempts=2)
    road_kill.store_is_full(road, store, 12_000, arrows=["seal"])
    road.assert_no_secret()
