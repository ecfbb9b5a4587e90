"""The topics of a corpus as a map: where they lie, what they are about, which have queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.page.sources import Sources
from rankmill.space import open_vectors, text_of
from rankmill.tables import CLUSTERS

_DOCUMENTS, _QUERIES, _FEWEST, _WORDS = 3_000, 400, 4, 4
_PULL = 2.0
_WORD = r"(?u)\b[^\W\d_]{3,}\b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One cluster.

    Attributes:
        words: What tells its documents from those of others, most telling first.
        documents: In it.
        queries: Written for its documents.
        kept: Lists of those queries that were kept.
    """

    number: int
    words: Sequence[str]
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
    """

    topics: Sequence[Topic]
    documents: NDArray[np.float64]
    clusters: NDArray[np.int32]
    queries: NDArray[np.float64]
    kept: NDArray[np.bool_]

    @classmethod
    def of(cls, sources: Sources) -> Self:
        """Draw the map. Of many rows every n-th is on it: the same build gives the same map."""
        build, clusters = sources.build, sources.build.read("cluster", CLUSTERS)
        rows = _spread(len(clusters), _DOCUMENTS)
        sample = clusters["cluster"].to_numpy()[rows]
        texts = sources.texts(clusters["docid"].gather(rows).to_list())
        kept = sources.lists.filter("kept")["qid"]
        asks = _spread(len(sources.queries), _QUERIES)
        asked = sources.queries.with_columns(kept=pl.col("qid").is_in(kept.implode()))
        centroids = np.load(build.output("cluster").folder / "centroids.npy")
        vectors = [open_vectors(build.output(stage).folder) for stage in ("embed", "generate")]
        places = _placed(centroids) if len(centroids) >= _FEWEST else None
        documents, queries = (
            np.zeros((0, 2)) if places is None else _among(some, centroids, places)
            for some in (vectors[0][rows], vectors[1][asks])
        )
        return cls(
            topics=_topics(clusters, asked, _words(texts, sample)),
            documents=documents,
            clusters=sample,
            queries=queries,
            kept=asked["kept"].to_numpy()[asks],
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
    flat = TSNE(perplexity=near, init="pca", method="exact", max_iter=500, random_state=0)
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


def _topics(
    clusters: pl.DataFrame, asked: pl.DataFrame, words: Mapping[int, Sequence[str]]
) -> list[Topic]:
    sizes = clusters.group_by("cluster").len("documents")
    queries = asked.group_by("cluster").agg(queries=pl.len(), kept=pl.col("kept").sum())
    rows = sizes.join(queries, on="cluster", how="left").sort(
        ["documents", "cluster"], descending=[True, False]
    )
    return [
        Topic(number=number, words=words.get(number, ()), documents=n, queries=q or 0, kept=k or 0)
        for number, n, q, k in rows.iter_rows()
    ]


def _words(documents: pl.DataFrame, clusters: NDArray[np.int32]) -> dict[int, list[str]]:
    """The words of some documents that weigh most in each of their clusters, by TF-IDF over all."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [text_of(title, text) for _, title, text in documents.iter_rows()]
    numbers = np.unique(clusters)
    whole = [" ".join(np.array(texts, dtype=object)[clusters == number]) for number in numbers]
    tfidf = TfidfVectorizer(token_pattern=_WORD, stop_words="english", sublinear_tf=True)
    try:
        weights = tfidf.fit_transform(whole)
    except ValueError:  # not one word in the whole sample
        return {}
    names = tfidf.get_feature_names_out()
    return {
        int(number): [
            str(names[place])
            for place in row.indices[np.argsort(-row.data, kind="stable")][:_WORDS]
        ]
        for number, row in zip(numbers, weights, strict=True)
    }
