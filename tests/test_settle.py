import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.aggregate import Borda
from rankmill.filters import SelfConsistency
from rankmill.label import View
from rankmill.label.listwise import Listwise
from rankmill.label.pairwise import Pairwise
from rankmill.label.pointwise import Pointwise
from rankmill.settle import Settle, settle
from rankmill.tables import CANDIDATES, JUDGMENTS, LABELS, LISTS, QUERIES
from rankmill.trials import candidate_lists, read_trials

LISTWISE = View(name="listwise", strategy=Listwise(), teacher="t", prompt="p", trials=2)
POINTWISE = View(name="pointwise", strategy=Pointwise(), teacher="t", prompt="p")


def queries(*qids, source="a"):
    rows = [(qid, qid, "question", source, 0, "train", "p", "t", "r") for qid in qids]
    return QUERIES.frame(rows)


def candidates(**docids_by_qid):
    rows = [
        (qid, docid, rank, 1 / rank, "both", rank, rank)
        for qid, docids in docids_by_qid.items()
        for rank, docid in enumerate(docids, start=1)
    ]
    return CANDIDATES.frame(rows)


def permutation(qid, trial, ranked, status="valid"):
    shown = sorted(ranked, reverse=True)
    return (qid, "listwise", trial, 0, "rank", shown, list(ranked), None, None, status)


def scores(qid, **values):
    return [
        (qid, "pointwise", 0, step, "score", [docid], None, [value], "yes_probability", "valid")
        for step, (docid, value) in enumerate(values.items())
    ]


def judgments(*rows):
    full = [(*row[:9], None, row[9], "", "p", "t", "r") for row in rows]
    frame = pl.DataFrame(full, schema=JUDGMENTS.columns, orient="row")
    return frame.sort(JUDGMENTS.key).lazy()


def test_trials_become_views_and_views_become_the_consensus():
    labels, lists, rejections = settle(
        Settle(rule=Borda(), weights={"listwise": 1, "pointwise": 3}),
        [LISTWISE, POINTWISE],
        queries("q1"),
        candidates(q1="abc"),
        judgments(
            permutation("q1", 0, "abc"),
            permutation("q1", 1, "bac"),
            *scores("q1", a=0.2, b=0.1, c=0.9),
        ),
    )
    # listwise: a and b tie, and share 1 and 0.5; pointwise: c a b
    assert labels["docid"].to_list() == ["c", "a", "b"]
    assert labels["score"].to_list() == pytest.approx([3 / 4, (0.75 + 3 * 0.5) / 4, 0.75 / 4])
    assert labels["grade"].to_list() == [3, 2, 2]
    assert labels["votes"].to_list() == [3, 3, 3]
    assert rejections == []
    LABELS.check(labels)
    (row,) = LISTS.check(lists).iter_rows(named=True)
    assert row["trials"] == 3
    assert row["tau"] == pytest.approx(1 / 3)
    assert row["top1_agreement"] == 0
    assert row["source_rank"] == 2
    assert row["kept"]


def test_a_view_of_weight_nothing_need_not_be_there():
    labels, _, rejections = settle(
        Settle(weights={"listwise": 0}),
        [LISTWISE, POINTWISE],
        queries("q1"),
        candidates(q1="abc"),
        judgments(*scores("q1", a=0.1, b=0.5, c=0.9)),
    )
    assert labels["docid"].to_list() == ["c", "b", "a"]
    assert rejections == []


def test_a_view_that_a_filter_reads_must_be_there_whatever_it_weighs():
    labels, _, (rejection,) = settle(
        Settle(weights={"listwise": 0}, filters=(SelfConsistency(view="listwise"),)),
        [LISTWISE, POINTWISE],
        queries("q1"),
        candidates(q1="abc"),
        judgments(*scores("q1", a=0.1, b=0.5, c=0.9)),
    )
    assert labels.is_empty()
    assert rejection.rule == "view_missing"


def test_a_view_of_weight_nothing_stays_out_of_the_consensus():
    labels, _, _ = settle(
        Settle(weights={"listwise": 0}),
        [LISTWISE, POINTWISE],
        queries("q1"),
        candidates(q1="abc"),
        judgments(permutation("q1", 0, "cba"), *scores("q1", a=0.9, b=0.5, c=0.1)),
    )
    assert labels["docid"].to_list() == ["a", "b", "c"]


def test_a_rejected_list_keeps_its_row_and_its_reason():
    labels, lists, (rejection,) = settle(
        Settle(filters=(SelfConsistency(view="listwise", tau=0.5),)),
        [LISTWISE],
        queries("q1"),
        candidates(q1="abc"),
        judgments(permutation("q1", 0, "abc"), permutation("q1", 1, "cba")),
    )
    assert labels.is_empty()
    assert lists["kept"].to_list() == [False]
    assert lists["reason"].to_list() == ["self_consistency: listwise: mean tau -1.000 < 0.5"]
    assert (rejection.id, rejection.rule) == ("q1", "self_consistency")


def test_a_list_without_a_valid_trial_of_a_view_is_not_labelled_from_the_rest():
    labels, lists, (rejection,) = settle(
        Settle(),
        [LISTWISE, POINTWISE],
        queries("q1"),
        candidates(q1="abc"),
        judgments(permutation("q1", 0, "abc", status="malformed"), *scores("q1", a=1, b=1, c=1)),
    )
    assert labels.is_empty()
    assert lists.is_empty()
    assert (rejection.rule, rejection.detail) == ("view_missing", "no valid trial of listwise")


@given(st.permutations("abc"), st.permutations("abc"), st.sampled_from(["malformed", "refused"]))
def test_a_reading_that_is_not_valid_never_changes_a_label(good, bad, status):
    def label(*rows):
        return settle(Settle(), [LISTWISE], queries("q1"), candidates(q1="abc"), judgments(*rows))[
            0
        ]

    with_it = label(permutation("q1", 0, good), permutation("q1", 1, bad, status=status))
    assert with_it.equals(label(permutation("q1", 0, good)))


def test_lists_and_trials_keep_apart_by_query():
    found = read_trials(
        [LISTWISE],
        candidate_lists(candidates(q2="ab", q1="ab")),
        judgments(permutation("q1", 0, "ab"), permutation("q2", 0, "ba")).collect(),
    )
    assert candidate_lists(candidates(q2="ab", q1="ba")) == {"q1": ["b", "a"], "q2": ["a", "b"]}
    assert [r.docids for r in found["q1"].trials["listwise"]] == [("a", "b")]
    assert [r.docids for r in found["q2"].trials["listwise"]] == [("b", "a")]


def test_negative_weights_are_refused():
    with pytest.raises(ValueError, match="weights must be 0 or more"):
        Settle(weights={"listwise": -1})


def test_a_list_that_could_not_be_compared_weighs_nothing():
    _, lists, _ = settle(
        Settle(),
        [LISTWISE],
        queries("q1", "q2"),
        candidates(q1="abc", q2="abc"),
        judgments(
            permutation("q1", 0, "abc"),
            permutation("q1", 1, "cba", status="malformed"),
            permutation("q2", 0, "abc"),
            permutation("q2", 1, "acb"),
        ),
    )
    assert lists["weight"].to_list() == pytest.approx([0.0, 1 / 3])
    assert lists["difficulty"].to_list() == [None, pytest.approx(1 / 3)]


def test_a_list_too_short_to_ask_about_is_a_ranking_of_its_own():
    pairs = View(name="pairs", strategy=Pairwise(), teacher="t", prompt="p")
    labels, _, rejections = settle(
        Settle(), [pairs], queries("q1"), candidates(q1="a"), judgments()
    )
    assert labels["docid"].to_list() == ["a"]
    assert rejections == []


def test_errors_are_those_of_the_votes_that_gave_the_scores():
    labels, _, _ = settle(
        Settle(rule=Borda()),
        [LISTWISE, POINTWISE],
        queries("q1"),
        candidates(q1="abc"),
        judgments(permutation("q1", 0, "abc"), *scores("q1", a=0.1, b=0.2, c=0.9)),
    )
    # listwise: a 1, b 1/2, c 0; pointwise: c 1, b 1/2, a 0
    errors = dict(labels.select("docid", "stderr").iter_rows())
    assert errors == pytest.approx({"a": 0.5, "b": 0.0, "c": 0.5})
