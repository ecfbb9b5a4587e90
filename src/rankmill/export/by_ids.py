"""Lists by ids, and the texts apart: each is stored once, however many lists it is in."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.export.texts import WORDS
from rankmill.tables import Schema, Table

QUERIES = Table(
    name="queries", key=("query_id",), columns={"query_id": pl.String, "query": pl.String}
)
DOCUMENTS = Table(
    name="documents",
    key=("document_id",),
    columns={"document_id": pl.String, "document": pl.String},
)


class ByIds(Exported):
    """Lists of ids, best first, that `resolve_ids` of sentence-transformers turns into texts.

    Attributes:
        labels: Of every document of a list: its consensus score, or its grade. The column that
            holds them is the target, named for what it holds.
    """

    kind: Literal["by_ids"] = "by_ids"
    columns: ClassVar[str] = (
        "`resolve_ids` joins them: lists (query_id, document_ids best first, scores or labels), "
        "queries (query_id, query) and documents (document_id, document)"
    )
    losses: ClassVar[tuple[str, ...]] = ("resolve_ids",)
    example: ClassVar[str] = """\
from datasets import load_dataset
from sentence_transformers import CrossEncoder, CrossEncoderTrainer
from sentence_transformers.cross_encoder.losses import RankNetLoss
from sentence_transformers.util import resolve_ids

reranker = CrossEncoder("microsoft/MiniLM-L12-H384-uncased", num_labels=1)
lists, queries, documents = (
    load_dataset("{data}", f"{config}-{part}", split="{split}")
    for part in ("lists", "queries", "documents")
)
texts = {"query_id": queries, "document_ids": documents}
lists.set_transform(resolve_ids(texts, output_format="lists"))
CrossEncoderTrainer(model=reranker, train_dataset=lists, loss=RankNetLoss(reranker)).train()"""
    labels: Literal["scores", "grades"] = "scores"

    def files(self) -> Sequence[File]:
        """`lists`, `queries` and `documents`, each a folder with `{split}.parquet`."""
        target = "scores" if self.labels == "scores" else "labels"
        ids: Schema = {"query_id": pl.String, "document_ids": pl.List(pl.String)}
        lists = Table(name="lists", key=("query_id",), columns={**ids, target: pl.List(pl.Float32)})
        return [
            File(path="lists/{split}.parquet", table=lists, rows=self._lists),
            File(path="queries/{split}.parquet", table=QUERIES, rows=_queries),
            File(path="documents/{split}.parquet", table=DOCUMENTS, rows=_documents, of="corpus"),
        ]

    def _lists(self, part: Part) -> pl.DataFrame:
        column, target = ("score", "scores") if self.labels == "scores" else ("grade", "labels")
        labels = {target: pl.col(column).cast(pl.Float32)}
        lists = part.nested(part.documents, document_ids="docid", **labels)
        return lists.select("document_ids", target, query_id="qid")


def _queries(part: Part) -> pl.DataFrame:
    return part.lists.select("query", query_id="qid")


def _documents(documents: pl.DataFrame) -> pl.DataFrame:
    return documents.select(document_id="docid", document=WORDS)
