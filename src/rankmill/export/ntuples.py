"""A query, a positive and always the same number of negatives."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.tables import Schema, Table

MOST = 1_000
"""Negatives of a row; each takes a column."""


class Ntuples(Exported):
    """Every positive with the negatives of its query that the retriever had ranked highest.

    A file has one number of columns, so a list with fewer negatives is left out, and named among
    the rejections.

    Attributes:
        negatives: Of every row, each in a column of its own.
    """

    kind: Literal["ntuples"] = "ntuples"
    columns: ClassVar[str] = (
        "anchor, positive, negative_1, negative_2 ... (hardest first), as texts"
    )
    losses: ClassVar[tuple[str, ...]] = ("mnrl", "cachedmnrl", "infonce")
    example: ClassVar[str] = """\
from datasets import load_dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.sampler import BatchSamplers
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
)

retriever = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2")
ntuples = load_dataset("{data}", "{config}", split="{split}")
args = SentenceTransformerTrainingArguments(batch_sampler=BatchSamplers.NO_DUPLICATES)
loss = CachedMultipleNegativesRankingLoss(retriever)
SentenceTransformerTrainer(model=retriever, args=args, train_dataset=ntuples, loss=loss).train()"""
    negatives: int = Field(default=4, ge=1, le=MOST)

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists without a positive, or with too few negatives."""
        return policy.lacking(pairs, negatives=self.negatives)

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        named: Schema = {"anchor": pl.String, "positive": pl.String, **negatives(self.negatives)}
        table = Table(name=self.kind, key=(), columns=named)
        return [File(path="{split}.parquet", table=table, rows=self._rows)]

    def _rows(self, part: Part) -> pl.DataFrame:
        return tuples(part, self.negatives).drop("scores")


def negatives(number: int) -> dict[str, type[pl.String]]:
    """The columns of so many negatives."""
    return {f"negative_{place}": pl.String for place in range(1, number + 1)}


def tuples(part: Part, number: int) -> pl.DataFrame:
    """A row for every positive of the lists with enough negatives.

    Returns:
        Columns anchor, positive, `negative_1` to `negative_{number}`, and the scores of all of
        these documents, the positive's first.
    """
    lists = part.nested(part.hardest(number), words="words", below="score").select(
        "qid", "words", "below", anchor="query"
    )
    columns = [
        pl.col("words").list.get(place, null_on_oob=True).alias(name)
        for place, name in enumerate(negatives(number))
    ]
    enough = lists.filter(pl.col("words").list.len() == number)
    return (
        part.positives.select("qid", "score", positive="words")
        .join(enough, on="qid", maintain_order="left")
        .select("anchor", "positive", *columns, scores=pl.concat_list("score", "below"))
    )
