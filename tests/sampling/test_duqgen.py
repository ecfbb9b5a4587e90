import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.errors import StageError
from rankmill.sampling import DUQGen, allocate
from rankmill.tables import SEEDS


def test_every_cluster_gets_one_and_the_rest_by_size():
    # 1 + floor(7 * |c| / 100): 1 + 4, 1 + 2, 1 + 0; the one left over goes to the largest.
    assert allocate({0: 60, 1: 30, 2: 10}, 10) == {0: 6, 1: 3, 2: 1}


def test_as_many_seeds_as_clusters_is_one_each():
    assert allocate({0: 60, 1: 30, 2: 10}, 3) == {0: 1, 1: 1, 2: 1}


def test_no_remainder_adds_nothing_to_any_cluster():
    # 1 + floor(2 * 50 / 100) = 2 each: R is 0, where the released code adds one everywhere.
    assert allocate({0: 50, 1: 50}, 4) == {0: 2, 1: 2}


def test_a_remainder_of_equal_clusters_goes_to_the_lower_number():
    assert allocate({7: 10, 3: 10, 5: 10}, 5) == {3: 2, 5: 2, 7: 1}


def test_a_remainder_that_small_clusters_cannot_take_goes_round_again():
    # 1 + floor(4 * 5 / 8) = 3 and 1, 1, 1: two are left, and only the first cluster has room.
    assert allocate({0: 5, 1: 1, 2: 1, 3: 1}, 8) == {0: 5, 1: 1, 2: 1, 3: 1}


def test_fewer_seeds_than_clusters_names_both_numbers():
    with pytest.raises(StageError, match=r"2 seeds cannot cover 3 clusters"):
        allocate({0: 5, 1: 5, 2: 5}, 2)


def test_more_seeds_than_documents_is_refused():
    with pytest.raises(ValueError, match="3 documents cannot give 4 seeds"):
        allocate({0: 2, 1: 1}, 4)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.data())
def test_an_allocation_is_exact_and_never_exceeds_a_cluster(sizes, data):
    sizes = dict(enumerate(sizes))
    seeds = data.draw(st.integers(len(sizes), sum(sizes.values())))
    given_seeds = allocate(sizes, seeds)
    assert sum(given_seeds.values()) == seeds
    assert all(1 <= given_seeds[cluster] <= size for cluster, size in sizes.items())


def corpus(sizes, *, text="x" * 100):
    """Documents `<cluster>-<number>` whose similarity to the centroid falls with their number."""
    rows = [
        (f"{cluster}-{number:03}", cluster, 1 - number / 1000)
        for cluster, size in enumerate(sizes)
        for number in range(size)
    ]
    clusters = pl.DataFrame(
        rows,
        schema={"docid": pl.String, "cluster": pl.Int32, "similarity": pl.Float32},
        orient="row",
    )
    return clusters, clusters.select("docid", text=pl.lit(text))


def test_seeds_keep_the_allocation_and_are_sorted():
    seeds = DUQGen(documents=10)(*corpus([60, 30, 10]))
    assert dict(seeds["cluster"].value_counts().iter_rows()) == {0: 6, 1: 3, 2: 1}
    assert seeds["docid"].is_sorted()
    SEEDS.check(seeds)


def test_a_cold_draw_takes_the_documents_nearest_to_the_centroid():
    seeds = DUQGen(documents=5, temperature=1e-6)(*corpus([8, 4]))
    # 1 + floor(3 * 8 / 12) = 3 and 1 + floor(3 * 4 / 12) = 2
    assert seeds["docid"].to_list() == ["0-000", "0-001", "0-002", "1-000", "1-001"]


def test_a_draw_follows_the_softmax():
    # exp(0.5 / 0.25) : exp(0 / 0.25) = e^2 : 1, so the nearer document wins 0.881 of the draws.
    clusters = pl.DataFrame(
        {"docid": ["far", "near"], "cluster": [0, 0], "similarity": [0.0, 0.5]},
        schema_overrides={"cluster": pl.Int32, "similarity": pl.Float32},
    )
    texts = pl.DataFrame({"docid": ["far", "near"], "text": ["", ""]})
    draws = [
        DUQGen(documents=1, temperature=0.25, min_chars=0, seed=seed)(clusters, texts)["docid"][0]
        for seed in range(2000)
    ]
    assert draws.count("near") / 2000 == pytest.approx(0.881, abs=0.025)


def test_the_order_of_the_rows_does_not_matter_and_the_seed_does():
    clusters, documents = corpus([40, 20])
    draw = DUQGen(documents=10)(clusters, documents)
    assert DUQGen(documents=10)(clusters.reverse(), documents.reverse()).equals(draw)
    assert not DUQGen(documents=10, seed=1)(clusters, documents).equals(draw)


def test_a_short_document_is_no_seed_and_does_not_count_in_its_cluster():
    clusters, documents = corpus([3, 3])
    short = documents.with_columns(
        text=pl.when(pl.col("docid").str.starts_with("0")).then(pl.lit("short")).otherwise("text")
    )
    seeds = DUQGen(documents=2, min_chars=100)(clusters, short)
    assert seeds["cluster"].to_list() == [1, 1]


def test_too_few_long_documents_name_both_numbers():
    with pytest.raises(StageError, match=r"4 seeds asked for, but only 3 documents have 100"):
        DUQGen(documents=4)(*corpus([3]))


def test_fewer_seeds_than_clusters_say_what_to_change():
    with pytest.raises(StageError, match=r"at least 3 documents, or at most 2 clusters"):
        DUQGen(documents=2)(*corpus([2, 2, 2]))
