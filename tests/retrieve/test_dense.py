import numpy as np
import pytest

from rankmill.retrieve import dense
from rankmill.retrieve.dense import nearest

EYE = np.eye(4, dtype=np.float32)


def as_lists(found):
    return [positions.tolist() for positions in found]


def test_the_highest_inner_product_comes_first_and_ties_keep_the_order_of_rows():
    queries = np.array([[0, 0.2, 0.9, 0], [0, 0, 0, 0]], np.float32)
    assert as_lists(nearest(EYE, np.array([3, 2, 1]), queries, depth=2)) == [[1, 2], [0, 1]]


def test_fewer_rows_than_the_depth_come_back_all():
    assert as_lists(nearest(EYE, np.array([2]), EYE[:1], depth=5)) == [[0]]


def test_no_queries_give_no_lists():
    assert nearest(EYE, np.arange(4), EYE[:0], depth=3) == []


@pytest.mark.parametrize(("block", "queries_at_once"), [(7, 3), (100, 100), (1, 1)])
def test_blocks_never_show_in_the_result(monkeypatch, block, queries_at_once):
    monkeypatch.setattr(dense, "_BLOCK", block)
    monkeypatch.setattr(dense, "_QUERIES", queries_at_once)
    # Small whole numbers: products are exact, and many tie.
    rng = np.random.default_rng(1)
    vectors = rng.integers(-2, 3, (60, 5)).astype(np.float32)
    queries = rng.integers(-2, 3, (11, 5)).astype(np.float32)
    rows = rng.permutation(60)[:50]
    expected = [
        sorted(range(50), key=lambda at, q=query: -(vectors[rows[at]] @ q))[:9] for query in queries
    ]
    assert as_lists(nearest(vectors, rows, queries, depth=9)) == expected
