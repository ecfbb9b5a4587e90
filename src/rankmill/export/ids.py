"""The configs of every dataset, keyed by ids: what all exports can be made from again."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import Exported, File
from rankmill.export.curriculum import FORMULAS, importance
from rankmill.export.parts import Part
from rankmill.tables import DOCUMENTS, JUDGMENTS, LISTS, QUERIES, Schema, Table


def _without(table: Table, *names: str) -> Schema:
    """The columns of a table, less some."""
    return {name: kind for name, kind in table.columns.items() if name not in names}


LIST_IDS = Table(
    name="lists",
    key=("qid",),
    columns={
        "qid": pl.String,
        "docids": pl.List(pl.String),
        "grades": pl.List(pl.Int32),
        "scores": pl.List(pl.Float64),
        "score_kind": pl.String,
        "stderrs": pl.List(pl.Float64),
        "votes": pl.List(pl.Int32),
        "candidate_ranks": pl.List(pl.Int32),
        "origins": pl.List(pl.String),
        "false_negatives": pl.List(pl.Boolean),
        "importances": pl.List(pl.Float64),
        **_without(LISTS, "qid", "kept", "reason"),
        **dict.fromkeys(FORMULAS, pl.Float64),
        "round": pl.Int32,
        "order_index": pl.Int64,
    },
    nullable=LISTS.nullable | set(FORMULAS),
)
CORPUS = Table(
    name="corpus",
    key=("docid",),
    columns={**_without(DOCUMENTS, "sha256"), "cluster": pl.Int32},
    nullable=DOCUMENTS.nullable,
)
KEPT_QUERIES = Table(
    name="queries",
    key=("qid",),
    columns=_without(QUERIES, "split"),
    nullable=QUERIES.nullable,
)
QRELS = Table(
    name="qrels",
    key=("qid", "docid"),
    columns={"qid": pl.String, "docid": pl.String, "grade": pl.Int32},
)
READINGS = Table(
    name="judgments",
    key=JUDGMENTS.key,
    columns={**JUDGMENTS.columns, "nearest_mean": pl.Boolean},
    nullable=JUDGMENTS.nullable | {"nearest_mean"},
)
COLUMNS = {
    LIST_IDS.name: "qid, docids best first, grades, consensus scores, and how sure they are",
    CORPUS.name: "every document, with its source, licence and cluster",
    KEPT_QUERIES.name: "every query, the document it was written from, its teacher and prompt",
    QRELS.name: "qid, docid, grade: every label",
    READINGS.name: (
        "every reading of every teacher behind the labels, valid or not; `nearest_mean` marks the "
        "one of a document's repeated scores whose reasoning stands for all"
    ),
}
"""What the rows of each hold, in a few words for the card."""


class Ids(Exported):
    """Lists, corpus, queries, qrels and judgments, each a config of its own."""

    kind: Literal["ids"] = "ids"
    columns: ClassVar[str] = "lists, corpus, queries, qrels and judgments by ids"

    @property
    def folder(self) -> str:
        """None: each of its files has its own."""
        return ""

    def files(self) -> Sequence[File]:
        """One Parquet file for each table and split."""
        return [
            File(path=_path(LIST_IDS), table=LIST_IDS, rows=_lists),
            File(path=_path(CORPUS), table=CORPUS, rows=_corpus, of="corpus", alone=True),
            File(path=_path(KEPT_QUERIES), table=KEPT_QUERIES, rows=_queries),
            File(path=_path(QRELS), table=QRELS, rows=_qrels),
            File(path=_path(READINGS), table=READINGS, rows=_marked),
        ]


def _path(table: Table) -> str:
    return f"{table.name}/{{split}}.parquet"


def _lists(part: Part) -> pl.DataFrame:
    lists = part.nested(
        part.documents,
        docids="docid",
        grades="grade",
        scores="score",
        stderrs="stderr",
        votes="votes",
        candidate_ranks="candidate_rank",
        origins="origin",
        false_negatives="false_negative",
        importances=importance(pl.col("rank")),
    )
    order = pl.col("number").cast(pl.Int64).alias("order_index")
    return lists.with_columns(order).select(list(LIST_IDS.columns))


def _corpus(documents: pl.DataFrame) -> pl.DataFrame:
    return documents.select(list(CORPUS.columns))


def _queries(part: Part) -> pl.DataFrame:
    said = {"text": "query", "difficulty": "query_difficulty"}
    return part.lists.with_columns(**said).select(list(KEPT_QUERIES.columns))


def _qrels(part: Part) -> pl.DataFrame:
    return part.documents.select(list(QRELS.columns))


def _marked(part: Part) -> pl.DataFrame:
    """The readings, and of repeated scores of a document which is nearest their mean.

    The reasoning of that one stands for all of them (Cai et al., "ERank", 2025); of equally near
    ones it is the first trial's.
    """
    score, document = pl.col("scores").list.first(), pl.col("shown").list.first()
    asked = ["qid", "view", document]
    distance = pl.when(question="score").then((score - score.mean().over(asked)).abs())
    repeated = distance.count().over(asked) > 1
    nearest = distance.rank("ordinal").over(asked) == 1
    return part.judgments.with_columns(nearest_mean=pl.when(repeated).then(nearest))
