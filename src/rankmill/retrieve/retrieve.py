"""The candidates a teacher judges: lexical and dense retrieval, fused, within a query's split."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rankmill.errors import StageError
from rankmill.records import Rejection
from rankmill.retrieve.bm25 import BM25, LexicalIndex
from rankmill.retrieve.dense import nearest
from rankmill.retrieve.fuse import fuse
from rankmill.retrieve.top import top
from rankmill.space.vectors import text_of
from rankmill.spec import Spec
from rankmill.tables import CANDIDATES


class Retrieval(Spec):
    """BM25 and exact dense search, fused by reciprocal ranks.

    Attributes:
        depth: Length of a candidate list.
        pool: How many documents each retriever contributes to the fusion, at least `depth`.
        k: The constant of reciprocal rank fusion.
        bm25: Parameters of the lexical retriever.
    """

    depth: int = Field(default=20, ge=2)
    pool: int = Field(default=100, ge=2)
    k: int = Field(default=60, ge=1)
    bm25: BM25 = BM25()

    @model_validator(mode="after")
    def _pools_fill_a_list(self) -> Self:
        if self.pool < self.depth:
            raise ValueError(f"pool {self.pool} cannot fill lists of depth {self.depth}")
        return self


def retrieve(
    spec: Retrieval,
    *,
    documents: pl.DataFrame | pl.LazyFrame,
    vectors: NDArray[np.float32],
    clusters: pl.DataFrame,
    queries: pl.DataFrame,
    query_vectors: NDArray[np.float32],
) -> tuple[pl.DataFrame, list[Rejection]]:
    """Find the candidates of every query among the documents of its own split.

    The source of a query is always among them, at the last place when it is not found, and has
    origin "source", whatever found it; others have "bm25", "dense" or "both". A retriever's rank
    is null outside its pool. Words weigh what they weigh in the whole corpus.

    Args:
        spec: Says how deep to look.
        documents: Columns docid, title and text; row i is row i of `vectors`.
        vectors: Unit-length rows, shape (documents, dimensions); may be memory-mapped.
        clusters: Columns docid and split.
        queries: Columns qid, text, source_docid and split; row i is row i of `query_vectors`.
        query_vectors: Unit-length rows, shape (queries, dimensions).

    Returns:
        The candidates table, scored by fusion (0 for a source that is not found), and a rejection
        `too_few_candidates` for every query whose split has no second document.

    Raises:
        StageError: A source is not in its query's split, or the tables are of different corpora.
    """
    _check_sources(queries, clusters)
    found = _Corpus.read(spec, documents, vectors, clusters).search(queries, query_vectors)
    sources = queries.select("qid", "source_docid").iter_rows()
    lists = [
        (qid, list(_listed(spec, source, lexical, dense)))
        for (qid, source), lexical, dense in zip(sources, *found, strict=True)
    ]
    rows = [(qid, *row) for qid, listed in lists if len(listed) > 1 for row in listed]
    rejected = [_lonely(qid) for qid, listed in lists if len(listed) == 1]
    return pl.DataFrame(rows, schema=CANDIDATES.columns, orient="row"), rejected


def _lonely(qid: str) -> Rejection:
    detail = "1 candidate, expected at least 2"
    return Rejection(id=qid, rule="too_few_candidates", detail=detail)


def _listed(
    spec: Retrieval, source: str, lexical: Sequence[str], dense: Sequence[str]
) -> Iterator[tuple[object, ...]]:
    """One query's rows: docid, rank, score, origin and the ranks of both retrievers."""
    lexical_ranks = {docid: rank for rank, docid in enumerate(lexical, start=1)}
    dense_ranks = {docid: rank for rank, docid in enumerate(dense, start=1)}
    fused = fuse([lexical, dense], k=spec.k)
    score = dict(zip(fused.docids, fused.scores, strict=True))
    best = fused.docids[: spec.depth]
    if source not in best:
        best = (*best[: spec.depth - 1], source)
    for rank, docid in enumerate(best, start=1):
        ranks = (lexical_ranks.get(docid), dense_ranks.get(docid))
        origin = "source" if docid == source else _origin(*ranks)
        yield docid, rank, score.get(docid, 0.0), origin, *ranks


def _origin(lexical: int | None, dense: int | None) -> str:
    if lexical and dense:
        return "both"
    return "bm25" if lexical else "dense"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Corpus:
    """The documents as both retrievers see them.

    Attributes:
        rows: Per split the rows of its documents, in docid order, which settles ties.
    """

    spec: Retrieval
    docids: pl.Series
    rows: dict[str, NDArray[np.intp]]
    vectors: NDArray[np.float32]
    index: LexicalIndex

    @classmethod
    def read(
        cls,
        spec: Retrieval,
        documents: pl.DataFrame | pl.LazyFrame,
        vectors: NDArray[np.float32],
        clusters: pl.DataFrame,
    ) -> Self:
        frame = documents.lazy().select("docid", "title", "text").collect()
        if len(frame) != len(vectors):
            raise StageError(f"retrieve: {len(frame)} documents, but {len(vectors)} vectors")
        placed = (
            frame.select("docid")
            .with_row_index("row")
            .join(clusters.select("docid", "split"), on="docid", maintain_order="left")
            .sort("docid")
        )
        if len(placed) != len(frame):
            raise StageError(
                f"retrieve: {len(frame)} documents, but {len(placed)} of them in clusters"
            )
        rows = {
            str(split): part["row"].to_numpy().astype(np.intp)
            for (split,), part in placed.group_by("split")
        }
        texts = (text_of(title, text) for title, text in frame.select("title", "text").iter_rows())
        return cls(
            spec=spec,
            docids=frame["docid"],
            rows=rows,
            vectors=vectors,
            index=spec.bm25.index(texts),
        )

    def search(
        self, queries: pl.DataFrame, query_vectors: NDArray[np.float32]
    ) -> tuple[list[list[str]], list[list[str]]]:
        """The pools of every query, as docids, best first: lexical, then dense."""
        lexical: list[list[str]] = [[] for _ in range(len(queries))]
        dense: list[list[str]] = [[] for _ in range(len(queries))]
        words = self.spec.bm25.words(queries["text"].to_list())
        for split, part in queries.with_row_index("number").group_by("split", maintain_order=True):
            rows = self.rows[str(split[0])]
            numbers = part["number"].to_list()
            hits = nearest(self.vectors, rows, query_vectors[numbers], depth=self.spec.pool)
            for number, hit in zip(numbers, hits, strict=True):
                dense[number] = self._docids(rows[hit])
                lexical[number] = self._docids(self._lexical(words[number], rows))
        return lexical, dense

    def _lexical(self, words: list[str], rows: NDArray[np.intp]) -> NDArray[np.intp]:
        scores = self.index.scores(words)[rows]
        best = top(scores, self.spec.pool)
        return rows[best[scores[best] > 0]]

    def _docids(self, rows: NDArray[np.intp]) -> list[str]:
        docids: list[str] = self.docids.gather(rows).to_list()
        return docids


def _check_sources(queries: pl.DataFrame, clusters: pl.DataFrame) -> None:
    places = clusters.select(source_docid="docid", found="split")
    astray = queries.join(places, on="source_docid", how="left").filter(
        pl.col("found").ne_missing(pl.col("split"))
    )
    for query in astray.head(1).iter_rows(named=True):
        raise StageError(
            f"retrieve: query {query['qid']}: expected its source {query['source_docid']} in split "
            f"{query['split']}, found it in {query['found'] or 'none'}"
        )
