import road_writers


def test_s27_four_live_writers_lose_nothing_under_runs(roads):
    """Default settings. make soak writes for two minutes, with a transaction of twenty seconds."""
    road = roads(road_writers.TABLES)
    runs, statements = road_writers.write_and_run(road, seconds=18, open_s=7)
    print(f"{runs} runs beside {statements} statements")
    assert runs >= 5 and statements >= 500, "the test had nothing to do"
    road.assert_tidy()
