"""Dense retrieval: exact inner products, at the speed of the multiplication, in bounded memory."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Places = NDArray[np.int64]

_DOCUMENTS = 65_536  # that FAISS gets at a time: 96 MiB of 384 dimensions
_CELLS = 4_000_000  # documents found at a time, of queries that are searched again
_SAME = 1e-6  # what products of equal vectors of length 1 may differ by, as they are multiplied


def nearest(
    vectors: Vectors, rows: NDArray[np.intp], queries: Vectors, *, depth: int
) -> tuple[Places, Vectors]:
    """The documents of highest inner product with each query, exactly.

    FAISS multiplies block by block, and the last bit of a product depends on the block. So scores
    that are nearly the same are computed again, pair by pair; and a query whose last place might
    have gone to another document is searched again, deeper.

    Args:
        vectors: Unit-length rows, shape (documents, dimensions); may be memory-mapped.
        rows: The eligible documents, as rows of `vectors`; equal scores fall in this order.
        queries: Unit-length rows, shape (queries, dimensions).
        depth: How many to find for each query; fewer come back when fewer are eligible.

    Returns:
        Positions in `rows`, best first, and their inner products, both of shape
        (queries, min(depth, eligible documents)).
    """
    depth = min(depth, len(rows))
    if not len(queries) or not depth:
        return np.empty((len(queries), depth), np.int64), np.empty((len(queries), depth), "f4")
    places, scores = _best(vectors, rows, queries, min(depth + 1, len(rows)))
    undecided = scores[:, depth - 1] - scores[:, -1] <= _SAME if depth < len(rows) else False
    places, scores = places[:, :depth], scores[:, :depth]
    for some in _few(np.flatnonzero(undecided), 2 * depth):
        deeper, theirs = nearest(vectors, rows, queries[some], depth=2 * depth)
        places[some], scores[some] = deeper[:, :depth], theirs[:, :depth]
    return _in_order(vectors, rows, queries, (places, scores))


def _best(
    vectors: Vectors, rows: NDArray[np.intp], queries: Vectors, depth: int
) -> tuple[Places, Vectors]:
    """Documents of highest score, of near equals any."""
    import faiss

    queries = np.ascontiguousarray(queries)
    best = faiss.ResultHeap(len(queries), depth, keep_max=True)
    for start in range(0, len(rows), _DOCUMENTS):
        block = np.ascontiguousarray(vectors[rows[start : start + _DOCUMENTS]])
        some = min(depth, len(block))
        scores, places = faiss.knn(queries, block, some, metric=faiss.METRIC_INNER_PRODUCT)
        best.add_result(scores, places + start)
    best.finalize()
    return best.I, best.D


def _few(queries: NDArray[np.intp], depth: int) -> Iterator[NDArray[np.intp]]:
    """So many queries at a time that what they find fits in memory."""
    step = max(1, _CELLS // depth)
    yield from (queries[start : start + step] for start in range(0, len(queries), step))


def _in_order(
    vectors: Vectors, rows: NDArray[np.intp], queries: Vectors, found: tuple[Places, Vectors]
) -> tuple[Places, Vectors]:
    """Best first, equal ones by place, after near equals have got their scores anew."""
    places, scores = found
    near = np.zeros_like(scores, dtype=bool)
    near[:, 1:] = scores[:, :-1] - scores[:, 1:] <= _SAME
    near[:, :-1] |= near[:, 1:]
    for some in _few(np.flatnonzero(near), queries.shape[1]):
        asked, at = np.divmod(some, scores.shape[1])
        pairs = vectors[rows[places[asked, at]]], queries[asked]
        scores[asked, at] = np.einsum("ij,ij->i", *pairs)
    order = np.lexsort((places, -scores), axis=1)
    return np.take_along_axis(places, order, 1), np.take_along_axis(scores, order, 1)
