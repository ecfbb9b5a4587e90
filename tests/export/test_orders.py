"""Teachers' orders against the consensus, counted pair by pair and by scipy."""

from itertools import combinations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from rankmill.export.orders import against, nearest, ordered, ranked, reasoned
from rankmill.tables import JUDGMENTS

DOCIDS = ["a", "b", "c", "d", "e"]


@st.composite
def judged(draw):
    """Consensus scores by docid, not all the same, and some orders of all documents."""
    scores = draw(
        st.lists(st.integers(0, 3), min_size=5, max_size=5).filter(lambda s: len(set(s)) > 1)
    )
    orders = draw(st.lists(st.permutations(DOCIDS), min_size=1, max_size=6))
    return dict(zip(DOCIDS, scores, strict=True)), orders


def readings(orders, *, reasoning="because"):
    """JUDGMENTS of q: one trial for each order."""
    said = (None, None, reasoning, "valid", "", "p", "t", "r")
    rows = [
        ("q", "v", trial, 0, "rank", sorted(order), order, *said)
        for trial, order in enumerate(orders)
    ]
    return pl.DataFrame(rows, schema=JUDGMENTS.columns, orient="row")


def pairs(scores):
    rows = [("q", docid, float(score)) for docid, score in scores.items()]
    return pl.DataFrame(rows, schema=["qid", "docid", "score"], orient="row")


def wrong(order, scores):
    return sum(scores[later] > scores[sooner] for sooner, later in combinations(order, 2))


@settings(deadline=None)
@given(judged())
def test_wrong_pairs_are_counted_one_by_one(drawn):
    scores, orders = drawn
    named = readings(orders).select("qid", "trial", docid="ranked").explode("docid")
    found = against(named, pairs(scores), ["qid", "trial"])
    assert found["wrong"].to_list() == [wrong(order, scores) for order in orders]
    assert found["documents"].to_list() == [5] * len(orders)


@settings(deadline=None)
@given(judged())
def test_the_nearest_reading_has_the_highest_tau(drawn):
    scores, orders = drawn
    (row,) = nearest(readings(orders), pairs(scores)).to_dicts()

    def tau(order):
        return kendalltau([-scores[docid] for docid in order], range(5)).statistic

    taus = [round(tau(order), 9) for order in orders]
    assert row["trial"] == taus.index(max(taus))


def test_reasoning_loses_its_tags_and_must_say_something():
    orders = [["b", "a"]]
    labelled = pairs({"a": 1, "b": 2})
    tagged = reasoned(readings(orders, reasoning=" <think>b, for tea</think>\n<answer>"), labelled)
    assert tagged["reasoning"].to_list() == ["b, for tea"]
    for empty in (None, "", " <think></think> "):
        assert reasoned(readings(orders, reasoning=empty), labelled).is_empty()


def test_reasoning_on_a_document_without_a_label_is_left_out():
    seen = readings([["b", "a", "x"]])
    assert reasoned(seen, pairs({"a": 1, "b": 2})).is_empty()


def test_only_valid_orders_count():
    every = readings([["b", "a"]] * 3).with_columns(
        status=pl.Series(["valid", "malformed", "valid"]),
        question=pl.Series(["rank", "rank", "grade"]),
    )
    assert ranked(every)["trial"].to_list() == [0]


def test_grades_that_tell_all_documents_apart_are_an_order():
    shown = pl.Series([["a", "b", "c"]] * 3)
    graded = readings([["a", "b", "c"]] * 3).with_columns(
        question=pl.Series(["grade", "grade", "rank"]),
        shown=shown,
        scores=pl.Series([[-2.0, -0.5, -1.0], [3.0, 1.0, 1.0], None]),
    )
    found = ordered(graded).select("trial", "ranked").rows()
    assert found == [(2, ["a", "b", "c"]), (0, ["b", "c", "a"])]
