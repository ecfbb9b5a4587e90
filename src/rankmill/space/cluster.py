"""The topics of a corpus: spherical k-means over its vectors."""

from types import ModuleType
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from rankmill.errors import StageError
from rankmill.spec import Spec

_MOST = 1000  # DUQGen's number of clusters for every corpus
_BLOCK = 65_536  # documents assigned at a time


class SphericalKMeans(Spec):
    """FAISS k-means on the unit sphere: a document goes to the centroid of the highest cosine.

    It runs on the GPU when FAISS sees one. On a CPU the same input and the same number of threads
    give the same bytes; with another number sums round differently in the last digits.

    Attributes:
        clusters: Number of clusters. None takes the square root of the number of documents,
            rounded, at most 1,000: 32 for a thousand documents, DUQGen's 1,000 from a million on.
        iterations: Rounds of k-means. DUQGen runs 100.
        seed: Seed of the first centroids.

    Paper: Johnson, Douze & Jégou, "Billion-scale similarity search with GPUs", 2017.
    """

    kind: Literal["kmeans"] = "kmeans"
    clusters: int | None = Field(default=None, ge=1)
    iterations: int = Field(default=100, ge=1)
    seed: int = 0

    def number(self, documents: int) -> int:
        """How many clusters so many documents get.

        Raises:
            StageError: There are fewer documents than clusters, or none.
        """
        number = self.clusters or min(_MOST, max(1, round(documents**0.5)))
        if documents < number:
            raise StageError(f"cluster: {documents:,} documents cannot fill {number:,} clusters")
        return number

    def __call__(
        self, docids: pl.Series, vectors: NDArray[np.float32], *, threads: int = 0
    ) -> tuple[pl.DataFrame, NDArray[np.float32]]:
        """Assign every document to its nearest centroid.

        Args:
            docids: One id per row of `vectors`.
            vectors: Unit-length rows, shape (documents, dimensions); may be memory-mapped.
            threads: Threads of FAISS; 0 leaves the number as it is, every core unless it was set.

        Returns:
            A table of docid, cluster (from 0) and similarity (the cosine to its centroid, in
            [-1, 1]), in the order of `docids`; and the unit-length centroids, shape (clusters,
            dimensions). A cluster may end without documents when vectors repeat.

        Raises:
            StageError: There are fewer documents than clusters, or FAISS is not installed.
        """
        clusters = self.number(len(docids))
        faiss = _faiss()
        if threads:
            faiss.omp_set_num_threads(threads)
        kmeans = faiss.Kmeans(
            vectors.shape[1],
            clusters,
            niter=self.iterations,
            seed=self.seed,
            spherical=True,
            gpu=faiss.get_num_gpus() > 0,
            min_points_per_centroid=1,  # below this FAISS warns on the terminal
        )
        kmeans.train(vectors)
        cluster, similarity = _assign(kmeans.index, vectors)
        table = pl.DataFrame({"docid": docids, "cluster": cluster, "similarity": similarity})
        return table, np.asarray(kmeans.centroids, dtype=np.float32)


def _assign(
    index: Any,  # noqa: ANN401 - a FAISS index of the centroids
    vectors: NDArray[np.float32],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    blocks = [
        index.search(np.ascontiguousarray(vectors[start : start + _BLOCK]), 1)
        for start in range(0, len(vectors), _BLOCK)
    ]
    similarity = np.concatenate([block[0][:, 0] for block in blocks])
    cluster = np.concatenate([block[1][:, 0] for block in blocks])
    return cluster.astype(np.int32), similarity.clip(-1, 1)


def _faiss() -> ModuleType:
    try:
        import faiss
    except ImportError as error:
        raise StageError(
            "cluster: FAISS is not installed: pip install 'rankmill[cpu]', or 'rankmill[gpu]'"
        ) from error
    module: ModuleType = faiss
    return module
