"""Lists of one length for E2Rank, which embeds and reranks with one model."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import File
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.export.ranks import Windows, shown
from rankmill.export.unfit import shorter
from rankmill.tables import Table

RANKINGS = Table(
    name="e2rank",
    key=(),
    columns={
        "source": pl.String,
        "query": pl.String,
        "document": pl.List(pl.String),
        "ranking": pl.List(pl.Int32),
    },
)


class E2Rank(Windows):
    """A query, `most` documents, and their places best first, counted from 1.

    E2Rank's trainer makes one tensor of a batch's rankings, so all lists are of one length: the
    best document, and the others that the retriever had ranked highest. It fills a batch from one
    source, and leaves out a source's last batch where that is not full.

    Paper: Liu et al., "E2Rank", 2025 (a positive and 15 negatives).

    Attributes:
        most: Documents of every row.
        source: Goes into every row.
    """

    kind: Literal["e2rank"] = "e2rank"
    most: int = Field(default=16, ge=3)
    source: str = "rankmill"
    columns: ClassVar[str] = "source, query, document (texts), ranking (places best first, from 1)"
    losses: ClassVar[tuple[str, ...]] = ("e2rank",)

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists without an order, or with too few documents."""
        lacking = [super().missing(pairs, policy), shorter(pairs, self.most)]
        return pl.concat(lacking).unique("id", keep="first", maintain_order=True)

    def files(self) -> Sequence[File]:
        """`{split}.jsonl`."""
        return [File(path="{split}.jsonl", table=RANKINGS, rows=self._rankings)]

    def _rankings(self, part: Part) -> pl.DataFrame:
        worth = pl.when(pl.col("rank") == 1).then(0).otherwise("candidate_rank")
        chosen = part.documents.filter(
            pl.len().over("qid") >= self.most,
            worth.rank("ordinal").over("qid") <= self.most,
        )
        placed = chosen.with_columns(place=self.places(chosen), window=pl.lit(0))
        return shown(part, placed).select(
            "query", source=pl.lit(self.source), document="documents", ranking="gold"
        )
