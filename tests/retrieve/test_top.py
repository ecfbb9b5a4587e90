import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rankmill.retrieve.top import top


def test_ties_fall_in_order_of_position_also_at_the_border():
    assert top(np.array([1.0, 3.0, 2.0, 3.0, 2.0]), 3).tolist() == [1, 3, 2]


def test_fewer_scores_than_asked_for_come_back_all():
    assert top(np.array([1.0, 2.0]), 5).tolist() == [1, 0]


def test_no_scores_give_no_positions():
    assert top(np.array([]), 3).tolist() == []


@given(st.lists(st.integers(0, 5)), st.integers(1, 20))
def test_it_is_the_beginning_of_a_stable_sort(scores, depth):
    expected = sorted(range(len(scores)), key=lambda position: -scores[position])[:depth]
    assert top(np.array(scores, dtype=np.float32), depth).tolist() == expected
