"""Triplets for contrastive losses."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.tables import Table

TRIPLETS = Table(
    name="triplets",
    key=(),
    columns={"anchor": pl.String, "positive": pl.String, "negative": pl.String},
)


class Triplets(Exported):
    """Every positive with every negative of its query."""

    kind: Literal["triplets"] = "triplets"
    columns: ClassVar[str] = (
        "anchor, positive, negative: texts only, as trainers read columns by position"
    )
    losses: ClassVar[tuple[str, ...]] = ("triplet", "gist", "cachedgist")
    example: ClassVar[str] = """\
from datasets import load_dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.sampler import BatchSamplers
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

retriever = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2")
triplets = load_dataset("{data}", "{config}", split="{split}")
args = SentenceTransformerTrainingArguments(batch_sampler=BatchSamplers.NO_DUPLICATES)
loss = MultipleNegativesRankingLoss(retriever)
SentenceTransformerTrainer(model=retriever, args=args, train_dataset=triplets, loss=loss).train()"""

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists without a positive or a negative."""
        return policy.lacking(pairs)

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        return [File(path="{split}.parquet", table=TRIPLETS, rows=_triplets)]


def _triplets(part: Part) -> pl.DataFrame:
    queries = part.lists.select("qid", anchor="query")
    negatives = part.negatives.select("qid", negative="words")
    return (
        part.positives.select("qid", positive="words")
        .join(queries, on="qid", maintain_order="left")
        .join(negatives, on="qid", maintain_order="left_right")
        .select(list(TRIPLETS.columns))
    )
