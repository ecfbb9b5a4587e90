"""Which lists a person sees, and in which order."""

import json

import polars as pl
import pytest

from rankmill.errors import ConfigError
from rankmill.finished import DATASET, Finished
from rankmill.review import Wanted, highest_grade, shown_lists
from rankmill.settings import Settings
from rankmill.show import Lists
from rankmill.tables import LABELS, LISTS, REJECTIONS

RULE = "near_duplicate_split"


@pytest.fixture(scope="module")
def made(built):
    return Finished.find(Settings(data=built), "toy")


@pytest.fixture(scope="module")
def lists(made):
    return made.read("settle", LISTS)


def test_lists_that_were_kept_come_in_an_order_that_a_seed_draws(made, lists):
    kept = lists.filter("kept")["qid"].to_list()
    drawn = list(shown_lists(made, Wanted()))
    assert sorted(drawn) == sorted(kept)
    assert list(shown_lists(made, Wanted(seed=1))) != drawn != kept
    assert list(shown_lists(made, Wanted(lists=3))) == drawn[:3]


def test_lists_can_be_asked_for_by_name_kept_or_not(made, lists):
    wanted = (lists.filter("kept")["qid"][2], lists.filter(~pl.col("kept"))["qid"][0])
    found = shown_lists(made, Wanted(qids=wanted))
    assert tuple(found) == wanted
    assert [bool(one.reason) for one in found.values()] == [False, True]


def test_lists_that_a_filter_left_out_have_the_labels_they_would_have_had(made, lists):
    left_out = dict(lists.filter(~pl.col("kept")).select("qid", "reason").iter_rows())
    found = shown_lists(made, Wanted(rejected=True))
    assert {qid: one.reason for qid, one in found.items()} == left_out
    assert "source_rank: consensus ranks the source document" in next(iter(left_out.values()))
    for one in found.values():
        assert [document.grade for document in one.documents] == [3, 2, 2, 1, 1, 1, 0, 0]
        assert not one.documents[0].source


def test_a_list_that_the_dataset_left_out_is_said_to_be_and_has_its_labels(data):
    made = Finished.find(Settings(data=data), "toy")
    gone = made.read("settle", LISTS).filter("kept")["qid"][0]
    folder = made.output("assemble").folder
    rejections = folder / DATASET / "rejections" / "rejected.parquet"
    row = pl.DataFrame(
        [("assemble", gone, RULE, "likeness 0.90")], REJECTIONS.columns, orient="row"
    )
    pl.concat([pl.read_parquet(rejections), row]).write_parquet(rejections)
    state = json.loads((folder / "report.json").read_text())
    state["report"] |= {"rejected": {RULE: 1}, "written": state["report"]["written"] - 1}
    (folder / "report.json").write_text(json.dumps(state))
    assert gone not in shown_lists(made, Wanted())
    left_out = shown_lists(made, Wanted(rejected=True))[gone]
    assert left_out.reason == RULE
    labels = made.read("settle", LABELS).filter(qid=gone).sort("rank")
    assert [(one.docid, one.grade) for one in left_out.documents] == labels.select(
        "docid", "grade"
    ).rows()
    assert gone not in Lists.of(made).kept()
    assert Lists.of(made).lists[gone]["reason"] == RULE


def test_the_labels_shown_are_those_of_the_build(made):
    labels = made.read("settle", LABELS).sort("qid", "rank")
    for qid, one in shown_lists(made, Wanted()).items():
        expected = labels.filter(qid=qid).select("docid", "grade").rows()
        assert [(document.docid, document.grade) for document in one.documents] == expected


def test_the_highest_grade_is_that_of_the_rule(made):
    assert highest_grade(made) == 3
    assert made.read("settle", LABELS)["grade"].max() == 3


def test_an_unknown_list_is_named(made):
    with pytest.raises(ConfigError, match="no labelled list q0, q1;"):
        shown_lists(made, Wanted(qids=("q0", "q1")))
