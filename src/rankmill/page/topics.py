"""The topics of a corpus as a map: where they lie, what they are about, which have queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.page.sources import Sources
from rankmill.space import ELBOW, TOPICS, open_vectors, text_of
from rankmill.tables import CLUSTERS, DOCUMENTS

_DOCUMENTS, _QUERIES, _FEWEST, _WORDS, _SHOWN = 3_000, 400, 4, 6, 90
_EXACT = 2_000  # topics; the exact map of more takes minutes and gigabytes
_PULL = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One cluster.

    Attributes:
        words: What tells its documents from those of others, most telling first.
        typical: The beginning of the document nearest to its centroid.
        coherence: Mean cosine of its documents to its centroid.
        documents: In it.
        queries: Written for its documents.
        kept: Lists of those queries that were kept.
    """

    number: int
    words: Sequence[str]
    typical: str
    coherence: float
    documents: int
    queries: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """All clusters, and a flat map of documents and queries.

    Attributes:
        topics: Largest first.
        documents: Places of a sample of the documents, shape (documents, 2); empty where there
            are too few topics for a map.
        clusters: The clusters of that sample.
        queries: Places of a sample of the queries, shape (queries, 2).
        kept: Whether the list of each of them was kept.
        elbow: ELBOW, where the number of clusters was chosen by one.
    """

    topics: Sequence[Topic]
    documents: NDArray[np.float64]
    clusters: NDArray[np.int32]
    queries: NDArray[np.float64]
    kept: NDArray[np.bool_]
    elbow: pl.DataFrame

    @classmethod
    def of(cls, sources: Sources) -> Self:
        """Draw the map. Of many rows every n-th is on it: the same build gives the same map."""
        build, clusters = sources.build, sources.build.read("cluster", CLUSTERS)
        rows = _spread(len(clusters), _DOCUMENTS)
        sample = clusters["cluster"].to_numpy()[rows]
        lying = _rows(sources, clusters["docid"].gather(rows))
        kept = sources.lists.filter("kept")["qid"]
        asks = _spread(len(sources.queries), _QUERIES)
        asked = sources.queries.with_columns(kept=pl.col("qid").is_in(kept.implode()))
        centroids = np.load(build.output("cluster").folder / "centroids.npy")
        vectors = [open_vectors(build.output(stage).folder) for stage in ("embed", "generate")]
        places = _placed(centroids) if len(centroids) >= _FEWEST else None
        documents, queries = (
            np.zeros((0, 2)) if places is None else _among(some, centroids, places)
            for some in (vectors[0][lying], vectors[1][asks])
        )
        return cls(
            topics=_topics(sources, asked),
            documents=documents,
            clusters=sample,
            queries=queries,
            kept=asked["kept"].to_numpy()[asks],
            elbow=_elbow(sources),
        )

    @property
    def covered(self) -> Sequence[int]:
        """Numbers of the topics that have a kept list."""
        return [topic.number for topic in self.topics if topic.kept]


def _spread(rows: int, most: int) -> NDArray[np.intp]:
    """At most so many of the rows, evenly spread."""
    return np.arange(0, rows, max(1, -(-rows // most)))


def _placed(centroids: NDArray[np.float32]) -> NDArray[np.float64]:
    """Places of topics, like ones near each other; shape (topics, 2).

    Paper: van der Maaten & Hinton, "Visualizing Data using t-SNE", JMLR 2008.
    """
    from sklearn.manifold import TSNE

    near = min(15.0, (len(centroids) - 1) / 3)
    method = "exact" if len(centroids) <= _EXACT else "barnes_hut"
    flat = TSNE(perplexity=near, init="pca", method=method, max_iter=500, random_state=0)
    places: NDArray[np.float64] = flat.fit_transform(centroids)
    return places


def _among(
    vectors: NDArray[np.float32], centroids: NDArray[np.float32], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Places of vectors among those of the topics, each drawn to the topics that it is like."""
    alike = vectors @ centroids.T
    spread = alike.std(axis=1, keepdims=True) + np.finfo(np.float32).tiny
    pull = np.exp(_PULL * (alike - alike.max(axis=1, keepdims=True)) / spread)
    drawn: NDArray[np.float64] = pull @ places / pull.sum(axis=1, keepdims=True)
    return drawn


def _rows(sources: Sources, docids: pl.Series) -> NDArray[np.intp]:
    """The rows of the vectors of some documents, in the order of `docids`."""
    path = sources.build.output("ingest").path(DOCUMENTS)
    every = pl.read_parquet(path, columns=["docid"]).with_row_index("row")
    found = docids.to_frame().join(every, on="docid", how="left", maintain_order="left")
    return found["row"].to_numpy().astype(np.intp)


def _elbow(sources: Sources) -> pl.DataFrame:
    made = sources.build.output("cluster")
    return made.read(ELBOW) if made.path(ELBOW).is_file() else ELBOW.empty()


def _topics(sources: Sources, asked: pl.DataFrame) -> list[Topic]:
    """Every topic, largest first."""
    queries = asked.group_by("cluster").agg(queries=pl.len(), kept=pl.col("kept").sum())
    found = sources.build.read("cluster", TOPICS).join(
        queries, on="cluster", how="left", maintain_order="left"
    )
    nearest = sources.texts(found["nearest"].list.first().to_list())
    typical = [text_of(title, text)[:_SHOWN] for _, title, text in nearest.iter_rows()]
    return [
        Topic(
            number=row["cluster"],
            words=tuple(row["words"][:_WORDS]),
            typical=" ".join(begins.split()),
            coherence=row["coherence"],
            documents=row["documents"],
            queries=row["queries"] or 0,
            kept=row["kept"] or 0,
        )
        for row, begins in zip(found.iter_rows(named=True), typical, strict=True)
    ]
