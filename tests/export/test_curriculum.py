"""How hard lists are, and in which order they come, against values worked out by hand."""

import math
from dataclasses import replace

import polars as pl
import pytest
from scipy.stats import gaussian_kde

from rankmill.assemble import Assembly
from rankmill.export import Ids, Labelled, Policy, write
from rankmill.export.curriculum import (
    Folded,
    Sorted,
    difficulties,
    importance,
    kernel_shares,
    of_equal_length,
)
from rankmill.tables import CANDIDATES, JUDGMENTS, LABELS, LISTS, QUERIES
from small_build import frame, reading

POLICY = Policy(positive_grade=2, negative_grade=0, negatives=4)


def pairs(*rows, policy=POLICY, origins=None, scores=None):
    """Marked rows of qid, rank, grade, candidate_rank, candidate_score."""
    names = ["qid", "rank", "grade", "candidate_rank", "candidate_score"]
    found = pl.DataFrame(rows, schema=names, orient="row").with_columns(
        origin=pl.Series(origins or ["dense"] * len(rows)),
        score=pl.Series(scores or [0.0] * len(rows)),
    )
    return policy.marked(found)


def test_identifiers_weigh_less_from_rank_to_rank():
    found = pl.select(importance(pl.Series([1, 3, 7]))).to_series().to_list()
    assert found == pytest.approx([1 + 1 / 1, 1 + 1 / 2, 1 + 1 / 3])


def test_a_list_is_hard_where_a_negative_was_retrieved_above_the_positive():
    hard = pairs(("q", 1, 3, 4, 0.0), ("q", 2, 1, 2, 6.0), ("q", 3, 0, 1, 8.0), ("q", 4, 0, 3, 2.0))
    (found,) = difficulties(hard).to_dicts()
    # The best document: 1/4 of its rank, 0 of its score; the worst negative: 1 and 1.
    assert found["reciprank"] == pytest.approx(1 - (1 / 4 - 1 + 1) / 2)
    assert found["normscore"] == pytest.approx(1 - (0 - 1 + 1) / 2)
    kde = gaussian_kde([0.0, 6.0, 8.0, 2.0])
    best, worst = (kde.integrate_box_1d(-math.inf, score) for score in (0.0, 8.0))
    assert found["kdescore"] == pytest.approx(1 - (best - worst + 1) / 2)


def test_a_list_is_easy_where_the_positive_was_first():
    easy = pairs(("q", 1, 3, 1, 1.0), ("q", 2, 0, 2, 0.0))
    (found,) = difficulties(easy).to_dicts()
    assert found["reciprank"] == pytest.approx(1 - (1 - 1 / 2 + 1) / 2)
    assert found["normscore"] == pytest.approx(0.0)


@pytest.mark.parametrize("grades", [(1, 0), (3, 1)], ids=["no positive", "no negative"])
def test_without_a_positive_or_a_negative_it_is_not_known(grades):
    lists = pairs(("q", 1, grades[0], 1, 1.0), ("q", 2, grades[1], 2, 0.0))
    assert difficulties(lists).row(0) == ("q", None, None, None)


def test_a_known_answer_that_is_graded_down_makes_no_hard_pair():
    rows = ("q", 1, 3, 2, 0.5), ("q", 2, 0, 1, 0.9), ("q", 3, 0, 3, 0.1)
    (found,) = difficulties(pairs(*rows, origins=["dense", "source", "dense"])).to_dicts()
    assert found["reciprank"] == pytest.approx(1 - (1 / 2 - 1 / 3 + 1) / 2)
    (found,) = difficulties(pairs(*rows)).to_dicts()
    assert found["reciprank"] == pytest.approx(1 - (1 / 2 - 1 + 1) / 2)


def test_a_document_that_is_too_near_for_a_negative_makes_no_hard_pair():
    rows = ("q", 1, 3, 2, 0.5), ("q", 2, 0, 1, 0.9), ("q", 3, 0, 3, 0.1)
    policy = replace(POLICY, judge_margin=0.3)
    (found,) = difficulties(pairs(*rows, policy=policy, scores=[0.9, 0.8, 0.1])).to_dicts()
    assert found["reciprank"] == pytest.approx(1 - (1 / 2 - 1 / 3 + 1) / 2)


@pytest.mark.parametrize(("policy", "pair"), [("drop", (1 / 2, 1 / 3)), ("keep", (1 / 2, 1))])
def test_the_best_positive_stands_below_a_false_negative(policy, pair):
    rows = ("q", 1, 3, 1, 0.9), ("q", 2, 2, 2, 0.5), ("q", 3, 0, 3, 0.1)
    origins = ["dense", "source", "dense"]
    marked = pairs(*rows, origins=origins, policy=replace(POLICY, false_negatives=policy))
    (found,) = difficulties(marked).to_dicts()
    assert found["reciprank"] == pytest.approx(1 - (pair[0] - pair[1] + 1) / 2)


def test_equal_scores_say_nothing():
    lists = pairs(("q", 1, 3, 1, 5.0), ("q", 2, 0, 2, 5.0))
    (found,) = difficulties(lists).to_dicts()
    assert (found["normscore"], found["kdescore"]) == (0.5, 0.5)


def test_the_density_of_a_list_is_that_of_scipy():
    lists = [[0.9, 0.8, 0.1], [3.0, 1.0], [2.0, 2.5, 7.0], [4.0]]
    found = iter(kernel_shares(pl.Series(lists)))
    for scores in lists[:3]:
        kde = gaussian_kde(scores)
        for one in scores:
            assert next(found) == pytest.approx(kde.integrate_box_1d(-math.inf, one))
    assert list(found) == [0.5]


def test_arrays_of_long_lists_are_cut_so_that_pairs_fit_in_memory():
    long = pl.Series([[float(n)] * 1500 for n in range(5)])
    found = list(of_equal_length(long))
    assert [rows.tolist() for rows, _ in found] == [[0], [1], [2], [3], [4]]
    assert [values[0, 0] for _, values in found] == [0, 1, 2, 3, 4]


@pytest.fixture
def lists():
    return pl.DataFrame(
        {"qid": ["a", "b", "c", "d", "e", "f", "g"], "difficulty": [5, 3, None, 1, 4, 2, 0]}
    )


def test_easy_lists_come_first_and_unknown_ones_last(lists):
    assert "".join(Sorted()(lists)["qid"]) == "gdfbeac"


def test_folds_sweep_from_easy_to_hard(lists):
    assert "".join(Folded(folds=3)(lists)["qid"]) == "gbcdefa"
    assert "".join(Folded(folds=2)(lists)["qid"]) == "gfecdba"


def test_lists_of_equal_difficulty_keep_their_order(lists):
    same = lists.with_columns(difficulty=pl.lit(0.5))
    assert Sorted()(same)["qid"].to_list() == lists["qid"].to_list()
    assert "".join(Folded(folds=2)(same)["qid"]) == "acegbdf"


@pytest.fixture
def four(replaced, documents):
    """Lists a, b and c for training, and v to validate; how hard c is nobody knows."""
    hard = {"a": 0.9, "b": 0.1, "c": None, "v": 0.0}
    ask = {qid: ("d5", "d6", "validation") if qid == "v" else ("d1", "d2", "train") for qid in hard}
    return replaced(
        queries=frame(
            QUERIES,
            *(
                (qid, f"query {qid}", "search", source, 0, split, "77aa", "local", qid)
                for qid, (source, _, split) in ask.items()
            ),
        ),
        candidates=frame(
            CANDIDATES,
            *(
                (qid, docid, rank, 1.0 / rank, "retrieved", None, None)
                for qid, (*docids, _) in ask.items()
                for rank, docid in enumerate(docids, 1)
            ),
        ),
        judgments=frame(
            JUDGMENTS,
            *(
                reading(q, "listwise", [one, two], ranked=[two, one])
                for q, (one, two, _) in ask.items()
            ),
        ),
        labels=frame(
            LABELS,
            *(
                (qid, docid, rank, 1.0 / rank, "mrr", 4 - 2 * rank, None, 1)
                for qid, (*docids, _) in ask.items()
                for rank, docid in enumerate(reversed(docids), 1)
            ),
        ),
        lists=frame(
            LISTS,
            *((q, 1, *[None] * 6, one, 0.5, None, None, True, "") for q, one in hard.items()),
        ),
    )


def written(tables, folder, order):
    spec = Assembly.model_validate({"order": order})
    write((*spec.exports, Ids()), Labelled(tables, spec.policy, spec.order), folder)
    return folder


@pytest.mark.parametrize("pairs", [1, 16_384], ids=["a list a part", "all in one part"])
def test_lists_for_training_come_in_the_order_asked_for(four, tmp_path, monkeypatch, pairs):
    monkeypatch.setattr("rankmill.export.parts._PAIRS", pairs)
    folder = written(four, tmp_path / "made", {"kind": "sort"})
    lists = pl.read_parquet(folder / "lists/train.parquet")
    assert lists.select("qid", "order_index", "docids").rows() == [
        ("b", 0, ["d2", "d1"]),
        ("a", 1, ["d2", "d1"]),
        ("c", 2, ["d2", "d1"]),
    ]
    queries = pl.read_parquet(folder / "listwise/train.parquet")["query"].to_list()
    assert queries == ["query b", "query a", "query c"]
    judged = pl.read_parquet(folder / "judgments/train.parquet")["qid"].to_list()
    assert judged == ["b", "a", "c"]
    validated = pl.read_parquet(folder / "lists/validation.parquet")
    assert validated.select("qid", "order_index").rows() == [("v", 3)]


def test_without_an_order_lists_come_by_qid(four, tmp_path):
    folder = written(four, tmp_path / "made", None)
    assert pl.read_parquet(folder / "lists/train.parquet")["qid"].to_list() == ["a", "b", "c"]


def test_lists_say_how_hard_they_are_by_every_measure(four, tmp_path):
    folder = written(four, tmp_path / "made", None)
    (row,) = pl.read_parquet(folder / "lists/train.parquet").filter(qid="a").to_dicts()
    assert row["difficulty"] == 0.9
    assert row["reciprank"] == 1 - (1 / 2 - 1 + 1) / 2
    assert row["normscore"] == 1.0
    assert row["importances"] == pytest.approx([2.0, 1 + 1 / math.log2(3)])


def test_a_recipe_names_an_order():
    spec = Assembly.model_validate({"order": {"kind": "fold", "by": "kdescore", "folds": 2}})
    assert spec.order == Folded(by="kdescore", folds=2)
    with pytest.raises(ValueError, match="'difficulty', 'reciprank', 'normscore' or 'kdescore'"):
        Assembly.model_validate({"order": {"kind": "sort", "by": "length"}})
