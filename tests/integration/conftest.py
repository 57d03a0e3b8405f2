import pytest

from waybill import PROGRAM, Route


def pytest_sessionstart(session):
    if not PROGRAM.exists():
        pytest.exit(f"{PROGRAM} is missing: run make first, or say where it is in WAYBILL_BUILD", returncode=2)


@pytest.fixture
def route(tmp_path):
    """Makes routes, and looks at each after the test: no output may hold a row's value."""
    made = []

    def make(tables, **pipeline):
        folder = tmp_path / f"route{len(made)}"
        folder.mkdir()
        made.append(Route(folder, tables, **pipeline))
        return made[-1]

    yield make
    for one in made:
        one.assert_nothing_planted()
