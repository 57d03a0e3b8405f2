import random

import road_kill
from server_s3 import SmallVersityGW


def test_whatever_dies_between_real_servers_nothing_is_lost_and_nothing_doubled(tmp_path, servers, s3):
    """Every place once. make soak does more of the same, with larger tables, and waits longer."""
    road = road_kill.new_road(tmp_path, "road-kill", servers, s3)
    disturbed = road_kill.Disturbed(road, random.Random(1), 12_000, 0.3, print).all(kills=len(road_kill.PLACES))
    assert disturbed.survived >= 3, "some troubles are small enough to be got over within the run"
    road.assert_nothing_planted()
    road.assert_no_secret()


def test_a_store_without_room(tmp_path, servers):
    store = servers.get(SmallVersityGW)
    road = road_kill.new_road(tmp_path, "full-road", servers, store, tables={"journal": road_kill.TABLES["journal"]}, attempts=2)
    road_kill.store_is_full(road, store, 12_000, arrows=["seal"])
    road.assert_no_secret()
