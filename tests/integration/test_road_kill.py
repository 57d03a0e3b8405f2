"""Waybill dies between real servers: in every place once. make soak does more of the same, with larger tables.

Each kind of trouble of road_kill.py has a file, so that several workers share them.
"""
import road_kill


def test_killed_wherever_a_run_can_be_nothing_is_lost_and_nothing_doubled(disturbed):
    disturbed.all(kills=len(road_kill.PLACES), only_kills=True)
    assert sum(disturbed.killed.values()) == len(road_kill.PLACES) and all(disturbed.killed.values())
