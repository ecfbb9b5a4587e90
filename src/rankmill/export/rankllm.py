"""Requests for RankLLM: queries with candidates that are to be reranked."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.tables import Table

REQUESTS = Table(
    name="rankllm",
    key=(),
    columns={
        "query": pl.Struct({"text": pl.String, "qid": pl.String}),
        "candidates": pl.List(
            pl.Struct(
                {
                    "docid": pl.String,
                    "score": pl.Float64,
                    "doc": pl.Struct({"title": pl.String, "text": pl.String}),
                }
            )
        ),
    },
)


class RankLLM(Exported):
    """Queries and candidates, as RankLLM reads them and writes them again.

    Attributes:
        order: Of candidates: that of the retriever with its scores, for a reranker to work on; or
            that of the labels with theirs, to be compared with what a reranker made of them.
        form: Lines of JSON, or one array.
    """

    kind: Literal["rankllm"] = "rankllm"
    order: Literal["retrieved", "labelled"] = "retrieved"
    form: Literal["jsonl", "json"] = "jsonl"
    columns: ClassVar[str] = (
        "requests of RankLLM: query (text, qid) and candidates (docid, score, doc)"
    )
    losses: ClassVar[tuple[str, ...]] = ("rankllm", "rank_llm")
    example: ClassVar[str] = """\
from rank_llm.data import read_requests_from_file

requests = read_requests_from_file("{data}/{config}/{split}.jsonl")"""

    def files(self) -> Sequence[File]:
        """`{split}.jsonl` or `{split}.json`."""
        return [File(path=f"{{split}}.{self.form}", table=REQUESTS, rows=self._requests)]

    def _requests(self, part: Part) -> pl.DataFrame:
        retrieved = self.order == "retrieved"
        score = pl.col("candidate_score" if retrieved else "score")
        place = "candidate_rank" if retrieved else "rank"
        candidate = pl.struct("docid", score=score, doc=pl.struct("title", "text"))
        lists = part.nested(part.documents, candidates=candidate.sort_by(place))
        return lists.select("candidates", query=pl.struct(text="query", qid="qid"))
