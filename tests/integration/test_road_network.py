"""Connections are cut, refused, stalled, and told to slow down (road_kill.py)."""


def test_a_network_that_fails_costs_no_row(disturbed):
    disturbed.suffer(disturbed.network_fails)
    assert disturbed.survived >= 3, "some troubles are small enough to be got over within the run"
