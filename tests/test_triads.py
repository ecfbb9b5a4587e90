import pytest

from rankmill.readings import Choice
from rankmill.triads import cyclic_share


def says(first, second, winner):
    return Choice(shown=(first, second), chosen=(winner,))


def both(first, second, winner):
    return [says(first, second, winner), says(second, first, winner)]


def test_a_cycle_is_one_triad_of_the_four_among_four_documents():
    """a > b > c > a, and all beat d: of abc, abd, acd and bcd only the first is circular."""
    cycle = [*both("a", "b", "a"), *both("b", "c", "b"), *both("a", "c", "c")]
    below = [one for docid in "abc" for one in both(docid, "d", docid)]
    assert cyclic_share([cycle + below]) == pytest.approx(1 / 4)
    assert cyclic_share([cycle, cycle]) == 1


def test_pairs_whose_orders_disagree_count_for_nothing():
    tied = [says("a", "b", "a"), says("b", "a", "b"), *both("b", "c", "b"), *both("a", "c", "a")]
    assert cyclic_share([tied]) is None
    assert cyclic_share([[None]]) is None
