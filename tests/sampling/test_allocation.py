import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.errors import StageError
from rankmill.sampling import allocate, apportion


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


def test_weights_share_out_whole_numbers_by_the_largest_remainders():
    # 10 * (.5, .3, .2) = 5, 3, 2; of 7: 3.5, 2.1, 1.4 -> 3, 2, 1 and one for the first.
    weights = {0: 0.5, 1: 0.3, 2: 0.2}
    assert apportion(10, weights, {0: 99, 1: 99, 2: 99}) == {0: 5, 1: 3, 2: 2}
    assert apportion(7, weights, {0: 99, 1: 99, 2: 99}) == {0: 4, 1: 2, 2: 1}


def test_what_a_small_cluster_cannot_give_the_others_share():
    # 12 * (1/2, 1/4, 1/4) = 6, 3, 3; the first has but 2, so the others share 10.
    assert apportion(12, {0: 2.0, 1: 1.0, 2: 1.0}, {0: 2, 1: 99, 2: 99}) == {0: 2, 1: 5, 2: 5}


def test_a_cluster_without_weight_gives_nothing():
    assert apportion(3, {0: 1.0, 1: 0.0}, {0: 5, 1: 5}) == {0: 3, 1: 0}
    with pytest.raises(ValueError, match="cannot give 6 seeds"):
        apportion(6, {0: 1.0, 1: 0.0}, {0: 5, 1: 5})


def test_equal_remainders_go_to_the_larger_cluster_and_then_to_the_lower_number():
    assert apportion(2, {0: 1.0, 1: 1.0, 2: 1.0}, {0: 3, 1: 9, 2: 3}) == {0: 1, 1: 1, 2: 0}


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 5)), min_size=1, max_size=30), st.data())
def test_shares_by_weight_are_exact_and_fit(clusters, data):
    sizes = {number: size for number, (size, _) in enumerate(clusters)}
    weights = {number: weight for number, (_, weight) in enumerate(clusters)}
    most = sum(sizes[number] for number, weight in weights.items() if weight > 0)
    seeds = data.draw(st.integers(0, most))
    found = apportion(seeds, weights, sizes)
    assert sum(found.values()) == seeds
    assert found.keys() == sizes.keys()
    assert all(0 <= found[number] <= size for number, size in sizes.items())
    assert not any(found[number] for number, weight in weights.items() if not weight)
