import kill_run


def test_twenty_kills_lose_and_double_nothing(tmp_path):
    """make kill KILLS=100 does more of the same."""
    kills, errors = kill_run.run(tmp_path, kills=20, seed=1, rows=200_000)
    assert (kills, errors) == (20, [])
