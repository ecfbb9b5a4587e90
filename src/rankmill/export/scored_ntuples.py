"""N-tuples with the scores that a student is to imitate."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import Exported, File, Scale
from rankmill.export.ntuples import MOST, negatives, tuples
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.tables import Schema, Table


class ScoredNtuples(Exported):
    """The rows of `ntuples`, and the consensus score of each of their documents.

    sentence-transformers takes `scores` as the target, one for each document: the positive's
    first.

    Paper: Hofstaetter et al., "Improving Efficient Neural Ranking Models with Cross-Architecture
    Knowledge Distillation", 2020 (margins); Lin et al., "Distilling Dense Representations for
    Ranking using Tightly-Coupled Teachers", 2020 (distributions).

    Attributes:
        negatives: Of every row. A list with fewer is left out, and named among the rejections.
    """

    kind: Literal["scored_ntuples"] = "scored_ntuples"
    columns: ClassVar[str] = (
        "anchor, positive, negative_1, negative_2 ... (hardest first), scores (consensus scores "
        "of these documents, the positive's first)"
    )
    losses: ClassVar[tuple[str, ...]] = ("marginmse", "distillkldiv")
    example: ClassVar[str] = """\
from datasets import load_dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.losses import MarginMSELoss

retriever = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2")
scored = load_dataset("{data}", "{config}", split="{split}")
loss = MarginMSELoss(retriever)
SentenceTransformerTrainer(model=retriever, train_dataset=scored, loss=loss).train()"""
    negatives: int = Field(default=4, ge=1, le=MOST)

    def refusal(self, scale: Scale) -> str | None:
        """Margins and softmaxes of an order are made up."""
        return scale.unmeasured("`ranknet`, which reads the order, or `mnrl`, which reads none")

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists without a positive, or with too few negatives."""
        return policy.lacking(pairs, negatives=self.negatives)

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        columns: Schema = {
            "anchor": pl.String,
            "positive": pl.String,
            **negatives(self.negatives),
            "scores": pl.List(pl.Float32),
        }
        table = Table(name=self.kind, key=(), columns=columns)
        return [File(path="{split}.parquet", table=table, rows=self._rows)]

    def _rows(self, part: Part) -> pl.DataFrame:
        return tuples(part, self.negatives).cast({"scores": pl.List(pl.Float32)})
