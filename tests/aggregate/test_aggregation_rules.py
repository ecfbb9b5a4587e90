from itertools import pairwise, permutations
from math import log
from typing import get_args

import choix
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.aggregate import (
    AggregationRule,
    Borda,
    BradleyTerry,
    Copeland,
    HamiltonianPath,
    Kemeny,
    LogRank,
    MeanReciprocalRank,
    MeanScore,
    PlackettLuce,
    Votes,
    bradley_terry,
    fuse,
    plackett_luce,
)
from rankmill.records import Ranking

RULES = [rule() for rule in get_args(get_args(AggregationRule)[0])]
SEARCHING = [Kemeny(exact=2), HamiltonianPath(exact=2)]
ORDERS = st.lists(st.permutations("abcde"), min_size=1, max_size=5)


def vote(*docids):
    return Ranking.in_order(docids)


def votes(*orders):
    return Votes.of([vote(*order) for order in orders], sorted(orders[0]))


def test_mean_reciprocal_rank_by_hand():
    fused = fuse(MeanReciprocalRank(k=60), [vote("a", "b", "c"), vote("b", "a", "c")])
    assert fused.docids == ("a", "b", "c")
    both = (1 / 61 + 1 / 62) / 2
    assert fused.scores == pytest.approx((both, both, 1 / 63))


def test_borda_by_hand():
    fused = fuse(Borda(), [vote("a", "b", "c"), vote("b", "a", "c"), vote("b", "c", "a")])
    assert fused.docids == ("b", "a", "c")
    assert fused.scores == pytest.approx((2.5 / 3, 1.5 / 3, 0.5 / 3))


def test_log_rank_is_groupranks_fusion():
    """S(d) = -beta ln L_p(d) - (1 - beta) ln L_l(d), here with beta = 0.25."""
    pointwise, listwise = vote("a", "b", "c"), vote("c", "a", "b")
    fused = fuse(LogRank(), [pointwise, listwise], weights=[0.25, 0.75])
    expected = {
        "a": -0.75 * log(2),
        "b": -0.25 * log(2) - 0.75 * log(3),
        "c": -0.25 * log(3),
    }
    assert dict(zip(fused.docids, fused.scores, strict=True)) == pytest.approx(expected)
    assert fused.docids == ("c", "a", "b")


def test_mean_score_by_hand():
    one = Ranking(docids=("a", "b", "c"), scores=(9.0, 5.0, 1.0))
    other = Ranking(docids=("b", "a", "c"), scores=(3.0, 2.0, 1.0))
    assert fuse(MeanScore(), [one, other]).scores == (5.5, 4.0, 1.0)
    scaled = fuse(MeanScore(standardise="min_max"), [one, other])
    assert dict(zip(scaled.docids, scaled.scores, strict=True)) == {"a": 0.75, "b": 0.75, "c": 0.0}
    flat = Ranking(docids=("a", "b", "c"), scores=(2.0, 2.0, 2.0))
    assert fuse(MeanScore(standardise="z"), [one, flat]).docids == ("a", "b", "c")
    flat = Ranking(docids=("a", "b", "c"), scores=(0.1, 0.1, 0.1))  # its deviation is 1e-17, not 0
    assert fuse(MeanScore(standardise="z"), [flat]).scores == (0.0, 0.0, 0.0)


def test_copeland_counts_majorities():
    fused = fuse(Copeland(), [vote("a", "b", "c"), vote("a", "c", "b"), vote("b", "c", "a")])
    assert dict(zip(fused.docids, fused.scores, strict=True)) == {"a": 1.0, "b": 0.5, "c": 0.0}
    even = fuse(Copeland(), [vote("a", "b"), vote("b", "a")])
    assert even.scores == (0.5, 0.5)


def test_kemeny_breaks_a_cycle_where_it_costs_least():
    """a beats b 3:2, b beats c 4:1, c beats a 3:2; no order has all three."""
    cycle = [vote(*order) for order in ("abc", "abc", "bca", "bca", "cab")]
    assert fuse(Kemeny(), cycle).docids in {("a", "b", "c"), ("b", "c", "a")}
    assert fuse(Kemeny(), [*cycle, vote("a", "b", "c")]).docids == ("a", "b", "c")


@given(ORDERS)
def test_kemeny_is_as_good_as_the_best_of_all_orders(orders):
    wins = votes(*orders).wins[0]

    def gain(order):
        return sum(wins[i, j] for at, i in enumerate(order) for j in order[at + 1 :])

    found = np.argsort(-Kemeny()(votes(*orders))[0])
    assert gain(found) == pytest.approx(max(map(gain, permutations(range(5)))))


def test_the_path_breaks_a_cycle_where_it_costs_least():
    """a leads b by 2/6, b leads c by 4/6, c and a are even: abc has 1, bca 2/3, cab 1/3."""
    orders = ["abc", "abc", "abc", "bca", "bca", "cab"]
    assert fuse(HamiltonianPath(), [vote(*order) for order in orders]).docids == ("a", "b", "c")


@given(ORDERS)
def test_the_path_is_as_good_as_the_best_of_all_paths(orders):
    wins = votes(*orders).wins[0]
    lead = wins - wins.T

    def gain(order):
        return sum(lead[i, j] for i, j in pairwise(order))

    found = np.argsort(-HamiltonianPath()(votes(*orders))[0]).tolist()
    assert gain(found) == pytest.approx(max(map(gain, permutations(range(5)))))


@given(ORDERS)
def test_no_move_of_one_document_betters_a_local_search(orders):
    wins = votes(*orders).wins[0]

    def in_pairs(order):
        return sum(wins[i, j] for at, i in enumerate(order) for j in order[at + 1 :])

    def in_steps(order):
        return sum(wins[i, j] - wins[j, i] for i, j in pairwise(order))

    for rule, gain in zip(SEARCHING, [in_pairs, in_steps], strict=True):
        found = np.argsort(-rule(votes(*orders))[0]).tolist()
        for document in found:
            rest = [other for other in found if other != document]
            moves = [[*rest[:place], document, *rest[place:]] for place in range(5)]
            assert max(map(gain, moves)) <= gain(found) + 1e-8


@given(ORDERS)
def test_local_search_never_loses_to_bordas_order(orders):
    wins = votes(*orders).wins[0]

    def gain(scores):
        order = np.argsort(-scores, kind="stable")
        return np.triu(wins[np.ix_(order, order)], 1).sum()

    start = gain(wins.sum(axis=1))
    assert gain(Kemeny(exact=1)(votes(*orders))[0]) >= start - 1e-9


def test_plackett_luce_is_choixs_where_the_prior_is_wide():
    orders = ["abcd", "badc", "cabd", "acdb", "dbac"]
    data = [tuple("abcd".index(docid) for docid in order) for order in orders]
    expected = choix.opt_rankings(4, data)
    found, _ = plackett_luce(votes(*orders), prior=1e3)
    assert found[0] == pytest.approx(expected - expected.mean(), abs=1e-3)


def test_bradley_terry_is_choixs_where_the_prior_is_wide():
    data = [(0, 1), (0, 1), (1, 0), (1, 2), (2, 1), (0, 2), (2, 0), (2, 3), (3, 2), (1, 3)]
    wins = np.zeros((1, 4, 4))
    for winner, loser in data:
        wins[0, winner, loser] += 1
    expected = choix.opt_pairwise(4, data)
    found, _ = bradley_terry(wins, prior=1e3)
    assert found[0] == pytest.approx(expected - expected.mean(), abs=1e-3)


def test_covariance_is_the_inverse_curvature_of_the_posterior():
    orders, prior, small = ["abc", "acb", "bac"], 1.5, 1e-4
    data = [["abc".index(docid) for docid in order] for order in orders]

    def log_posterior(theta):
        total = -0.5 * (theta**2).sum() / prior**2
        for order in data:
            for place in range(3):
                total += theta[order[place]] - np.log(np.exp(theta[order[place:]]).sum())
        return total

    found, covariance = plackett_luce(votes(*orders), prior)
    steps = small * np.eye(3)
    hessian = np.array(
        [
            [
                (
                    log_posterior(found[0] + u + v)
                    - log_posterior(found[0] + u - v)
                    - log_posterior(found[0] - u + v)
                    + log_posterior(found[0] - u - v)
                )
                / (4 * small**2)
                for v in steps
            ]
            for u in steps
        ]
    )
    centre = np.eye(3) - 1 / 3
    assert covariance[0] == pytest.approx(centre @ np.linalg.inv(-hessian) @ centre, abs=1e-4)
    best = log_posterior(found[0])
    assert all(log_posterior(found[0] + step * 100) < best for step in steps)


def test_documents_that_tie_are_each_drawn_from_all_that_are_left():
    """By symmetry a = b. For c the slope is 3 - 2 q - 1 - q - q, q its chance among all three:
    q = 1/2, so c is twice as strong as a."""
    tied = Ranking(docids=("a", "b", "c"), scores=(1.0, 1.0, 0.0))
    rankings = [tied, vote("c", "a", "b"), vote("c", "b", "a")]
    found, _ = plackett_luce(Votes.of(rankings, "abc"), prior=1e3)
    assert found[0] == pytest.approx([-log(2) / 3, -log(2) / 3, 2 * log(2) / 3], abs=1e-4)


def test_bradley_terry_by_hand():
    """Of 8 matches a wins 6: odds of 3, and an information of n q (1 - q) on the difference."""
    found, covariance = bradley_terry(np.array([[[0.0, 6.0], [2.0, 0.0]]]), prior=1e3)
    assert found[0, 0] - found[0, 1] == pytest.approx(log(3), abs=1e-4)
    difference = np.array([1, -1]) @ covariance[0] @ np.array([1, -1])
    assert difference == pytest.approx(1 / (8 * 0.75 * 0.25), abs=1e-4)


def test_a_prior_too_wide_for_the_votes_is_refused():
    unanimous = Votes(np.broadcast_to(np.arange(60.0), (1, 9, 60)))
    with pytest.raises(ValueError, match="no strengths found"):
        plackett_luce(unanimous, prior=1e3)
    with pytest.raises(ValueError, match="less than or equal to 10"):
        PlackettLuce(prior=1e3)


def test_unanimous_strengths_are_finite_and_their_errors_shrink_with_votes():
    few = PlackettLuce().errors(votes(*["abcd"] * 2))[0]
    many = PlackettLuce().errors(votes(*["abcd"] * 20))[0]
    assert (many < few).all()
    assert np.isfinite(BradleyTerry().errors(votes(*["abcd"] * 20))).all()


def test_errors_of_a_mean_are_those_of_its_votes():
    """b is worth 1/2, 1 and 1/2; the standard error of the mean is sd / sqrt(3)."""
    errors = Borda().errors(votes("abc", "bac", "cba"))[0]
    assert errors[1] == pytest.approx(np.std([0.5, 1, 0.5], ddof=1) / 3**0.5)
    assert np.isnan(Borda().errors(votes("abc"))).all()
    assert Copeland().errors(votes("abc")) is None


def test_weights_count_as_votes():
    once, thrice = vote("a", "b", "c"), vote("b", "c", "a")
    weighted = fuse(Borda(), [once, thrice], weights=[1, 3])
    assert weighted.scores == pytest.approx(fuse(Borda(), [once, *[thrice] * 3]).scores)


@pytest.mark.parametrize("rule", [*RULES, *SEARCHING], ids=lambda rule: rule.kind)
def test_unanimous_votes_win_under_every_rule(rule):
    assert fuse(rule, [vote("c", "a", "b", "d")] * 4).docids == ("c", "a", "b", "d")


@pytest.mark.parametrize("rule", [*RULES, *SEARCHING], ids=lambda rule: f"{rule!r}")
@given(ORDERS, st.randoms())
def test_no_rule_minds_the_order_of_the_votes(rule, orders, random):
    rankings = [vote(*order) for order in orders]
    shuffled = random.sample(rankings, len(rankings))
    one, other = fuse(rule, rankings), fuse(rule, shuffled)
    assert dict(zip(one.docids, one.scores, strict=True)) == pytest.approx(
        dict(zip(other.docids, other.scores, strict=True)), abs=1e-6
    )


@pytest.mark.parametrize("rule", [*RULES, *SEARCHING], ids=lambda rule: f"{rule!r}")
def test_many_lists_at_once_are_each_as_alone(rule):
    orders = [["abcd", "bacd"], ["dcba", "dbca"], ["cadb", "cabd"]]
    alone = [rule(votes(*pair))[0] for pair in orders]
    together = rule(Votes(np.concatenate([votes(*pair).scores for pair in orders])))
    assert together == pytest.approx(np.array(alone))


def test_documents_that_tie_share_what_their_ranks_are_worth():
    tied = Ranking(docids=("a", "b", "c"), scores=(1.0, 1.0, 0.5))
    fused = fuse(Borda(), [tied, vote("c", "b", "a")])
    assert dict(zip(fused.docids, fused.scores, strict=True)) == pytest.approx(
        {"a": (0.75 + 0) / 2, "b": (0.75 + 0.5) / 2, "c": (0 + 1) / 2}
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_documents_that_every_vote_ties_come_out_equal(rule):
    flat = Ranking(docids=("a", "b", "c"), scores=(1.0, 1.0, 1.0))
    scores = rule(Votes.of([flat, flat], "abc"))[0]
    if rule.kind not in {"kemeny", "path"}:  # those give an order, whatever the votes
        assert scores == pytest.approx([scores[0]] * 3)


def test_ranks_of_a_tie():
    tied = Votes(np.array([[[2.0, 5.0, 2.0, 1.0]]]))
    assert tied.first.tolist() == [[[2, 1, 2, 4]]]
    assert tied.last.tolist() == [[[3, 1, 3, 4]]]
    assert tied.midranks.tolist() == [[[2.5, 1, 2.5, 4]]]
    assert tied.wins[0, 0].tolist() == [0.5, 0, 0.5, 1]


def test_votes_are_whole_and_weights_are_one_per_voter():
    with pytest.raises(ValueError, match="missing"):
        Votes(np.array([[[1.0, float("nan")]]]))
    for weights in ([1.0], [1.0, 0.0], [1.0, -1.0], [1.0, float("nan")]):
        with pytest.raises(ValueError, match="2 positive numbers"):
            fuse(Borda(), [vote("a", "b"), vote("b", "a")], weights=weights)


def test_rankings_of_different_documents_are_refused():
    with pytest.raises(ValueError, match="different documents"):
        fuse(Borda(), [vote("a", "b"), vote("a", "c")])
    with pytest.raises(ValueError, match="nothing to aggregate"):
        fuse(Borda(), [])
