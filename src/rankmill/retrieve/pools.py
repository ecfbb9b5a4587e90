"""What every retriever finds for every query, among the documents of the query's split."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.errors import StageError
from rankmill.records import Ranking
from rankmill.retrieve.bm25 import LexicalIndex
from rankmill.retrieve.dense import nearest
from rankmill.retrieve.search import Exact, Hits, Search, recall
from rankmill.retrieve.spec import Retrieval
from rankmill.retrieve.top import top
from rankmill.space.vectors import text_of

_BATCH = 20_000  # documents whose texts are read at a time
_SAMPLE = 256  # queries that say what an approximate search misses

Frame = pl.DataFrame | pl.LazyFrame
Vectors = NDArray[np.float32]


class Space(NamedTuple):
    """One dense retriever's vectors.

    Attributes:
        documents: Unit-length rows, shape (documents, dimensions); may be memory-mapped.
        queries: The same of the queries.
    """

    documents: Vectors
    queries: Vectors


class Split(NamedTuple):
    """The documents of a split, in docid order, which settles ties.

    Attributes:
        span: Where they stand in the lexical index.
        rows: Where they stand among the documents, and so among their vectors.
    """

    docids: list[str]
    span: slice
    rows: NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Pools:
    """The documents as every retriever sees them.

    Attributes:
        splits: By name. A document that is in none of them is found by nobody.
        index: Of all documents, so that words weigh what they weigh in the whole corpus.
    """

    spec: Retrieval
    splits: Mapping[str, Split]
    index: LexicalIndex
    _recalls: defaultdict[str, list[tuple[float, int]]]

    @classmethod
    def read(cls, spec: Retrieval, documents: Frame, clusters: pl.DataFrame) -> Self:
        """Index the documents.

        Args:
            spec: Says how.
            documents: Columns docid, title and text.
            clusters: Columns docid and split, of documents that may be found.

        Raises:
            StageError: A document of `clusters` is not among the documents.
        """
        lazy = documents.lazy()
        placed = (
            lazy.select("docid")
            .with_row_index("row")
            .collect()
            .join(clusters.select("docid", "split"), on="docid", how="left")
            .sort("split", "docid", nulls_last=True)
            .with_row_index("place")
        )
        known = placed["split"].count()
        if known != len(clusters):
            raise StageError(f"retrieve: {len(clusters)} documents in clusters, but {known} known")
        texts = _texts(lazy, len(placed))
        index = spec.bm25.index(texts).moved(placed.sort("row")["place"].to_numpy())
        parts = placed.drop_nulls("split").partition_by("split", as_dict=True)
        splits = {str(name[0]): _split(part) for name, part in parts.items()}
        return cls(spec=spec, splits=splits, index=index, _recalls=defaultdict(list))

    def find(
        self, split: str, words: Iterable[list[str]], spaces: Mapping[str, Space]
    ) -> Iterator[dict[str, Ranking]]:
        """What every retriever finds for each query of a split, by retriever.

        Args:
            split: Where to look.
            words: The stemmed words of each query.
            spaces: By dense retriever.
        """
        here = self.splits[split]
        found = {name: self._dense(name, here, space) for name, space in spaces.items()}
        for number, asked in enumerate(words):
            lists = {"bm25": self._lexical(here, asked)}
            for name, (places, scores) in found.items():
                lists[name] = _ranking(here, places[number], scores[number])
            yield lists

    def _lexical(self, split: Split, words: list[str]) -> Ranking:
        scores = self.index.scores(words)[split.span]
        best = top(scores, self.spec.pool)
        best = best[scores[best] > 0]
        return _ranking(split, best, scores[best])

    def _dense(self, name: str, split: Split, space: Space) -> Hits:
        search: Search = self.spec.search
        found = search(space.documents, split.rows, space.queries, depth=self.spec.pool)
        if not isinstance(search, Exact):
            few = space.queries[:_SAMPLE]
            best, _ = nearest(space.documents, split.rows, few, depth=self.spec.pool)
            self._recalls[name].append((recall(found[0][: len(few)], best), len(few)))
        return found

    @property
    def recalls(self) -> dict[str, float]:
        """What share of the best each approximate search found of a sample of the queries."""
        return {
            f"recall of {name}": round(sum(r * n for r, n in of) / (sum(n for _, n in of) or 1), 4)
            for name, of in self._recalls.items()
        }


def _split(part: pl.DataFrame) -> Split:
    places = part["place"]
    return Split(
        docids=part["docid"].to_list(),
        span=slice(places[0], places[0] + len(places)),
        rows=part["row"].to_numpy().astype(np.intp),
    )


def _ranking(split: Split, places: NDArray[np.int64], scores: Vectors) -> Ranking:
    there = places >= 0
    docids = tuple(split.docids[place] for place in places[there])
    return Ranking(docids=docids, scores=tuple(scores[there].tolist()))


def _texts(documents: pl.LazyFrame, total: int) -> Iterator[str]:
    for start in range(0, total, _BATCH):
        some = documents.select("title", "text").slice(start, _BATCH).collect()
        yield from (text_of(title, text) for title, text in some.iter_rows())
