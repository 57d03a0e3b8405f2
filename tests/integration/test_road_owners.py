"""A run is paused past its lease, and two are at work at once (road_kill.py)."""


def test_two_owners_of_a_scope_cost_no_row(disturbed):
    disturbed.suffer(disturbed.owners_meet)
