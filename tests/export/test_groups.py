from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from scipy.stats import chisquare

from rankmill.assemble import Assembly, assemble
from rankmill.export import Labelled, Policy
from rankmill.export.grouprank import GroupRank
from rankmill.export.groups import Groups


def drawn(groups: Groups, qid: str, depth: int) -> list[list[int]]:
    """The groups of one list, drawn together with others."""
    return [places[1].tolist() for places in groups.places(["before", qid, "after"], depth)]


def test_groups_take_every_nth_document_from_somewhere():
    spec = Groups(sizes=(3, 5), per_list=8)
    groups = drawn(spec, "q", 12)
    assert len({tuple(sorted(group)) for group in groups}) == 8
    assert sorted(map(len, groups)) == [3] * 4 + [5] * 4
    for group in groups:
        ordered = sorted(group)
        steps = {right - left for left, right in pairwise(ordered)}
        assert len(steps) == 1
        assert 0 <= ordered[0] <= ordered[-1] < 12
    assert any(group != sorted(group) for group in groups)
    assert groups == [places[0].tolist() for places in spec.places(["q"], 12)]
    assert groups != drawn(spec, "other", 12)


def test_a_short_list_has_the_groups_that_fit():
    assert Groups(sizes=(5,), per_list=10).places(["q"], 4) == []
    (group,) = drawn(Groups(sizes=(4, 9), per_list=10), "q", 4)
    assert sorted(group) == [0, 1, 2, 3]


def test_every_stretch_is_drawn_as_often_as_the_others():
    qids = [f"q{n}" for n in range(6_000)]
    (first,) = Groups(sizes=(4,), per_list=1).places(qids, 7)  # 4 + 1 stretches
    stretches, times = np.unique(np.sort(first, axis=1), axis=0, return_counts=True)
    assert len(stretches) == 5
    assert chisquare(times).pvalue > 0.001


def test_groups_become_a_config_of_the_dataset(tables, facts, tmp_path):
    spec = Assembly(negatives=1, exports=(Groups(sizes=(2,), per_list=3),))
    assemble(spec, tables, tmp_path / "dataset", facts)
    rows = pl.read_parquet(tmp_path / "dataset" / "groups" / "train.parquet")
    assert rows["group"].to_list() == [0, 1, 2]
    scores = {"d2": (1.0, 3), "d1": (0.5, 2), "d3": (0.25, 0), "d4": (0.125, 0)}
    for row in rows.iter_rows(named=True):
        found = list(zip(row["scores"], row["grades"], strict=True))
        assert found == [scores[docid] for docid in row["docids"]]
    assert "`groups`" in (tmp_path / "dataset" / "README.md").read_text()


def test_a_list_shorter_than_every_group_is_named(tables):
    labelled = Labelled(tables, Policy(positive_grade=2, negative_grade=0, negatives=4))
    for spec in (Groups(sizes=(3, 5)), GroupRank(sizes=(3, 5))):
        assert spec.unusable(labelled).rows() == [("q3", "too_short", "2 documents, at least 3")]


def test_sizes_must_rise():
    with pytest.raises(ValueError, match="sizes must rise"):
        Groups(sizes=(5, 5))
