from itertools import permutations
from statistics import mean

import pytest
from scipy.stats import kendalltau

from rankmill.agreement import kendall_tau, kendall_w, mean_tau, top1_agreement
from rankmill.records import Ranking


def rank(text):
    return Ranking.in_order(tuple(text))


def test_tau_by_hand():
    assert kendall_tau("abcd", "abcd") == 1
    assert kendall_tau("abcd", "dcba") == -1
    assert kendall_tau("abcd", "bacd") == pytest.approx(4 / 6)
    assert kendall_tau("a", "a") == 1


@pytest.mark.parametrize("order", list(permutations("abcd")))
def test_tau_is_scipys(order):
    expected = kendalltau(range(4), ["abcd".index(docid) for docid in order]).statistic
    assert kendall_tau("abcd", order) == pytest.approx(expected)


def test_random_orders_have_no_tau_on_average():
    assert mean(kendall_tau("abcd", order) for order in permutations("abcd")) == pytest.approx(0)


def test_w_by_hand():
    assert kendall_w([rank("abc")] * 3) == pytest.approx(1)
    assert kendall_w([rank("abc"), rank("cba")]) == pytest.approx(0)
    votes = [rank("abc"), rank("abc"), rank("bca")]
    sums = {"a": 5, "b": 5, "c": 8}
    squares = sum((total - 6) ** 2 for total in sums.values())
    assert kendall_w(votes) == pytest.approx(12 * squares / (9 * 24))


def test_top1_agreement_is_a_share_of_pairs():
    assert top1_agreement([rank("abc"), rank("acb"), rank("bac")]) == pytest.approx(1 / 3)


def test_one_ranking_agrees_with_nothing():
    for statistic in (mean_tau, kendall_w, top1_agreement):
        assert statistic([rank("abc")]) is None
