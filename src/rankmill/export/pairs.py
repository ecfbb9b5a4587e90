"""Queries with what answers them, for losses that take their negatives from the batch."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.tables import Table

PAIRS = Table(name="pairs", key=(), columns={"anchor": pl.String, "positive": pl.String})


class Pairs(Exported):
    """Every query with each of its positives."""

    kind: Literal["pairs"] = "pairs"
    columns: ClassVar[str] = "anchor, positive: a query and a document that answers it, as texts"
    losses: ClassVar[tuple[str, ...]] = ("mnsrl", "cachedmnsrl", "megabatchmargin")
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
pairs = load_dataset("{data}", "{config}", split="{split}")
args = SentenceTransformerTrainingArguments(batch_sampler=BatchSamplers.NO_DUPLICATES)
loss = MultipleNegativesRankingLoss(
    retriever, directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"
)
SentenceTransformerTrainer(model=retriever, args=args, train_dataset=pairs, loss=loss).train()"""

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists without a positive."""
        return policy.lacking(pairs, negatives=0)

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        return [File(path="{split}.parquet", table=PAIRS, rows=_pairs)]


def _pairs(part: Part) -> pl.DataFrame:
    queries = part.lists.select("qid", anchor="query")
    positives = part.positives.select("qid", positive="words")
    return positives.join(queries, on="qid", maintain_order="left").select(list(PAIRS.columns))
