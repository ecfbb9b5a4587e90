"""Samples on which sentence-transformers measures a reranker while it learns."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.tables import Schema, Table


class RerankEval(Exported):
    """A query, its positives, and what they are to be ranked above.

    Attributes:
        against: `documents` is the whole candidate list as the retriever ranked it, so that the
            reranker is measured beside the retriever; `negative` the list's negatives.
    """

    kind: Literal["rerank_eval"] = "rerank_eval"
    columns: ClassVar[str] = (
        "query, positive (texts), and either documents (the candidates in the retriever's order) "
        "or negative (texts)"
    )
    losses: ClassVar[tuple[str, ...]] = ("reranking-evaluation", "crossencoderrerankingevaluator")
    example: ClassVar[str] = """\
from datasets import load_dataset
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder.evaluation import CrossEncoderRerankingEvaluator

reranker = CrossEncoder("cross-encoder/ms-marco-MiniLM-L6-v2")
samples = load_dataset("{data}", "{config}", split="{split}").to_list()
measures = CrossEncoderRerankingEvaluator(samples, name="{split}")(reranker)"""
    against: Literal["documents", "negative"] = "documents"

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists without a positive, or without what to rank it above."""
        return policy.lacking(pairs, negatives=int(self.against == "negative"))

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        texts = pl.List(pl.String)
        columns: Schema = {"query": pl.String, "positive": texts, self.against: texts}
        table = Table(name=self.kind, key=(), columns=columns)
        return [File(path="{split}.parquet", table=table, rows=self._rows)]

    def _rows(self, part: Part) -> pl.DataFrame:
        if self.against == "negative":
            others = part.documents.filter("negative")
            texts = pl.col("words")
        else:
            others, texts = part.documents, pl.col("words").sort_by("candidate_rank")
        positives = part.nested(part.positives, positive="words").select("qid", "positive")
        lists = part.nested(others, **{self.against: texts})
        joined = lists.join(positives, on="qid", maintain_order="left")
        whole = pl.all_horizontal(pl.col("positive", self.against).list.len() > 0)
        return joined.filter(whole).select("query", "positive", self.against)
