import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.errors import StageError
from rankmill.space.elbow import Elbow, Tried, knee

GRID = [5, 10, 50, 100, 500, 1000]


def test_the_knee_is_where_the_curve_rises_most_above_its_diagonal():
    # Upside down and scaled to [0, 1]: 0, .4, .8, .9, .975, 1, less the place on the diagonal:
    # .8 - 45/995 = .755 at 50, .9 - 95/995 = .805 at 100, .975 - 495/995 = .478 at 500.
    assert GRID[knee(GRID, [100, 68, 36, 28, 22, 20], sensitivity=0.01)] == 100


def test_a_line_has_no_knee():
    assert knee([1, 2, 3, 4], [40, 30, 20, 10], sensitivity=0.01) is None


def test_a_flat_curve_has_no_knee():
    assert knee([1, 2, 3], [5, 5, 5], sensitivity=0.01) is None


def test_a_fall_smaller_than_the_sensitivity_makes_no_knee():
    # Differences 0, .5, .45, 0: after .5 the curve falls by .05 to .45, and at last by .5.
    x, y = [0, 1, 2, 3], [1, 1 - (0.5 + 1 / 3), 1 - (0.45 + 2 / 3), 0]
    assert knee(x, y, sensitivity=0.01) == 1
    assert knee(x, y, sensitivity=2.0) is None  # a fall of more than 2/3 is asked for


@given(st.floats(0.2, 3), st.lists(st.integers(1, 10_000), min_size=4, max_size=10, unique=True))
def test_a_hyperbola_has_its_knee_at_the_greatest_difference(power, numbers):
    x = sorted(numbers)
    y = [number**-power for number in x]
    wide, high = x[-1] - x[0], y[0] - y[-1]
    above = [(y[0] - b) / high - (a - x[0]) / wide for a, b in zip(x, y, strict=True)]
    found = knee(x, y, sensitivity=0.01)
    if found is not None:
        assert above[found] == pytest.approx(max(above))


def test_the_grid_is_cut_to_what_the_documents_fill_twice():
    assert Elbow().fitting(1400) == [5, 10, 50, 100, 500]


def test_too_small_a_corpus_for_an_elbow_says_so():
    with pytest.raises(StageError, match=r"15 documents can fill \[5\] of the grid"):
        Elbow().fitting(15)


def test_a_curve_without_an_elbow_is_shown():
    with pytest.raises(StageError, match="no elbow in 1: 30, 2: 20, 3: 10; choose"):
        Elbow().knee([Tried(1, 30), Tried(2, 20), Tried(3, 10)])
