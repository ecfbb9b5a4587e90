from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.aggregate import AggregationRule, Borda, MeanReciprocalRank, fuse
from rankmill.records import Ranking

RULES = [rule() for rule in get_args(get_args(AggregationRule)[0])]


def vote(*docids):
    return Ranking.in_order(docids)


def test_mean_reciprocal_rank_by_hand():
    fused = fuse(MeanReciprocalRank(k=60), [vote("a", "b", "c"), vote("b", "a", "c")])
    assert fused.docids == ("a", "b", "c")
    both = (1 / 61 + 1 / 62) / 2
    assert fused.scores == pytest.approx((both, both, 1 / 63))


def test_borda_by_hand():
    fused = fuse(Borda(), [vote("a", "b", "c"), vote("b", "a", "c"), vote("b", "c", "a")])
    assert fused.docids == ("b", "a", "c")
    assert fused.scores == pytest.approx((2.5 / 3, 1.5 / 3, 0.5 / 3))


def test_weights_count_as_votes():
    once, thrice = vote("a", "b", "c"), vote("b", "c", "a")
    weighted = fuse(Borda(), [once, thrice], weights=[1, 3])
    assert weighted.scores == pytest.approx(fuse(Borda(), [once, *[thrice] * 3]).scores)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_unanimous_votes_win_under_every_rule(rule):
    assert fuse(rule, [vote("c", "a", "b")] * 4).docids == ("c", "a", "b")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
@given(st.lists(st.permutations("abcde"), min_size=1, max_size=5), st.randoms())
def test_no_rule_minds_the_order_of_the_votes(rule, votes, random):
    rankings = [vote(*order) for order in votes]
    shuffled = random.sample(rankings, len(rankings))
    one, other = fuse(rule, rankings), fuse(rule, shuffled)
    assert dict(zip(one.docids, one.scores, strict=True)) == pytest.approx(
        dict(zip(other.docids, other.scores, strict=True))
    )


def test_documents_that_tie_share_what_their_ranks_are_worth():
    tied = Ranking(docids=("a", "b", "c"), scores=(1.0, 1.0, 0.5))
    fused = fuse(Borda(), [tied, vote("c", "b", "a")])
    assert dict(zip(fused.docids, fused.scores, strict=True)) == pytest.approx(
        {"a": (0.75 + 0) / 2, "b": (0.75 + 0.5) / 2, "c": (0 + 1) / 2}
    )


def test_rankings_of_different_documents_are_refused():
    with pytest.raises(ValueError, match="different documents"):
        fuse(Borda(), [vote("a", "b"), vote("a", "c")])
    with pytest.raises(ValueError, match="nothing to aggregate"):
        fuse(Borda(), [])
