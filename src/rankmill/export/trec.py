"""Qrels and runs for trec_eval, ir_measures and whatever else reads their lines."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.export.unfit import NO_WORD, fit, unfit
from rankmill.tables import Table

QRELS = Table(
    name="qrels",
    key=("qid", "docid"),
    columns={"qid": pl.String, "iteration": pl.Int32, "docid": pl.String, "grade": pl.Int32},
)
RUN = Table(
    name="run",
    key=("qid", "docid"),
    columns={
        "qid": pl.String,
        "q0": pl.String,
        "docid": pl.String,
        "rank": pl.Int32,
        "score": pl.Int32,
        "tag": pl.String,
    },
)


class Trec(Exported):
    """Grades as qrels, and two orders of each list as runs: the teachers' and the retriever's.

    trec_eval sorts by score and breaks ties by docid, so the scores of a run count down from the
    length of the list; the teachers' own are in the config `lists`.

    Attributes:
        tag: Names the runs, with `-teacher` and `-retriever`.
    """

    kind: Literal["trec"] = "trec"
    columns: ClassVar[str] = (
        "lines of trec_eval: qrels, a run in the teachers' order and one in the retriever's"
    )
    losses: ClassVar[tuple[str, ...]] = ("trec_eval", "ir_measures")
    example: ClassVar[str] = """\
import ir_measures
from ir_measures import nDCG

qrels = list(ir_measures.read_trec_qrels("{data}/{config}/qrels.{split}.txt"))
run = ir_measures.read_trec_run("{data}/{config}/retriever.{split}.txt")
found = ir_measures.calc_aggregate([nDCG @ 10], qrels, run)"""
    tag: str = Field(default="rankmill", pattern=r"^[\w.-]+$")

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists whose ids would break a line."""
        del policy
        return unfit(pairs, NO_WORD, "a space or a quote")

    def files(self) -> Sequence[File]:
        """`qrels.{split}.txt`, `teacher.{split}.txt` and `retriever.{split}.txt`."""
        return [
            File(path="qrels.{split}.txt", table=QRELS, rows=_qrels),
            File(path="teacher.{split}.txt", table=RUN, rows=self._teacher),
            File(path="retriever.{split}.txt", table=RUN, rows=self._retriever),
        ]

    def _teacher(self, part: Part) -> pl.DataFrame:
        return self._run(_fit(part), "rank", "teacher")

    def _retriever(self, part: Part) -> pl.DataFrame:
        return self._run(_fit(part), "candidate_rank", "retriever")

    def _run(self, documents: pl.DataFrame, order: str, whose: str) -> pl.DataFrame:
        """Lines by list and place; `order` is sorted by, and may have gaps."""
        rank = pl.col(order).rank("ordinal").over("qid").cast(pl.Int32)
        ranked = documents.with_columns(rank=rank, depth=pl.len().over("qid").cast(pl.Int32))
        return ranked.sort(pl.col("qid").rle_id(), "rank").select(
            "qid",
            "docid",
            "rank",
            q0=pl.lit("Q0"),
            score=pl.col("depth") - pl.col("rank") + 1,
            tag=pl.lit(f"{self.tag}-{whose}"),
        )


def _qrels(part: Part) -> pl.DataFrame:
    return _fit(part).select("qid", "docid", "grade", iteration=pl.lit(0, pl.Int32))


def _fit(part: Part) -> pl.DataFrame:
    return fit(part.documents, NO_WORD, "qid", "docid")
