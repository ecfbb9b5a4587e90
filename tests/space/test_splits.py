import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rankmill.errors import StageError
from rankmill.space import Splits


def clusters_of(sizes):
    return pl.DataFrame(
        {
            "docid": [f"{c}-{n}" for c, size in enumerate(sizes) for n in range(size)],
            "cluster": [c for c, size in enumerate(sizes) for _ in range(size)],
        },
        schema_overrides={"cluster": pl.Int32},
    )


def documents_by_split(table):
    return dict(table.group_by("split").len().iter_rows())


def test_ten_equal_clusters_fall_exactly_into_eight_one_one():
    table = Splits()(clusters_of([10] * 10))
    assert documents_by_split(table) == {"train": 80, "validation": 10, "test": 10}


def test_three_clusters_are_enough_for_three_splits_whatever_the_shares():
    table = Splits(train=0.98, validation=0.01, test=0.01)(clusters_of([5, 5, 5]))
    assert documents_by_split(table) == {"train": 5, "validation": 5, "test": 5}


def test_a_split_without_a_share_gets_nothing():
    table = Splits(train=1, validation=0, test=0)(clusters_of([3, 4]))
    assert documents_by_split(table) == {"train": 7}


def test_too_few_clusters_say_how_many_are_needed():
    with pytest.raises(StageError, match=r"3 splits .* at least 3 clusters, found 2"):
        Splits()(clusters_of([50, 50]))


@pytest.mark.parametrize(
    "shares", [{"train": 0.5}, {"train": 0}, {"train": 1.2, "validation": -0.2, "test": 0}]
)
def test_shares_that_are_not_shares_are_refused(shares):
    with pytest.raises(ValidationError):
        Splits(**shares)


def test_another_seed_deals_another_way():
    table = clusters_of([3] * 40)
    deals = {tuple(Splits(seed=seed)(table)["split"]) for seed in range(5)}
    assert len(deals) == 5


@given(st.lists(st.integers(1, 40), min_size=3, max_size=40), st.integers(0, 9))
def test_no_cluster_is_in_two_splits_and_no_split_is_empty(sizes, seed):
    table = clusters_of(sizes)
    dealt = Splits(seed=seed)(table)
    assert dealt.select("docid", "cluster").equals(table)
    assert dealt.group_by("cluster").agg(pl.col("split").n_unique())["split"].max() == 1
    assert set(dealt["split"]) == {"train", "validation", "test"}


@given(st.lists(st.integers(1, 40), min_size=30, max_size=60))
def test_a_split_misses_its_share_by_less_than_a_large_cluster(sizes):
    found = documents_by_split(Splits()(clusters_of(sizes)))
    shares = {"train": 0.8, "validation": 0.1, "test": 0.1}
    over = [found[split] - share * sum(sizes) for split, share in shares.items()]
    assert max(over) <= max(sizes)
