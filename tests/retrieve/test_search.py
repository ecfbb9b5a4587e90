import numpy as np
import pytest
from pydantic import TypeAdapter

from rankmill.retrieve import nearest
from rankmill.retrieve.search import HNSW, Exact, InvertedLists, Search, recall

KINDS = [Exact(), InvertedLists(lists=4, probes=4), HNSW(neighbours=8, breadth=64)]


def made_up(rows, seed):
    points = np.random.default_rng(seed).standard_normal((rows, 16)).astype(np.float32)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


VECTORS, QUERIES = made_up(300, 1), made_up(9, 2)
ROWS = np.random.default_rng(3).permutation(300)[:200]


@pytest.mark.parametrize("search", KINDS)
def test_a_search_that_looks_everywhere_finds_what_exact_search_finds(search):
    places, scores = search(VECTORS, ROWS, QUERIES, depth=5)
    exact, products = nearest(VECTORS, ROWS, QUERIES, depth=5)
    assert recall(places, exact) > 0.95
    assert scores[:, 0] == pytest.approx(products[:, 0], abs=1e-5)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_inverted_lists_look_into_as_many_as_the_depth_needs():
    places, _ = InvertedLists(probes=1)(VECTORS, np.arange(40), QUERIES, depth=30)
    assert (places >= 0).all()


@pytest.mark.parametrize("search", KINDS)
def test_a_search_gives_the_same_again(search):
    first, again = (search(VECTORS, ROWS, QUERIES, depth=20) for _ in range(2))
    assert first[0].tolist() == again[0].tolist()
    assert first[1].tolist() == again[1].tolist()


@pytest.mark.parametrize("search", KINDS)
def test_equal_scores_fall_in_order_of_position(search):
    same = np.ones((6, 4), np.float32)
    places, _ = search(same, np.arange(6), same[:1], depth=6)
    assert places.tolist() == [[0, 1, 2, 3, 4, 5]]


@pytest.mark.parametrize("search", KINDS)
def test_few_documents_and_no_queries_are_no_fault(search):
    places, _ = search(VECTORS, ROWS[:2], QUERIES[:1], depth=5)
    assert sorted(places[0].tolist()) == [0, 1]
    assert search(VECTORS, ROWS, QUERIES[:0], depth=5)[0].shape == (0, 5)


def test_fewer_probes_than_lists_find_less_and_mark_what_they_did_not_find():
    places, _ = InvertedLists(lists=100, probes=1)(VECTORS, ROWS, VECTORS, depth=1)
    exact, _ = nearest(VECTORS, ROWS, VECTORS, depth=1)
    assert 0.2 < recall(places, exact) < 0.95
    same = np.repeat(VECTORS[:2], [40, 1], axis=0)
    alone, _ = InvertedLists(lists=2, probes=1)(same, np.arange(41), VECTORS[1:2], depth=5)
    assert alone.tolist() == [[40, -1, -1, -1, -1]]


def test_recall_by_hand():
    exact = np.array([[1, 2], [3, 4]])
    assert recall(np.array([[2, 9], [4, 3]]), exact) == pytest.approx((0.5 + 1) / 2)
    assert recall(exact[:0], exact[:0]) == 1


def test_a_recipe_names_a_search_by_its_kind():
    kinds = TypeAdapter(Search)
    assert kinds.validate_python({"kind": "ivf", "probes": 8}) == InvertedLists(probes=8)
    assert kinds.validate_python({"kind": "hnsw"}) == HNSW()
