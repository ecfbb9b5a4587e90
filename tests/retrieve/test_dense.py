import numpy as np
import pytest

from rankmill.retrieve import dense
from rankmill.retrieve.dense import nearest

EYE = np.eye(4, dtype=np.float32)


def test_the_highest_inner_product_comes_first_and_ties_keep_the_order_of_rows():
    queries = np.array([[0, 0.2, 0.9, 0], [0, 0, 0, 0]], np.float32)
    places, scores = nearest(EYE, np.array([3, 2, 1]), queries, depth=2)
    assert places.tolist() == [[1, 2], [0, 1]]
    assert scores.tolist() == [pytest.approx([0.9, 0.2]), [0, 0]]


def test_fewer_rows_than_the_depth_come_back_all():
    places, scores = nearest(EYE, np.array([2]), EYE[:1], depth=5)
    assert (places.tolist(), scores.tolist()) == ([[0]], [[0]])


@pytest.mark.parametrize(("rows", "queries"), [(4, 0), (0, 2), (0, 0)])
def test_nothing_to_search_or_to_find_gives_empty_lists(rows, queries):
    places, scores = nearest(EYE, np.arange(rows), EYE[:queries], depth=3)
    assert places.shape == scores.shape == (queries, min(rows, 3))


@pytest.mark.parametrize(("searched", "in_turn"), [(13, 7), (100, 100), (1, 1), (9, 100)])
def test_blocks_never_show_in_the_result(monkeypatch, searched, in_turn):
    monkeypatch.setattr(dense, "_DOCUMENTS", searched)
    monkeypatch.setattr(dense, "_BLOCK", in_turn)
    # Small whole numbers: products are exact, and many tie.
    rng = np.random.default_rng(1)
    vectors = rng.integers(-2, 3, (60, 5)).astype(np.float32)
    queries = rng.integers(-2, 3, (11, 5)).astype(np.float32)
    rows = rng.permutation(60)[:50]
    products = queries @ vectors[rows].T
    expected = np.argsort(-products, axis=1, kind="stable")[:, :9]
    places, scores = nearest(vectors, rows, queries, depth=9)
    assert places.tolist() == expected.tolist()
    assert scores.tolist() == np.take_along_axis(products, expected, 1).tolist()


def test_vectors_may_be_mapped_from_a_file(tmp_path):
    np.save(tmp_path / "vectors.npy", EYE)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    places, _ = nearest(mapped, np.arange(4), EYE, depth=1)
    assert places.tolist() == [[0], [1], [2], [3]]
