"""Queries and documents, one by one, each with a number between 0 and 1."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import polars as pl

from rankmill.export.base import Exported, File, Scale
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.tables import Schema, Table


class LabelledPairs(Exported):
    """Every query with every document of its list.

    Attributes:
        label: `grade` is a document's grade by the best grade of the build, `score` its consensus
            score between the lowest and the highest of the build; both from 0 to 1. `binary` is
            1 for a positive and 0 for a negative; documents between the two are left out.
    """

    kind: Literal["labelled_pairs"] = "labelled_pairs"
    columns: ClassVar[str] = "query, document, label (from 0 to 1)"
    losses: ClassVar[tuple[str, ...]] = (
        *("bce", "contrastive", "onlinecontrastive"),
        *("cosent", "angle", "cosinesimilarity", "mse"),
    )
    example: ClassVar[str] = """\
from datasets import load_dataset
from sentence_transformers import CrossEncoder, CrossEncoderTrainer
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

reranker = CrossEncoder("microsoft/MiniLM-L12-H384-uncased", num_labels=1)
pairs = load_dataset("{data}", "{config}", split="{split}")
loss = BinaryCrossEntropyLoss(reranker)
CrossEncoderTrainer(model=reranker, train_dataset=pairs, loss=loss).train()"""
    label: Literal["grade", "score", "binary"] = "grade"

    @classmethod
    def suited(cls, loss: str) -> Mapping[str, Any]:
        """Cross-entropy and contrast need two classes, and regression what teachers scored."""
        if loss in {"bce", "contrastive", "onlinecontrastive"}:
            return {"label": "binary"}
        return {"label": "score"} if loss == "mse" else {}

    def refusal(self, scale: Scale) -> str | None:
        """Scores of an order, or of a scale that every list has for itself, are no targets."""
        if self.label != "score" or scale.compares:
            return None
        return scale.unmeasured('`label = "grade"`') or (
            f"scores of {scale.score_kind} have a scale of their own in every list; let "
            'settle.rule be mean_score, or ask for `label = "grade"`'
        )

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists that have neither a positive nor a negative, where nothing else is written."""
        lacking = policy.lacking(pairs, negatives=0)
        if self.label != "binary":
            return lacking.clear()
        low = pairs.filter("negative")
        return lacking.join(low, left_on="id", right_on="qid", how="anti")

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        kind = pl.Int64 if self.label == "binary" else pl.Float32
        columns: Schema = {"query": pl.String, "document": pl.String, "label": kind}
        table = Table(name=self.kind, key=(), columns=columns)
        return [File(path="{split}.parquet", table=table, rows=self._rows)]

    def _rows(self, part: Part) -> pl.DataFrame:
        queries = part.lists.select("qid", "query")
        labelled = part.documents.with_columns(label=self._label(part)).drop_nulls("label")
        joined = labelled.join(queries, on="qid", maintain_order="left")
        return joined.select("query", "label", document="words")

    def _label(self, part: Part) -> pl.Expr:
        grade, span = pl.col("grade"), part.span
        match self.label:
            case "grade":
                return (grade / max(span.best_grade, 1)).cast(pl.Float32)
            case "score":
                width = (span.highest - span.lowest) or 1.0
                return ((pl.col("score") - span.lowest) / width).cast(pl.Float32)
            case "binary":
                known = pl.col("positive") | pl.col("negative")
                return pl.when(known).then(pl.col("positive").cast(pl.Int64))
