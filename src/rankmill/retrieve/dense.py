"""Dense retrieval: exact inner products, at the speed of the multiplication, in bounded memory."""

import numpy as np
from numpy.typing import NDArray

_BLOCK = 4_096  # documents scored at a time
_QUERIES = 4_096  # queries scored at a time: 64 MiB of scores


def nearest(
    vectors: NDArray[np.float32],
    rows: NDArray[np.intp],
    queries: NDArray[np.float32],
    *,
    depth: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The documents of highest inner product with each query, exactly.

    Every block of documents is read once and multiplied with all queries; a heap a query keeps
    what is best so far. Beside one block of each and its products, nothing else is in memory.

    Args:
        vectors: Shape (documents, dimensions); may be memory-mapped.
        rows: The eligible documents, as rows of `vectors`; equal scores fall in this order.
        queries: Shape (queries, dimensions).
        depth: How many to find for each query; fewer come back when fewer are eligible.

    Returns:
        Positions in `rows`, best first, and their inner products, both of shape
        (queries, min(depth, eligible documents)).
    """
    from faiss import ResultHeap

    last = len(rows) - 1
    best = ResultHeap(len(queries), min(depth, len(rows)), keep_max=True)
    room = np.empty((min(len(queries), _QUERIES), min(len(rows), _BLOCK)), np.float32)
    for start in range(0, len(rows) if depth else 0, _BLOCK):
        block = np.asarray(vectors[rows[start : start + _BLOCK]])
        # Of equal scores a heap lets the lowest label go first: labels fall where positions rise.
        labels = np.arange(last - start, last - start - len(block), -1)
        for first in range(0, len(queries), _QUERIES):
            asked = queries[first : first + _QUERIES]
            heaps = np.arange(first, first + len(asked))
            scores = np.matmul(asked, block.T, out=room[: len(asked), : len(block)])
            best.add_result_subset(heaps, scores, labels)
    best.finalize()
    return last - best.I, best.D
