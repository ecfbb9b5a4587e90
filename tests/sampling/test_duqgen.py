import pytest
from pools import docids, pool_of, shuffled, sized

from rankmill.errors import StageError
from rankmill.sampling import DUQGen


def test_seeds_keep_the_allocation_and_are_sorted():
    seeds = DUQGen(documents=10).draw(sized([60, 30, 10])).seeds
    assert dict(seeds["cluster"].value_counts().iter_rows()) == {0: 6, 1: 3, 2: 1}
    assert seeds["docid"].is_sorted()
    assert seeds.columns == ["docid", "cluster"]


def test_a_cold_draw_takes_the_documents_nearest_to_the_centroid():
    drawn = DUQGen(documents=5, temperature=1e-6).draw(sized([8, 4]))
    # 1 + floor(3 * 8 / 12) = 3 and 1 + floor(3 * 4 / 12) = 2
    assert docids(drawn) == ["0-000", "0-001", "0-002", "1-000", "1-001"]


def test_a_draw_follows_the_softmax():
    # exp(0.5 / 0.25) : exp(0 / 0.25) = e^2 : 1, so the nearer document wins 0.881 of the draws.
    pool = pool_of([("far", 0, 0.0), ("near", 0, 0.5)])
    draws = [
        docids(DUQGen(documents=1, temperature=0.25, seed=seed).draw(pool)) for seed in range(2000)
    ]
    assert draws.count(["near"]) / 2000 == pytest.approx(0.881, abs=0.025)


def test_the_draw_of_a_seed_is_the_same_for_ever():
    drawn = DUQGen(documents=6, seed=3).draw(sized([9, 6]))
    assert docids(drawn) == ["0-002", "0-004", "0-005", "0-007", "1-000", "1-005"]


def test_the_order_of_the_rows_does_not_matter_and_the_seed_does():
    pool = sized([40, 20])
    drawn = docids(DUQGen(documents=10).draw(pool))
    assert docids(DUQGen(documents=10).draw(shuffled(pool))) == drawn
    assert docids(DUQGen(documents=10, seed=1).draw(pool)) != drawn


def test_too_few_documents_name_both_numbers():
    with pytest.raises(StageError, match=r"4 seeds asked for, but only 3 documents have 100"):
        DUQGen(documents=4).draw(sized([3]))


def test_fewer_seeds_than_clusters_say_what_to_change():
    with pytest.raises(StageError, match=r"documents be at least 3, or cluster\.clusters at"):
        DUQGen(documents=2).draw(sized([2, 2, 2]))
