"""Which documents a query is known by: ids become rows once, and are compared as numbers."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.errors import StageError
from rankmill.records import Rejection

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Ids and their vectors.

    Attributes:
        ids: Unique.
        vectors: Shape (ids, dimensions), row by row with `ids`; may be memory-mapped.

    Raises:
        StageError: An id repeats, or ids and vectors differ in number.
    """

    ids: pl.Series
    vectors: NDArray[np.float32]

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.vectors):
            raise StageError(f"mine: {len(self.ids):,} ids, but {len(self.vectors):,} vectors")
        if self.ids.is_duplicated().any():
            twice = str(self.ids.filter(self.ids.is_duplicated())[0])
            raise StageError(f"mine: the id {twice} repeats, expected every id once")

    def in_order(self) -> tuple[pl.Series, Rows]:
        """The ids in order, which settles ties, and the row of each."""
        rows = self.ids.arg_sort()
        return self.ids.gather(rows), rows.to_numpy().astype(np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """Pairs of a query and a document as numbers: both count in the order of their ids.

    Attributes:
        documents: How many there are.
        positives: Columns q and d, in order.
        codes: Of the pairs that can be no negatives, positives or not, in order.
        counts: How many such documents every query has.
        rejections: Pairs whose query or document is not there, and queries left without any.
    """

    documents: int
    positives: pl.DataFrame
    codes: Rows
    counts: Rows
    rejections: list[Rejection]

    @classmethod
    def of(
        cls, qids: pl.Series, docids: pl.Series, positives: pl.DataFrame, excluded: pl.DataFrame
    ) -> Self:
        """Look up pairs of ids.

        Args:
            qids: In order.
            docids: In order.
            positives: Columns qid and docid.
            excluded: The same, of documents that are neither positives nor to be negatives.
        """
        found, astray = _numbered(qids, docids, positives)
        others, _ = _numbered(qids, docids, excluded)
        every = pl.concat([found, others]).unique().sort("q", "d")
        bare = np.setdiff1d(np.arange(len(qids)), found["q"].to_numpy())
        alone = [_bare(qid) for qid in qids.gather(bare)]
        return cls(
            documents=len(docids),
            positives=found,
            codes=every["q"].to_numpy() * len(docids) + every["d"].to_numpy(),
            counts=np.bincount(every["q"], minlength=len(qids)),
            rejections=[*astray, *alone],
        )

    def holds(self, queries: Rows, documents: Rows) -> NDArray[np.bool_]:
        """Whether pairs are among them; queries and documents broadcast against each other."""
        if not len(self.codes):
            return np.zeros(np.broadcast_shapes(queries.shape, documents.shape), np.bool_)
        wanted = queries * self.documents + documents
        at = np.searchsorted(self.codes, wanted)
        return np.asarray(self.codes[np.minimum(at, len(self.codes) - 1)] == wanted)


def _numbered(
    qids: pl.Series, docids: pl.Series, pairs: pl.DataFrame
) -> tuple[pl.DataFrame, list[Rejection]]:
    """Pairs as numbers, once each and in order, and those whose ids are not there."""
    places = [
        pl.DataFrame({name: ids, number: np.arange(len(ids))})
        for name, number, ids in (("qid", "q", qids), ("docid", "d", docids))
    ]
    wanted = pairs.select("qid", "docid").unique().sort("qid", "docid")
    found = wanted.join(places[0], on="qid", how="left").join(places[1], on="docid", how="left")
    whole = pl.col("q").is_not_null() & pl.col("d").is_not_null()
    lost = found.filter(~whole).sort("qid", "docid")
    return found.filter(whole).select("q", "d").sort("q", "d"), [
        _astray(qid, docid, q) for qid, docid, q, _ in lost.iter_rows()
    ]


def _astray(qid: str, docid: str, q: int | None) -> Rejection:
    rule = "positive_not_in_corpus" if q is not None else "no_such_query"
    what = f"the document {docid} is" if q is not None else f"the query {qid} is"
    return Rejection(id=f"{qid}/{docid}", rule=rule, detail=f"{what} not there")


def _bare(qid: str) -> Rejection:
    return Rejection(id=qid, rule="no_positive", detail="0 positives in the corpus, expected one")
