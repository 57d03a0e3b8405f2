"""The databases and the store are killed, restarted and paused in the middle of runs (road_kill.py)."""


def test_servers_that_die_under_a_run_cost_no_row(disturbed):
    disturbed.suffer(disturbed.servers_die)
