"""How vectors are searched: all of them, or those that an index of FAISS looks at."""

from math import ceil
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rankmill.retrieve.dense import nearest
from rankmill.spec import Spec

Vectors = NDArray[np.float32]
Rows = NDArray[np.intp]
Hits = tuple[NDArray[np.int64], Vectors]
"""Positions of what is found, best first, -1 where less was found; and the inner products."""

_BLOCK = 65_536  # vectors that are added to an index at a time
_PER_LIST = 64  # vectors that a centroid is trained on
_EF_CONSTRUCTION = 200


class Exact(Spec):
    """Every vector: the cost of one multiplication, which is little up to a million."""

    kind: Literal["exact"] = "exact"

    def __call__(self, vectors: Vectors, rows: Rows, queries: Vectors, *, depth: int) -> Hits:
        """Find the best; see `nearest`."""
        return nearest(vectors, rows, queries, depth=depth)


class InvertedLists(Spec):
    """FAISS's IVF: only the vectors nearest to those centroids that are nearest to the query.

    Attributes:
        lists: How many centroids; 0 is four times the root of the number of vectors.
        probes: How many of their lists are searched; more where these hold too few vectors, on
            average, for twice the depth that is asked for.
        seed: Of the k-means that finds the centroids.

    Paper: Jégou, Douze & Schmid, "Product quantization for nearest neighbor search", TPAMI 2011
    (without the quantization: vectors are kept as they are, in memory).
    """

    kind: Literal["ivf"] = "ivf"
    lists: int = Field(default=0, ge=0)
    probes: int = Field(default=32, ge=1)
    seed: int = Field(default=0, ge=0)

    def __call__(self, vectors: Vectors, rows: Rows, queries: Vectors, *, depth: int) -> Hits:
        """Find good ones, ties in order of position."""
        import faiss

        dimensions, lists = vectors.shape[1], self.lists or max(1, int(4 * len(rows) ** 0.5))
        lists = min(lists, max(1, len(rows)))
        index = faiss.IndexIVFFlat(
            faiss.IndexFlatIP(dimensions), dimensions, lists, faiss.METRIC_INNER_PRODUCT
        )
        index.cp.seed, index.cp.min_points_per_centroid = self.seed, 1
        index.nprobe = max(self.probes, ceil(2 * depth * lists / max(1, len(rows))))
        drawn = np.random.default_rng(self.seed).permutation(len(rows))[: _PER_LIST * lists]
        if len(rows):
            index.train(np.asarray(vectors[rows[np.sort(drawn)]]))
        return _found(index, vectors, rows, queries, depth)


class HNSW(Spec):
    """FAISS's HNSW: from neighbour to neighbour in a graph of near vectors.

    The graph is made by one thread, since with several it would be another one each time: for
    many queries of one corpus `ivf` is sooner ready.

    Attributes:
        neighbours: Of each vector in the graph; twice as many in its lowest layer.
        breadth: Vectors kept in view while searching; at least as many as are to be found.

    Paper: Malkov & Yashunin, "Efficient and robust approximate nearest neighbor search using
    Hierarchical Navigable Small World graphs", TPAMI 2020.
    """

    kind: Literal["hnsw"] = "hnsw"
    neighbours: int = Field(default=32, ge=2)
    breadth: int = Field(default=256, ge=1)

    def __call__(self, vectors: Vectors, rows: Rows, queries: Vectors, *, depth: int) -> Hits:
        """Find good ones, ties in order of position."""
        import faiss

        index = faiss.IndexHNSWFlat(vectors.shape[1], self.neighbours, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = _EF_CONSTRUCTION
        index.hnsw.efSearch = max(self.breadth, depth)
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            return _found(index, vectors, rows, queries, depth)
        finally:
            faiss.omp_set_num_threads(threads)


Search = Annotated[Exact | InvertedLists | HNSW, Field(discriminator="kind")]


def recall(found: NDArray[np.int64], exact: NDArray[np.int64]) -> float:
    """The mean share of what there is to find that is found, in [0, 1]; 1 for no queries."""
    if not exact.size:
        return 1.0
    pairs = zip(found, exact, strict=True)
    return float(np.mean([np.isin(best, here).mean() for here, best in pairs]))


def _found(index: Any, vectors: Vectors, rows: Rows, queries: Vectors, depth: int) -> Hits:  # noqa: ANN401
    """Fill an index block by block, and search it; equal scores in order of position."""
    for start in range(0, len(rows), _BLOCK):
        index.add(np.asarray(vectors[rows[start : start + _BLOCK]]))
    depth = min(depth, len(rows))
    if not len(queries) or not depth:
        return np.empty((len(queries), depth), np.int64), np.empty((len(queries), depth), "f4")
    scores, places = index.search(np.ascontiguousarray(queries), depth)
    order = np.lexsort((places, -scores), axis=1)
    return np.take_along_axis(places, order, 1), np.take_along_axis(scores, order, 1)
