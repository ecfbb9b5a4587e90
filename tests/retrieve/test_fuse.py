import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rankmill.records import Ranking
from rankmill.retrieve import Convex, ReciprocalRanks


def ranking(**scores):
    return Ranking.by_score(scores)


FIRST = ranking(a=9.0, b=5.0, c=1.0)
SECOND = ranking(c=0.8, d=0.3)


def test_reciprocal_ranks_by_hand():
    fused = ReciprocalRanks()({"bm25": FIRST, "dense": SECOND})
    assert fused.docids == ("c", "a", "b", "d")
    assert fused.scores == pytest.approx((1 / 63 + 1 / 61, 1 / 61, 1 / 62, 1 / 62))


def test_weighted_reciprocal_ranks_by_hand():
    fused = ReciprocalRanks(k=1, weights={"bm25": 0.5})({"bm25": FIRST, "dense": SECOND})
    assert fused.docids == ("c", "d", "a", "b")
    assert fused.scores == pytest.approx((0.5 / 4 + 1 / 2, 1 / 3, 0.5 / 2, 0.5 / 3))


def test_a_convex_combination_by_hand():
    fused = Convex(weights={"bm25": 0.5})({"bm25": FIRST, "dense": SECOND})
    # bm25: a 1, b 0.5, c 0 with weight 1/3; dense: c 1, d 0 with weight 2/3.
    assert fused.docids == ("c", "a", "b", "d")
    assert fused.scores == pytest.approx((2 / 3, 1 / 3, 1 / 6, 0))


def test_scores_below_zero_are_brought_to_the_same_scale():
    fused = Convex()({"one": ranking(a=-1.0, b=-2.0, c=-5.0)})
    assert fused.scores == pytest.approx((1, 0.75, 0))


def test_scores_that_are_all_the_same_count_as_the_best():
    assert Convex()({"one": ranking(a=3.0, b=3.0), "two": ranking(c=1.0)}).scores == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("fusion", [Convex(), ReciprocalRanks()])
def test_an_empty_list_changes_no_order_and_nothing_fuses_to_nothing(fusion):
    assert fusion({"one": ranking(b=2.0, a=1.0), "two": ranking()}).docids == ("b", "a")
    assert fusion({"one": ranking(), "two": ranking()}).docids == ()


@pytest.mark.parametrize(
    "fusion", [Convex(weights={"one": 0}), ReciprocalRanks(weights={"one": 0})]
)
def test_a_list_of_no_weight_moves_nothing(fusion):
    assert fusion({"one": FIRST, "two": SECOND}).docids[0] == "c"
    assert fusion({"one": FIRST}).docids == ("a", "b", "c")


def test_a_weight_below_zero_is_refused():
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        Convex(weights={"bm25": -1})


SCORES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-9, 9).map(float))


@pytest.mark.parametrize("fusion", [Convex(), ReciprocalRanks()])
@settings(deadline=None)
@given(st.lists(SCORES, min_size=1, max_size=3))
def test_fusion_keeps_every_document_once_and_agrees_with_lists_that_agree(fusion, lists):
    rankings = {str(number): Ranking.by_score(scores) for number, scores in enumerate(lists)}
    fused = fusion(rankings)
    assert sorted(fused.docids) == sorted({docid for scores in lists for docid in scores})
    same = fusion(dict.fromkeys(("x", "y"), rankings["0"]))
    assert same.docids == rankings["0"].docids
