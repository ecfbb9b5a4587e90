"""Dense retrieval: exact inner products, at the speed of the multiplication, in bounded memory."""

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Places = NDArray[np.int64]

_DOCUMENTS = 65_536  # that FAISS gets at a time: 96 MiB of 384 dimensions
_BLOCK = 4_096  # documents and queries whose products are in memory at a time, where some tie


def nearest(
    vectors: Vectors, rows: NDArray[np.intp], queries: Vectors, *, depth: int
) -> tuple[Places, Vectors]:
    """The documents of highest inner product with each query, exactly.

    FAISS multiplies block by block and keeps what is best so far. Of equal scores it keeps some:
    a query whose last place could have gone to another document is searched again in turn.

    Args:
        vectors: Shape (documents, dimensions); may be memory-mapped.
        rows: The eligible documents, as rows of `vectors`; equal scores fall in this order.
        queries: Shape (queries, dimensions).
        depth: How many to find for each query; fewer come back when fewer are eligible.

    Returns:
        Positions in `rows`, best first, and their inner products, both of shape
        (queries, min(depth, eligible documents)).
    """
    depth = min(depth, len(rows))
    if not len(queries) or not depth:
        return np.empty((len(queries), depth), np.int64), np.empty((len(queries), depth), "f4")
    places, scores = _best(vectors, rows, queries, min(depth + 1, len(rows)))
    if depth < len(rows):
        tied = scores[:, depth - 1] == scores[:, depth]
        places, scores = places[:, :depth], scores[:, :depth]
        if tied.any():
            places[tied], scores[tied] = _in_turn(vectors, rows, queries[tied], depth)
    order = np.lexsort((places, -scores), axis=1)
    return np.take_along_axis(places, order, 1), np.take_along_axis(scores, order, 1)


def _best(
    vectors: Vectors, rows: NDArray[np.intp], queries: Vectors, depth: int
) -> tuple[Places, Vectors]:
    """Documents of highest score, of equals any."""
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


def _in_turn(
    vectors: Vectors, rows: NDArray[np.intp], queries: Vectors, depth: int
) -> tuple[Places, Vectors]:
    """Documents of highest score, of equals the first."""
    from faiss import ResultHeap

    last = len(rows) - 1
    best = ResultHeap(len(queries), depth, keep_max=True)
    for start in range(0, len(rows), _BLOCK):
        block = np.asarray(vectors[rows[start : start + _BLOCK]])
        # Of equal scores a heap lets the lowest label go first: labels fall where positions rise.
        labels = np.arange(last - start, last - start - len(block), -1)
        for first in range(0, len(queries), _BLOCK):
            asked = queries[first : first + _BLOCK]
            heaps = np.arange(first, first + len(asked))
            best.add_result_subset(heaps, np.matmul(asked, block.T), labels)
    best.finalize()
    return last - best.I, best.D
