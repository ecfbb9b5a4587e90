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


@pytest.mark.parametrize(("searched", "cells"), [(13, 20), (100, 10**6), (1, 1), (9, 100)])
def test_blocks_never_show_in_the_result(monkeypatch, searched, cells):
    monkeypatch.setattr(dense, "_DOCUMENTS", searched)
    monkeypatch.setattr(dense, "_CELLS", cells)
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


def test_equal_vectors_keep_the_order_of_rows_whoever_else_asks():
    rng = np.random.default_rng(0)
    base = rng.standard_normal((1000, 384)).astype(np.float32)
    vectors = np.concatenate([base / np.linalg.norm(base, axis=1, keepdims=True)] * 3)
    asked = rng.standard_normal((40, 384)).astype(np.float32)
    queries = asked / np.linalg.norm(asked, axis=1, keepdims=True)
    places, _ = nearest(vectors, np.arange(3000), queries, depth=7)
    for number, found in enumerate(places.tolist()):
        kinds = [place % 1000 for place in found]
        copies = [[p for p in found if p % 1000 == kind] for kind in dict.fromkeys(kinds)]
        assert kinds == [p % 1000 for of in copies for p in of]
        assert all(of == [of[0] % 1000 + 1000 * n for n in range(len(of))] for of in copies)
        alone, _ = nearest(vectors, np.arange(3000), queries[number : number + 1], depth=7)
        assert alone.tolist() == [found]


def test_vectors_may_be_mapped_from_a_file(tmp_path):
    np.save(tmp_path / "vectors.npy", EYE)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    places, _ = nearest(mapped, np.arange(4), EYE, depth=1)
    assert places.tolist() == [[0], [1], [2], [3]]
