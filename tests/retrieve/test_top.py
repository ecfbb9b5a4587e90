import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rankmill.retrieve.top import top


def test_ties_fall_in_order_of_position_also_at_the_border():
    assert top(np.array([1.0, 3.0, 2.0, 3.0, 2.0]), 3).tolist() == [1, 3, 2]


def test_fewer_scores_than_asked_for_come_back_all():
    assert top(np.array([1.0, 2.0]), 5).tolist() == [1, 0]


def test_no_scores_give_no_positions():
    assert top(np.array([]), 3).tolist() == []


def test_of_many_scores_those_are_found_that_stand_far_apart_or_side_by_side():
    scores = np.zeros(5_000, np.float32)
    scores[[7, 8, 9, 4_321, 4_999]] = [2, 3, 2, 5, 2]
    assert top(scores, 4).tolist() == [4_321, 8, 7, 9]
    assert top(scores, 7).tolist() == [4_321, 8, 7, 9, 4_999, 0, 1]


@settings(deadline=None)
@given(st.integers(0, 9), st.integers(1, 40), st.integers(1, 30))
def test_blocks_of_scores_never_show_in_the_result(seed, different, depth):
    scores = np.random.default_rng(seed).integers(0, different, 9_000)
    expected = np.argsort(-scores, kind="stable")[:depth]
    assert top(scores.astype(np.float32), depth).tolist() == expected.tolist()


@settings(deadline=None)
@given(st.lists(st.integers(0, 5)), st.integers(1, 20))
def test_it_is_the_beginning_of_a_stable_sort(scores, depth):
    expected = sorted(range(len(scores)), key=lambda position: -scores[position])[:depth]
    assert top(np.array(scores, dtype=np.float32), depth).tolist() == expected
