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


def corpus(sizes):
    table = clusters_of(sizes)
    return table, table.select("docid", parent=pl.lit(None, pl.String))


def documents_by_split(table):
    return dict(table.group_by("split").len().iter_rows())


def test_ten_equal_clusters_fall_exactly_into_eight_one_one():
    table = Splits()(*corpus([10] * 10))
    assert documents_by_split(table) == {"train": 80, "validation": 10, "test": 10}


def test_three_clusters_are_enough_for_three_splits_whatever_the_shares():
    table = Splits(train=0.98, validation=0.01, test=0.01)(*corpus([5, 5, 5]))
    assert documents_by_split(table) == {"train": 5, "validation": 5, "test": 5}


def test_a_split_without_a_share_gets_nothing():
    table = Splits(train=1, validation=0, test=0)(*corpus([3, 4]))
    assert documents_by_split(table) == {"train": 7}


def test_too_few_clusters_say_how_many_are_needed():
    with pytest.raises(StageError, match=r"3 splits .* at least 3 clusters, found 2"):
        Splits()(*corpus([50, 50]))


@pytest.mark.parametrize(
    "shares", [{"train": 0.5}, {"train": 0}, {"train": 1.2, "validation": -0.2, "test": 0}]
)
def test_shares_that_are_not_shares_are_refused(shares):
    with pytest.raises(ValidationError):
        Splits(**shares)


def test_another_seed_deals_another_way():
    table = corpus([3] * 40)
    deals = {tuple(Splits(seed=seed)(*table)["split"]) for seed in range(5)}
    assert len(deals) == 5


@given(st.lists(st.integers(1, 40), min_size=3, max_size=40), st.integers(0, 9))
def test_no_cluster_is_in_two_splits_and_no_split_is_empty(sizes, seed):
    table, parents = corpus(sizes)
    dealt = Splits(seed=seed)(table, parents)
    assert dealt.select("docid", "cluster").equals(table)
    assert dealt.group_by("cluster").agg(pl.col("split").n_unique())["split"].max() == 1
    assert set(dealt["split"]) == {"train", "validation", "test"}


@given(st.lists(st.integers(1, 40), min_size=30, max_size=60))
def test_a_split_misses_its_share_by_less_than_a_large_cluster(sizes):
    found = documents_by_split(Splits()(*corpus(sizes)))
    shares = {"train": 0.8, "validation": 0.1, "test": 0.1}
    over = [found[split] - share * sum(sizes) for split, share in shares.items()]
    assert max(over) <= max(sizes)


def passages(documents, each):
    """One cluster of so many documents, of so many passages each."""
    docids = [f"d{n}#{p}" for n in range(documents) for p in range(each)]
    parents = [f"d{n}" for n in range(documents) for _ in range(each)]
    table = pl.DataFrame({"docid": docids}).with_columns(cluster=pl.lit(0, pl.Int32))
    return table, pl.DataFrame({"docid": docids, "parent": parents}).reverse()


def test_one_cluster_is_dealt_out_by_documents_with_all_their_passages():
    table, parents = passages(10, each=3)
    dealt = Splits(by="documents")(table, parents)
    assert dealt.columns == ["docid", "cluster", "split"]
    assert documents_by_split(dealt) == {"train": 24, "validation": 3, "test": 3}
    homes = dealt.join(parents, on="docid").group_by("parent").agg(pl.col("split").n_unique())
    assert set(homes["split"]) == {1}


def test_a_document_that_is_no_passage_stands_for_itself():
    dealt = Splits(by="documents")(*corpus([20]))
    assert documents_by_split(dealt) == {"train": 16, "validation": 2, "test": 2}


def test_one_cluster_and_three_splits_say_how_to_go_on():
    with pytest.raises(StageError, match=r'at least 3 clusters, found 1; splits.by = "documents"'):
        Splits()(*corpus([9]))


def test_fewer_documents_than_splits_are_refused():
    with pytest.raises(StageError, match="at least 3 documents, found 2"):
        Splits(by="documents")(*corpus([2]))
