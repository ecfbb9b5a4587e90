"""Mean win rates, worked out by hand."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankmill.export import Labelled, Policy, write
from rankmill.export.lipo import Lipo, read_values, win_rates
from rankmill.tables import JUDGMENTS

POLICY = Policy(positive_grade=2, negative_grade=0, negatives=4)


def documents(scores, kind="mrr"):
    rows = [("q", docid, score, kind) for docid, score in scores.items()]
    return pl.DataFrame(rows, schema=["qid", "docid", "score", "score_kind"], orient="row")


def readings(*rows):
    """Judgments from (question, shown, ranked, scores), each a reading of its own trial."""
    full = [
        ("q", "v", row[4] if len(row) > 4 else n, n, *row[:4], None, None, "valid", "", "", "", "")
        for n, row in enumerate(rows)
    ]
    return read_values(pl.DataFrame(full, schema=JUDGMENTS.columns, orient="row"))


def rates(scores, *rows, kind="mrr"):
    return win_rates(documents(scores, kind), readings(*rows)).to_list()


def test_a_ranking_counts_every_pair():
    # a beats b and c; b beats c; against itself each wins half: 2.5, 1.5 and 0.5 of 3.
    found = rates({"a": 3, "b": 2, "c": 1}, ("rank", ["b", "a", "c"], ["a", "b", "c"], None))
    assert found == pytest.approx([2.5 / 3, 1.5 / 3, 0.5 / 3])


def test_readings_that_differ_are_averaged_and_ties_are_kept():
    one = ("rank", ["a", "b"], ["a", "b"], None)
    other = ("rank", ["a", "b"], ["b", "a"], None)
    assert rates({"a": 2, "b": 1}, one, other) == [0.5, 0.5]
    assert rates({"a": 2, "b": 1}, one, one, other) == pytest.approx([7 / 12, 5 / 12])


def test_equal_grades_of_one_reading_are_half_a_win():
    found = rates({"a": 3, "b": 2, "c": 1}, ("grade", ["a", "b", "c"], None, [2.0, 2.0, 0.0]))
    assert found == pytest.approx([2 / 3, 2 / 3, 0.5 / 3])


def test_scores_asked_one_by_one_are_compared_within_their_trial():
    asked = [("score", ["a"], None, [0.2], 0), ("score", ["b"], None, [0.9], 0)]
    assert rates({"a": 2, "b": 1}, *asked) == [0.25, 0.75]
    apart = [("score", ["a"], None, [0.2], 0), ("score", ["b"], None, [0.9], 1)]
    assert rates({"a": 2, "b": 1}, *apart) == [0.75, 0.25]  # never met: as the consensus has it


def test_a_choice_says_nothing_of_those_not_chosen():
    choice = ("choose", ["a", "b", "c"], ["c"], None)
    # c beats a and b as chosen; a and b fall back on the consensus, in which a is above b.
    found = rates({"a": 3, "b": 2, "c": 1}, choice)
    assert found == pytest.approx([1.5 / 3, 0.5 / 3, 2.5 / 3])
    nothing = ("choose", ["a", "b", "c"], [], None)
    assert rates({"a": 1, "b": 1, "c": 1}, nothing) == [0.5, 0.5, 0.5]


def test_pairs_that_never_met_fall_back_on_the_model_where_there_is_one():
    assert rates({"a": 1.0, "b": 0.0}, kind="mrr") == [0.75, 0.25]
    win = 1 / (1 + 2.718281828459045**-1)
    found = rates({"a": 1.0, "b": 0.0}, kind="plackett_luce")
    assert found == pytest.approx([(0.5 + win) / 2, (1.5 - win) / 2])


@settings(max_examples=50, deadline=None)
@given(order=st.permutations("abcde"), again=st.permutations("abcde"))
def test_rates_lie_between_0_and_1_and_add_up_to_half_the_list(order, again):
    scores = {docid: float(place) for place, docid in enumerate("abcde")}
    found = rates(scores, ("rank", order, order, None), ("rank", again, again, None))
    assert all(0 < rate < 1 for rate in found)
    assert sum(found) == pytest.approx(2.5)


def test_lists_side_by_side_do_not_touch_each_other():
    one = documents({"a": 3, "b": 2, "c": 1})
    two = documents({"a": 1, "d": 2}).with_columns(qid=pl.lit("r"))
    both = pl.concat([one, two])
    read = readings(("rank", ["b", "a"], ["b", "a"], None))
    other = read.with_columns(qid=pl.lit("r"), reading=pl.col("reading") + 7)
    other = other.with_columns(pl.col("docid").replace("b", "d"))
    found = win_rates(both, pl.concat([read, other])).to_list()
    assert found == pytest.approx([1.5 / 3, 2.5 / 3, 0.5 / 3, 0.25, 0.75])


def test_only_the_views_named_count(tables, tmp_path):
    write([Lipo(views=("pointwise",))], Labelled(tables, POLICY), tmp_path)
    (row,) = pl.read_parquet(tmp_path / "lipo" / "train.parquet").to_dicts()
    # Seen one by one d2 beat d1; the rest is as the consensus has it: d2, d1, d3, d4.
    assert row["scores"] == [0.875, 0.625, 0.375, 0.125]
    assert row["docs"][2] == "Coffee\nGrind beans just before brewing."


def test_views_that_do_not_vote_count_only_where_they_are_named(tables, tmp_path):
    said = {}
    for name, voting, views in (
        ("voting", ("pointwise",), ()),
        ("named", ("listwise",), ("pointwise",)),
        ("all", (), ()),
    ):
        held = Labelled(replace(tables, voting=voting), POLICY)
        write([Lipo(views=views)], held, tmp_path / name)
        (row,) = pl.read_parquet(tmp_path / name / "lipo" / "train.parquet").to_dicts()
        said[name] = row["docs"]
    assert said["voting"] == said["named"]
    # The listwise reading has d4 above d3, which the consensus has the other way round.
    assert said["all"][2:] == said["voting"][:1:-1]


def test_a_long_list_is_thinned_out_evenly(tables, tmp_path):
    write([Lipo(size=2)], Labelled(tables, POLICY), tmp_path)
    (row,) = pl.read_parquet(tmp_path / "lipo" / "train.parquet").to_dicts()
    assert row["docs"] == [
        "Boiling water burns green tea.",
        "Coffee\nGrind beans just before brewing.",
    ]
    assert row["scores"] == [0.75, 0.25]


def test_a_list_of_one_document_is_left_out_and_named(tables):
    alone = tables.labels.filter(pl.col("docid") != "d6").select("qid", "docid", "grade")
    found = Lipo().missing(alone, POLICY)
    assert found.rows() == [("q3", "too_short", "1 document, at least 2")]
