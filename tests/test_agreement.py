from itertools import combinations, permutations
from math import isnan, nan
from statistics import mean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from rankmill.agreement import (
    kendall_w,
    krippendorff_alpha,
    mean_tau,
    rbo,
    rbo_by_chance,
    tau_b,
    top_k,
)
from rankmill.records import Ranking

GRADES = st.lists(st.integers(0, 4), min_size=6, max_size=6)


def vote(docids):
    return Ranking.in_order(tuple(docids))


def orders(*lists):
    """Scores of one list, from orders of the letters a, b, c, …"""
    return np.array([[[-order.index(docid) for docid in sorted(order)] for order in lists]])


def test_tau_by_hand():
    assert tau_b(orders("abc", "abc"))[0] == 1
    assert tau_b(orders("abc", "cba"))[0] == -1
    assert tau_b(orders("abc", "acb"))[0] == pytest.approx(1 / 3)
    assert mean_tau([vote("abc"), vote("abc"), vote("cba")]) == pytest.approx(-1 / 3)
    assert mean_tau([vote("abc")]) is None
    assert mean_tau([vote("a"), vote("a")]) == 1


@given(st.lists(GRADES, min_size=2, max_size=4))
def test_tau_b_is_scipys_and_none_with_a_voter_who_says_nothing(rows):
    def tau(one, other):
        flat = (len(set(one)) == 1) + (len(set(other)) == 1)
        return 0.0 if flat == 1 else kendalltau(one, other).statistic

    pairs = [tau(one, other) for one, other in combinations(rows, 2)]
    known = [value for value in pairs if not isnan(value)]
    found = tau_b(np.array([rows], dtype=float))[0]
    assert found == pytest.approx(mean(known)) if known else isnan(found)


def test_w_by_hand():
    assert kendall_w(orders("abc", "abc", "abc"))[0] == 1
    assert kendall_w(orders("abc", "cba"))[0] == 0
    assert kendall_w(orders("abcd", "abdc"))[0] == pytest.approx(12 * 18 / (4 * 60))
    assert isnan(kendall_w(orders("abc"))[0])


def test_w_with_ties_is_one_when_voters_tie_alike():
    scores = np.array([[[3.0, 2, 2, 1], [9, 5, 5, 0]]])
    assert kendall_w(scores)[0] == pytest.approx(1)


def test_two_voters_w_is_spearmans_mean():
    """W = (rho + 1) / 2 for two voters."""
    chance = np.random.default_rng(1)
    scores = chance.random((20, 2, 7))
    ranks = scores.argsort().argsort()
    rho = [np.corrcoef(one, other)[0, 1] for one, other in ranks]
    assert kendall_w(scores) == pytest.approx((np.array(rho) + 1) / 2)


def test_rbo_by_hand():
    """Orders abc and bac at p = 0.5: overlaps 0, 2, 3; extrapolated from 3 of 3."""
    p = 0.5
    expected = 1 * p**3 + (1 - p) / p * (0 * p + 2 / 2 * p**2 + 3 / 3 * p**3)
    assert rbo(orders("abc", "bac"), p)[0] == pytest.approx(expected)
    assert rbo(orders("abc", "abc"), 0.9)[0] == pytest.approx(1)


def test_rbo_by_chance_is_the_mean_over_every_order():
    every = [rbo(orders("abcd", order), 0.8)[0] for order in permutations("abcd")]
    assert rbo_by_chance(4, 0.8) == pytest.approx(mean(every))


def test_overlap_of_the_top_by_hand():
    scores = orders("abcd", "badc", "dcba")
    assert top_k(scores, 1)[0] == 0
    assert top_k(scores, 2)[0] == pytest.approx((1 + 0 + 0) / 3)
    every = [top_k(orders("abcd", order), 3)[0] for order in permutations("abcd")]
    assert mean(every) == pytest.approx(3 / 4)  # k / n by chance


def test_lists_keep_apart():
    both = np.concatenate([orders("abc", "abc"), orders("abc", "cba")])
    assert tau_b(both).tolist() == [1, -1]
    assert kendall_w(both).tolist() == [1, 0]


def test_krippendorffs_own_example():
    """Krippendorff (2011), four observers and twelve units with values missing."""
    rows = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ]
    values = np.array(rows).T
    assert krippendorff_alpha(values, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(values, "ordinal") == pytest.approx(0.815, abs=5e-4)
    assert krippendorff_alpha(values, "interval") == pytest.approx(0.849, abs=5e-4)


def test_alpha_without_pairs_or_without_differences_is_unknown():
    assert isnan(krippendorff_alpha(np.array([[1.0, nan], [nan, 2.0]]), "interval"))
    assert isnan(krippendorff_alpha(np.array([[1.0, 1.0], [1.0, 1.0]]), "interval"))
