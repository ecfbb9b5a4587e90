"""The topics of a corpus: spherical k-means over its vectors."""

from collections.abc import Sequence
from types import ModuleType
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, field_validator

from rankmill.errors import StageError
from rankmill.space.elbow import Elbow, Tried
from rankmill.space.vectors import blocks
from rankmill.spec import Spec

_MOST = 1000  # DUQGen's number of clusters for every corpus


class Clustering(NamedTuple):
    """What became of a corpus.

    Attributes:
        table: docid, cluster (from 0) and similarity (the cosine to its centroid, in [-1, 1]), in
            the order of the documents. A cluster may be without documents when vectors repeat.
        centroids: Of unit length, shape (clusters, dimensions).
        elbow: The numbers of clusters that were tried, ascending; empty where none had to be.
    """

    table: pl.DataFrame
    centroids: NDArray[np.float32]
    elbow: Sequence[Tried] = ()


class SphericalKMeans(Spec):
    """FAISS k-means on the unit sphere: a document goes to the centroid of the highest cosine.

    It runs on the GPU when FAISS sees one. On a CPU the same input and the same number of threads
    give the same bytes; with another number sums round differently in the last digits.

    Attributes:
        clusters: Number of clusters; 1 is the control arm without topics. None takes the square
            root of the number of documents, rounded, at most 1,000: 32 for a thousand documents,
            DUQGen's 1,000 from a million on. `"elbow"`, or an `Elbow` with its own grid, tries
            several and reports the curve; that takes a k-means for each of them.
        iterations: Rounds of k-means. DUQGen runs 100.
        points_per_centroid: Centroids are found on a sample of so many documents for each of
            them, drawn by the seed, as FAISS does by default; every document is then assigned.
            All documents take about three times as long for a million of them and 1,000 clusters.
        seed: Seed of the sample and of the first centroids.

    Paper: Johnson, Douze & Jégou, "Billion-scale similarity search with GPUs", 2017.
    """

    kind: Literal["kmeans"] = "kmeans"
    clusters: Annotated[int, Field(ge=1)] | Elbow | None = None
    iterations: int = Field(default=100, ge=1)
    points_per_centroid: int = Field(default=256, ge=1)
    seed: int = 0

    @field_validator("clusters", mode="before")
    @classmethod
    def _elbow_by_name(cls, value: Any) -> Any:  # noqa: ANN401 - what TOML has
        return Elbow() if value == "elbow" else value

    def numbers(self, documents: int) -> list[int]:
        """How many clusters so many documents get: one number, or those to try, ascending.

        Raises:
            StageError: There are fewer documents than clusters, or none.
        """
        if isinstance(self.clusters, Elbow):
            return self.clusters.fitting(documents)
        number = self.clusters or min(_MOST, max(1, round(documents**0.5)))
        if documents < number:
            raise StageError(
                f"cluster: {documents:,} documents cannot fill {number:,} clusters; set "
                f"cluster.clusters to {documents:,} at most"
            )
        return [number]

    def __call__(
        self,
        docids: pl.Series,
        vectors: NDArray[np.float32],
        *,
        rows: NDArray[np.intp] | None = None,
        threads: int = 0,
    ) -> Clustering:
        """Assign every document to its nearest centroid.

        Args:
            docids: The documents.
            vectors: Unit-length rows, shape (documents, dimensions); may be memory-mapped: no
                more than the sample and a block are ever copied.
            rows: The row of each document, ascending; without it, document i has row i. A row
                that is not named takes no part.
            threads: Threads of FAISS; 0 leaves the number as it is, every core unless it was set.

        Raises:
            StageError: There are fewer documents than clusters, the curve has no elbow, or FAISS
                is not installed.
        """
        rows = np.arange(len(docids)) if rows is None else rows
        numbers = self.numbers(len(docids))
        if threads:
            _faiss().omp_set_num_threads(threads)
        if not isinstance(self.clusters, Elbow):
            return _table(docids, *self._fit(numbers[0], vectors, rows))
        curve: list[Tried] = []
        for number in numbers:
            _, similarity, _ = self._fit(number, vectors, rows)
            curve.append(Tried(number, float(np.square(1 - similarity.astype(np.float64)).sum())))
        chosen = self._fit(self.clusters.knee(curve), vectors, rows)
        return _table(docids, *chosen)._replace(elbow=curve)

    def _fit(
        self, clusters: int, vectors: NDArray[np.float32], rows: NDArray[np.intp]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """Cluster and similarity of every row, and the centroids."""
        faiss = _faiss()
        kmeans = faiss.Kmeans(
            vectors.shape[1],
            clusters,
            niter=self.iterations,
            seed=self.seed,
            spherical=True,
            gpu=faiss.get_num_gpus() > 0,
            min_points_per_centroid=1,  # below this FAISS warns on the terminal
            max_points_per_centroid=self.points_per_centroid,
        )
        kmeans.train(self._sample(clusters, vectors, rows))
        cluster, similarity = _assign(kmeans.index, vectors, rows)
        return cluster, similarity, np.asarray(kmeans.centroids, dtype=np.float32)

    def _sample(
        self, clusters: int, vectors: NDArray[np.float32], rows: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """The rows that train: all of them as they lie, or a copy of those that are drawn."""
        most = clusters * self.points_per_centroid
        if len(rows) > most:
            draw = np.random.default_rng(self.seed)
            rows = rows[np.sort(draw.choice(len(rows), most, replace=False))]
        return vectors if len(rows) == len(vectors) else np.asarray(vectors[rows])


def _table(
    docids: pl.Series,
    cluster: NDArray[np.int32],
    similarity: NDArray[np.float32],
    centroids: NDArray[np.float32],
) -> Clustering:
    table = pl.DataFrame({"docid": docids, "cluster": cluster, "similarity": similarity})
    return Clustering(table, centroids)


def _assign(
    index: Any,  # noqa: ANN401 - a FAISS index of the centroids
    vectors: NDArray[np.float32],
    rows: NDArray[np.intp],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    cluster = np.empty(len(rows), np.int32)
    similarity = np.empty(len(rows), np.float32)
    for part, block in blocks(vectors, rows):
        cosines, nearest = index.search(np.ascontiguousarray(block), 1)
        cluster[part], similarity[part] = nearest[:, 0], cosines[:, 0]
    return cluster, similarity.clip(-1, 1)


def _faiss() -> ModuleType:
    try:
        import faiss
    except ImportError as error:
        raise StageError(
            "cluster: FAISS is not installed: pip install 'rankmill[cpu]', or 'rankmill[gpu]'"
        ) from error
    module: ModuleType = faiss
    return module
