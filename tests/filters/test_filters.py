from dataclasses import replace
from itertools import permutations
from math import log2
from statistics import mean

import numpy as np
import pytest

from rankmill.filters import CrossView, FailedTrials, LabelledList, SelfConsistency, SourceRank
from rankmill.filters.cross_view import ndcg, ndcg_by_chance
from rankmill.grades import Bands, Cuts, Isotonic, Quantiles
from rankmill.polls import Poll, agreement_all
from rankmill.records import Ranking


def labelled(*orders, scores=None, source="a", failed=0):
    trials = {"listwise": tuple(Ranking.in_order(tuple(order)) for order in orders)}
    views = {"listwise": trials["listwise"][0]}
    if scores:
        views["pointwise"] = Ranking.by_score(scores)
        trials["pointwise"] = (views["pointwise"],)
    return LabelledList(
        qid="q1",
        known=(source,),
        trials=trials,
        begun={name: len(read) + failed for name, read in trials.items()},
        views=views,
        agreement={
            name: agreement_all([Poll(rankings=read)], p=0.5, k=3)[0]
            for name, read in trials.items()
        },
        scores={"pointwise": scores or {}},
        consensus=views["listwise"],
        errors={},
    )


def test_agreeing_trials_are_kept():
    assert SelfConsistency(view="listwise", tau=0.6)(labelled("abc", "abc")) is None


def test_disagreeing_trials_are_rejected_with_the_number():
    rejection = SelfConsistency(view="listwise", tau=0.6)(labelled("abc", "cba"))
    assert rejection.rule == "self_consistency"
    assert rejection.detail == "listwise: mean tau -1.000 < 0.6"


def test_one_trial_shows_no_consistency():
    rejection = SelfConsistency(view="listwise", tau=0.4)(labelled("abc"))
    assert rejection.detail == "listwise: fewer than 2 valid trials"


@pytest.mark.parametrize(
    ("measure", "value"), [("w", 0.75), ("rbo", 0.5), ("top1", 0.0), ("topk", 1.0)]
)
def test_every_measure_can_be_asked_for(measure, value):
    lists = labelled("abc", "bac")
    rule = SelfConsistency(view="listwise", tau=-1)
    least = rule.model_copy(update={measure: max(value - 0.01, 0)})
    assert least(lists) is None
    if value < 1:
        rejection = rule.model_copy(update={measure: value + 0.2})(lists)
        assert rejection.detail == f"listwise: mean {measure} {value:.3f} < {value + 0.2}"


def test_the_source_document_must_be_near_the_top():
    assert SourceRank()(labelled("abc", source="a")) is None
    assert SourceRank(most=2)(labelled("bac", source="a")) is None
    rejection = SourceRank(order="listwise")(labelled("bac", source="a"))
    assert rejection.detail == "listwise ranks the source document 2 > 1"
    assert "not among the 3 candidates" in SourceRank()(labelled("abc", source="x")).detail


def test_a_view_that_mostly_failed_is_no_sample():
    assert FailedTrials(view="listwise", most=0.5)(labelled("abc", failed=1)) is None
    rejection = FailedTrials(view="listwise", most=0.5)(labelled("abc", failed=2))
    assert rejection.detail == "listwise: 2 of 3 trials failed > 0.5"


def test_ndcg_by_hand():
    assert ndcg("abc", {"a"}) == 1
    assert ndcg("abc", {"b"}) == pytest.approx(1 / log2(3))
    assert ndcg("abc", {"a", "c"}) == pytest.approx((1 + 1 / 2) / (1 + 1 / log2(3)))
    assert ndcg("abc", {"c"}, k=2) == 0
    assert ndcg("abc", set()) == 0


def test_chance_is_the_mean_over_every_order():
    every = [ndcg(order, {"a", "b"}, k=3) for order in permutations("abcde")]
    assert ndcg_by_chance(5, 2, k=3) == pytest.approx(mean(every))


def test_chance_for_the_lists_of_reasonrank():
    assert ndcg_by_chance(20, 3) == pytest.approx(0.320, abs=5e-4)


def test_a_view_that_puts_the_other_views_best_first_is_kept():
    lists = labelled("abc", scores={"a": 0.9, "b": 0.2, "c": 0.1})
    assert CrossView(order="listwise", relevant="pointwise", cut=0.5)(lists) is None


def test_a_view_that_puts_them_last_is_rejected_with_the_number():
    lists = labelled("cba", scores={"a": 0.9, "b": 0.2, "c": 0.1})
    rejection = CrossView(order="listwise", relevant="pointwise", cut=0.5, alpha=0.6)(lists)
    assert rejection.rule == "cross_view"
    assert rejection.detail == (
        "nDCG@10 of listwise against pointwise 0.500 < 0.6 (1 relevant, chance 0.710)"
    )


def test_corrected_for_chance_a_middling_order_falls_below_zero():
    lists = labelled("bca", scores={"a": 0.9, "b": 0.2, "c": 0.1})
    rule = CrossView(order="listwise", relevant="pointwise", top=1, alpha=0.0, corrected=True)
    chance = (1 + 1 / log2(3) + 1 / 2) / 3
    expected = (1 / 2 - chance) / (1 - chance)
    assert f"corrected nDCG@10 of listwise against pointwise {expected:.3f}" in rule(lists).detail


def test_the_source_document_can_be_what_is_relevant():
    rule = CrossView(order="consensus", relevant="source", alpha=0.6)
    assert rule(labelled("bac", source="a")) is None
    assert rule(labelled("bca", source="a")).rule == "cross_view"


def test_a_list_without_anything_relevant_is_rejected():
    lists = labelled("abc", scores={"a": 0.1, "b": 0.2, "c": 0.1})
    rejection = CrossView(order="listwise", relevant="pointwise", cut=0.5)(lists)
    assert rejection.detail == "pointwise holds no document relevant"


@pytest.mark.parametrize(
    "fields",
    [
        {"relevant": "pointwise"},
        {"relevant": "pointwise", "cut": 0.5, "top": 1},
        {"relevant": "source", "top": 1},
    ],
)
def test_what_is_relevant_must_be_said_once(fields):
    with pytest.raises(ValueError, match="relevant"):
        CrossView(order="listwise", **fields)


def test_bands_grade_by_rank():
    grades = Bands(sizes=(1, 2)).values(labelled("dcba"))
    assert grades == {"d": 2, "c": 1, "b": 1, "a": 0}


def test_documents_that_were_not_told_apart_share_the_lowest_of_their_grades():
    lists = replace(labelled("abcd"), consensus=Ranking.top(("a",), ("b", "c", "d")))
    assert Bands(sizes=(1, 2)).values(lists) == {"a": 2, "b": 0, "c": 0, "d": 0}
    flat = replace(labelled("abcd"), consensus=Ranking.by_score(dict.fromkeys("abcd", 0.0)))
    assert set(Bands().values(flat).values()) == {0}


def test_cuts_never_rise_down_the_ranking():
    lists = labelled("abcd", scores={"a": 0.6, "b": 0.95, "c": 0.55, "d": 0.1})
    assert Cuts(view="pointwise", cuts=(0.5, 0.9)).values(lists) == {"a": 1, "b": 1, "c": 1, "d": 0}


def test_cuts_must_rise():
    with pytest.raises(ValueError, match="cuts must rise"):
        Cuts(view="pointwise", cuts=(0.9, 0.5))


def test_quantiles_grade_by_the_scores_of_the_whole_build():
    rule = Quantiles(shares=(0.1, 0.2))
    scores = np.arange(10.0)
    assert rule.grades(scores, scores).tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 1, 2]
    assert rule.grades(np.array([]), np.array([])).tolist() == []
    with pytest.raises(ValueError, match="less than 1"):
        Quantiles(shares=(0.5, 0.5))


def test_isotonic_grades_say_what_a_score_is_worth_to_a_view():
    rule = Isotonic(view="pointwise", scale=3)
    assert rule.values(labelled("ab", scores={"a": 0.5, "b": 0.0})) == {"a": 1.5, "b": 0.0}
    scores = np.array([0.1, 0.2, 0.3, 0.8, 0.9, 1.0])
    values = np.array([0.0, 1.0, 0.0, 2.0, 3.0, 3.0])
    assert rule.grades(scores, values).tolist() == [0, 0, 0, 2, 3, 3]  # 1 and 0 pool to 0.5
    mixed = rule.grades(np.array([1.0, 0.0]), np.array([0.0, 3.0]))
    assert mixed[0] >= mixed[1]
