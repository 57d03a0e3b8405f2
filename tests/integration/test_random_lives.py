"""Random lives (random_lives.py), one of each kind; `make soak` lives more of them, and longer."""
import pytest

from random_lives import KINDS, live


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_happens_in_whatever_order_all_rows_arrive(tmp_path, kind):
    assert live(1, kind, 20, tmp_path) is None
