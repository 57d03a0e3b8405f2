import road_kill


def test_whatever_dies_between_real_servers_nothing_is_lost_and_nothing_doubled(tmp_path, servers):
    """make soak does more of the same, and waits longer."""
    road = road_kill.new_road(tmp_path, "road-kill", servers)
    disturbed = road_kill.disturb(road, kills=10, seed=1, rows=12_000, patience=1)
    road.assert_nothing_planted()
    road.assert_no_secret()
    assert disturbed.survived >= 3, "some troubles are small enough to be got over within the run"
