"""Dense retrieval: exact inner products, in bounded memory."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rankmill.retrieve.top import top

_BLOCK = 32_768  # documents scored at a time
_QUERIES = 256  # queries scored at a time: 32 MiB of scores


def nearest(
    vectors: NDArray[np.float32],
    rows: NDArray[np.intp],
    queries: NDArray[np.float32],
    *,
    depth: int,
) -> list[NDArray[np.intp]]:
    """The documents of highest inner product with each query, exactly.

    Args:
        vectors: Shape (documents, dimensions); may be memory-mapped, and is read block by block.
        rows: The eligible documents, as rows of `vectors`; equal scores fall in this order.
        queries: Shape (queries, dimensions).
        depth: How many to find for each query; fewer come back when fewer are eligible.

    Returns:
        For each query positions in `rows`, best first.
    """
    return [
        positions
        for start in range(0, len(queries), _QUERIES)
        for positions in _nearest(vectors, rows, queries[start : start + _QUERIES], depth)
    ]


def _nearest(
    vectors: NDArray[np.float32],
    rows: NDArray[np.intp],
    queries: NDArray[np.float32],
    depth: int,
) -> Iterator[NDArray[np.intp]]:
    found = [np.empty(0, np.intp)] * len(queries)
    best = [np.empty(0, np.float32)] * len(queries)
    for start in range(0, len(rows), _BLOCK):
        scores = queries @ vectors[rows[start : start + _BLOCK]].T
        for number, line in enumerate(scores):
            here = top(line, depth)
            merged = np.concatenate([best[number], line[here]])
            kept = top(merged, depth)
            found[number] = np.concatenate([found[number], start + here])[kept]
            best[number] = merged[kept]
    yield from found
