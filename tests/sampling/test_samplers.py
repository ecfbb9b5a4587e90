from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import angle, docids, pool_of, shuffled, sized, unit
from pydantic import TypeAdapter, ValidationError

from rankmill.curate.qurating import drawn
from rankmill.errors import StageError
from rankmill.sampling import (
    MMR,
    DUQGen,
    Equal,
    Farthest,
    Landscape,
    Pool,
    Quality,
    Random,
    Sampler,
)
from rankmill.tables import DOCUMENTS


def spheres(documents, clusters, *, seed=0):
    """Documents at random places, dealt to clusters in turn."""
    vectors = unit(np.random.default_rng(seed).normal(size=(documents, 5)))
    rows = [(f"d{n:03}", n % clusters, float(vectors[n, 0])) for n in range(documents)]
    return pool_of(rows, vectors)


def with_quality(pool, scores):
    quality = pl.DataFrame({"docid": pool.documents["docid"], "score": scores})
    return pool_of(
        pool.documents.select("docid", "cluster", "similarity").rows(),
        pool.space.vectors,
        quality=quality,
    )


SAMPLERS = [DUQGen, Random, Equal, MMR, Farthest, Quality]


@pytest.mark.parametrize("sampler", SAMPLERS)
@settings(max_examples=25, deadline=None)
@given(st.integers(6, 40), st.integers(1, 6), st.integers(0, 3), st.data())
def test_every_sampler_draws_exactly_so_many_whatever_the_order(
    sampler, documents, clusters, seed, data
):
    pool = spheres(documents, clusters)
    wanted = data.draw(st.integers(clusters, documents))
    spec, scores = sampler(documents=wanted, seed=seed), pl.Series(range(documents))
    drawn = spec.draw(with_quality(pool, scores))
    again = shuffled(pool, seed)
    quality = pl.DataFrame({"docid": pool.documents["docid"], "score": scores})
    moved = spec.draw(
        pool_of(
            again.documents.select("docid", "cluster", "similarity").rows(),
            again.space.vectors,
            quality=quality,
        )
    )
    assert len(set(docids(drawn))) == wanted
    assert docids(drawn) == sorted(docids(drawn)) == docids(moved)
    assert set(docids(drawn)) <= set(pool.documents["docid"])


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_more_seeds_than_documents_are_refused(sampler):
    with pytest.raises(StageError, match=r"only 6 documents have 100 .*; lower sample\.documents"):
        sampler(documents=7).draw(with_quality(spheres(6, 2), pl.Series(range(6))))


@pytest.mark.parametrize("sampler", [DUQGen, Random, Equal, Quality])
def test_another_seed_draws_otherwise(sampler):
    pool = with_quality(spheres(60, 3), pl.Series(range(60)))
    assert len({tuple(docids(sampler(documents=9, seed=n).draw(pool))) for n in range(4)}) == 4


def test_at_random_every_document_is_as_likely():
    pool = sized([9, 1])
    drawn = [docids(Random(documents=5, seed=n).draw(pool)) for n in range(1000)]
    assert sum("1-000" in one for one in drawn) / 1000 == pytest.approx(0.5, abs=0.05)


def test_equal_shares_lose_no_remainder_and_spare_small_clusters():
    # 8 seeds over 3 clusters: 2 2/3 each; the small one gives its 1, the others 3.5: the larger 4.
    seeds = Equal(documents=8).draw(sized([6, 9, 1])).seeds
    assert dict(seeds["cluster"].value_counts().iter_rows()) == {0: 3, 1: 4, 2: 1}


def test_equal_shares_of_fewer_seeds_than_clusters_go_to_the_largest():
    seeds = Equal(documents=2).draw(sized([2, 5, 4])).seeds
    assert seeds["cluster"].to_list() == [1, 2]


def test_quality_is_a_softmax_of_standard_scores():
    # Scores 0 and 2 stand at -1 and 1: at temperature 2 the odds are e^(1/2) : e^(-1/2) = e : 1.
    pool = with_quality(pool_of([("bad", 0, 0.5), ("good", 0, 0.5)]), [0.0, 2.0])
    drawn = [docids(Quality(documents=1, seed=n).draw(pool)) for n in range(2000)]
    assert drawn.count(["good"]) / 2000 == pytest.approx(np.e / (1 + np.e), abs=0.03)


def test_a_cold_draw_by_quality_takes_the_best_of_every_cluster():
    pool = with_quality(sized([3, 3]), [3.0, 1.0, 2.0, 0.5, 9.0, 0.1])
    drawn = Quality(documents=2, temperature=1e-6).draw(pool)
    assert docids(drawn) == ["0-000", "1-001"]


def test_equal_quality_is_no_fault():
    pool = with_quality(sized([3]), [1.0, 1.0, 1.0])
    assert len(docids(Quality(documents=2).draw(pool))) == 2


def test_a_document_that_was_not_judged_is_no_seed():
    quality = pl.DataFrame({"docid": ["0-001"], "score": [0.5]})
    assert docids(Quality(documents=1).draw(sized([3], quality=quality))) == ["0-001"]
    with pytest.raises(StageError, match="the quality of only 1 documents was judged"):
        Quality(documents=2).draw(sized([3], quality=quality))


def test_quality_that_nobody_judged_is_refused():
    with pytest.raises(StageError, match="needs the quality of documents"):
        Quality(documents=1).draw(sized([3]))


# The centroid lies at 0 degrees: relevance is the cosine of the document's own angle.
FAN = [("a", 0, 1.0), ("b", 0, np.cos(np.radians(5))), ("c", 0, np.cos(np.radians(60)))]
FAN_VECTORS = [angle(0), angle(5), angle(60)]


def test_mmr_weighs_likeness_to_the_centroid_against_likeness_to_seeds():
    pool = pool_of(FAN, FAN_VECTORS)
    # First a (relevance 1). At balance .5, b: .5*.996 - .5*.996 = 0, and c: .5*.5 - .5*.5 = 0 too;
    # at .6, b: .6*.996 - .4*.996 = .199 beats c: .6*.5 - .4*.5 = .1; at .4 it is the other way.
    assert docids(MMR(documents=2, balance=0.6).draw(pool)) == ["a", "b"]
    assert docids(MMR(documents=2, balance=0.4).draw(pool)) == ["a", "c"]


def test_mmr_begins_with_the_document_nearest_to_the_centroid_whatever_the_balance():
    pool = pool_of([("z", *FAN[0][1:]), *FAN[1:]], FAN_VECTORS)
    assert docids(MMR(documents=1, balance=0.0).draw(pool)) == ["z"]
    assert docids(MMR(documents=2, balance=0.0).draw(pool)) == ["c", "z"]


def test_mmr_looks_at_the_nearest_seed_not_at_the_last():
    # d lies by a, so once a and c are in, its nearest seed is a, though c came last.
    pool = pool_of(
        [*FAN, ("d", 0, np.cos(np.radians(-4))), ("e", 0, np.cos(np.radians(-50)))],
        [*FAN_VECTORS, angle(-4), angle(-50)],
    )
    assert docids(MMR(documents=3, balance=0.3).draw(pool)) == ["a", "c", "e"]


def test_mmr_shares_seeds_among_clusters():
    pool = spheres(30, 3)
    proportional = MMR(documents=9).draw(pool).seeds
    equal = MMR(documents=9, share="equal").draw(sized([20, 5, 5])).seeds
    assert proportional["cluster"].value_counts()["count"].to_list() == [3, 3, 3]
    assert equal["cluster"].value_counts()["count"].to_list() == [3, 3, 3]


def test_a_balance_without_diversity_is_refused():
    with pytest.raises(ValidationError, match="less than 1"):
        MMR(documents=1, balance=1.0)


def test_farthest_first_takes_what_is_least_like_every_seed_so_far():
    degrees = {"a": 0, "b": 10, "c": 90, "d": 100, "e": 200}
    pool = pool_of([(d, 0, 1.0) for d in degrees], [angle(n) for n in degrees.values()])
    after = {"a": "e", "b": "e", "c": "e", "d": "a", "e": "b"}  # the angle nearest to 180 degrees
    for seed in range(6):
        first = docids(Farthest(documents=1, seed=seed).draw(pool))
        assert docids(Farthest(documents=2, seed=seed).draw(pool)) == sorted(
            [*first, after[first[0]]]
        )


@settings(max_examples=25, deadline=None)
@given(st.integers(4, 9), st.integers(2, 3), st.integers(0, 50))
def test_farthest_first_is_within_twice_the_best_radius(documents, seeds, seed):
    pool = spheres(documents, 1, seed=seed)
    places = pool.space.vectors
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    best = min(
        distances[:, list(some)].min(axis=1).max() for some in combinations(range(documents), seeds)
    )
    chosen = [int(docid[1:]) for docid in docids(Farthest(documents=seeds).draw(pool))]
    assert distances[:, chosen].min(axis=1).max() <= 2 * best + 1e-5


def test_equal_documents_are_seeds_once_each_in_the_order_of_their_ids():
    pool = pool_of([(d, 0, 1.0) for d in "edcba"], [angle(0)] * 5)
    assert docids(MMR(documents=2).draw(pool)) == ["a", "b"]
    assert len(docids(Farthest(documents=5).draw(pool))) == 5


def corpus(tmp_path, texts):
    path = tmp_path / "documents.parquet"
    rows = [(d, "", t, "s", None, None, None, "0") for d, t in texts.items()]
    DOCUMENTS.check(DOCUMENTS.frame(rows)).write_parquet(path, row_group_size=2)
    return path


def test_a_pool_has_the_long_documents_of_clusters_with_their_rows(tmp_path):
    texts = {"a": "xx", "b": "x" * 7, "c": "\u00e4" * 5, "d": "x" * 9, "e": "x" * 8}
    clusters = pl.DataFrame(
        {"docid": list("ecba"), "cluster": [1, 0, 0, 0], "similarity": [0.1, 0.2, 0.3, 0.4]},
        schema_overrides={"cluster": pl.Int32, "similarity": pl.Float32},
    )  # d was left out when the corpus was curated
    space = Landscape(clusters=clusters, vectors=np.eye(5, dtype=np.float32), encode=len)
    pool = Pool.of(corpus(tmp_path, texts), space, min_chars=5)
    assert pool.documents.select("docid", "row", "chars", "cluster").rows() == [
        ("b", 1, 7, 0),
        ("c", 2, 5, 0),
        ("e", 4, 8, 1),
    ]
    assert pool.sizes == {0: 2, 1: 1}
    assert pool.cosines(np.eye(5, dtype=np.float32)[[4, 1]]).tolist() == [[0, 1], [0, 0], [1, 0]]


def test_a_sampler_without_a_kind_is_duqgen_and_every_kind_is_known():
    sampler = TypeAdapter(Sampler)
    assert sampler.validate_python({"documents": 3}) == DUQGen(documents=3)
    for kind in (Random, Equal, Quality, MMR, Farthest):
        spec = kind(documents=3)
        assert sampler.validate_python(spec.model_dump()) == spec
    with pytest.raises(ValidationError, match="'halton'"):
        sampler.validate_python({"kind": "halton", "documents": 3})


@pytest.mark.parametrize("kind", ["duqgen", "equal", "random"])
def test_seeds_of_a_selection_by_quality_know_nothing_of_its_draw(kind):
    chance = np.random.default_rng(0)
    quality = {f"d{n:05}": score for n, score in enumerate(chance.standard_normal(8_000).tolist())}
    kept = sorted(drawn(quality, 3_000, tau=2.0, seed=0))
    pool = pool_of([(docid, 0, 0.5) for docid in kept], np.ones((len(kept), 2)))
    sampler = TypeAdapter(Sampler).validate_python({"kind": kind, "documents": 600})
    seeds = [quality[docid] for docid in docids(sampler.choose(pool))]
    assert np.mean(seeds) == pytest.approx(np.mean([quality[docid] for docid in kept]), abs=0.12)
