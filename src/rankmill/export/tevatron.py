"""Lines that Tevatron trains retrievers and rerankers from."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.tables import Table

_PASSAGE = pl.Struct({"docid": pl.String, "title": pl.String, "text": pl.String})
PASSAGES = Table(
    name="passages",
    key=("query_id",),
    columns={
        "query_id": pl.String,
        "query": pl.String,
        "positive_passages": pl.List(_PASSAGE),
        "negative_passages": pl.List(_PASSAGE),
    },
)
IDS = Table(
    name="ids",
    key=("query_id",),
    columns={
        "query_id": pl.String,
        "query_text": pl.String,
        "query_image": pl.Null,
        "positive_document_ids": pl.List(pl.String),
        "negative_document_ids": pl.List(pl.String),
    },
    nullable=frozenset({"query_image"}),
)
CORPUS = Table(
    name="corpus",
    key=("docid",),
    columns={"docid": pl.String, "title": pl.String, "text": pl.String, "image": pl.Null},
    nullable=frozenset({"image"}),
)
RERANK = Table(
    name="rerank",
    key=("query_id", "docid"),
    columns={
        "query_id": pl.String,
        "query": pl.String,
        "docid": pl.String,
        "title": pl.String,
        "text": pl.String,
    },
)


class _Trained(Exported):
    """Queries with positives and negatives; a list without either is left out.

    Attributes:
        negatives: Most of a query, hardest first. Fewer than Tevatron's `train_group_size` less
            one are drawn repeatedly.
    """

    negatives: int = Field(default=15, ge=1)

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists without a positive or a negative."""
        return policy.lacking(pairs)

    def _nested(self, part: Part, what: pl.Expr) -> pl.DataFrame:
        """The columns of `part.lists`, and `positives` and `negatives` that hold `what`."""
        return part.contrasted(self.negatives, {"positives": what}, {"negatives": what})


class Tevatron(_Trained):
    """Every line has its passages: what Tevatron's first version and its reranker read.

    A title is always there, as the reranker demands, if only as an empty text.
    """

    kind: Literal["tevatron"] = "tevatron"
    columns: ClassVar[str] = (
        "lines for Tevatron's retrievers and rerankers: query_id, query, positive_passages, "
        "negative_passages (docid, title, text; hardest first)"
    )
    losses: ClassVar[tuple[str, ...]] = ("tevatron", "tevatron-reranker")
    example: ClassVar[str] = """\
# python -m tevatron.retriever.driver.train
#   --dataset_name json --dataset_path {data}/{config}/{split}.jsonl ..."""

    def files(self) -> Sequence[File]:
        """`{split}.jsonl`."""
        return [File(path="{split}.jsonl", table=PASSAGES, rows=self._rows)]

    def _rows(self, part: Part) -> pl.DataFrame:
        return self._nested(part, pl.struct("docid", "title", "text")).select(
            "query",
            query_id="qid",
            positive_passages="positives",
            negative_passages="negatives",
        )


class TevatronIds(_Trained):
    """Lines of ids, and the corpus that has their texts: what Tevatron's second version reads."""

    kind: Literal["tevatron_ids"] = "tevatron_ids"
    columns: ClassVar[str] = (
        "lines for Tevatron 2: query_id, query_text, positive_document_ids, "
        "negative_document_ids (hardest first); and the corpus: docid, title, text"
    )
    losses: ClassVar[tuple[str, ...]] = ("tevatron-2",)
    example: ClassVar[str] = """\
# python -m tevatron.retriever.driver.train
#   --dataset_name json --dataset_path {data}/{config}/{split}.jsonl
#   --corpus_name json --corpus_path {data}/{config}/corpus.jsonl ..."""

    def files(self) -> Sequence[File]:
        """`{split}.jsonl` and `corpus.jsonl`."""
        return [
            File(path="{split}.jsonl", table=IDS, rows=self._rows),
            File(path="corpus.jsonl", table=CORPUS, rows=_corpus, of="corpus"),
        ]

    def _rows(self, part: Part) -> pl.DataFrame:
        return self._nested(part, pl.col("docid")).select(
            query_id="qid",
            query_text="query",
            query_image=pl.lit(None),
            positive_document_ids="positives",
            negative_document_ids="negatives",
        )


class TevatronRerank(Exported):
    """A line for every document of a list, in the retriever's order: what a reranker scores."""

    kind: Literal["tevatron_rerank"] = "tevatron_rerank"
    columns: ClassVar[str] = (
        "lines that Tevatron's reranker scores: query_id, query, docid, title, text (candidates "
        "in the retriever's order)"
    )
    losses: ClassVar[tuple[str, ...]] = ("tevatron-rerank",)
    example: ClassVar[str] = """\
# python -m tevatron.reranker.driver.rerank
#   --dataset_name json --dataset_path {data}/{config}/{split}.jsonl ..."""

    def files(self) -> Sequence[File]:
        """`{split}.jsonl`."""
        return [File(path="{split}.jsonl", table=RERANK, rows=_rerank)]


def _rerank(part: Part) -> pl.DataFrame:
    queries = part.lists.select("qid", "query")
    candidates = part.documents.sort(pl.col("qid").rle_id(), "candidate_rank")
    joined = candidates.join(queries, on="qid", maintain_order="left")
    return joined.select("query", "docid", "title", "text", query_id="qid")


def _corpus(documents: pl.DataFrame) -> pl.DataFrame:
    return documents.select("docid", "title", "text", image=pl.lit(None))
