"""The tables between stages: their columns, their keys, and a check of both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from rankmill.errors import TableError

Schema = Mapping[str, type[pl.DataType] | pl.DataType]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A contract. A column that is not declared is refused, as is a missing or retyped one.

    Attributes:
        key: Columns that together name a row.
        columns: Declared columns, in order.
        nullable: Columns that may hold nulls.
    """

    name: str
    key: tuple[str, ...]
    columns: Schema
    nullable: frozenset[str] = field(default_factory=frozenset)

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return `frame` with its columns in the declared order.

        Raises:
            TableError: Columns differ from the declared ones, a key repeats, or a null stands
                where none may.
        """
        expected = pl.Schema(self.columns)
        found = {name: frame.schema.get(name) for name in {**expected, **frame.schema}}
        wrong = {name: kind for name, kind in found.items() if kind != expected.get(name)}
        if wrong:
            raise TableError(f"{self.name}: expected {dict(expected)}, got {wrong}")
        holes = [
            name
            for name in expected
            if name not in self.nullable and frame.get_column(name).null_count()
        ]
        if holes:
            raise TableError(f"{self.name}: null in {holes}, expected a value in every row")
        if self.key and frame.select(self.key).is_duplicated().any():
            raise TableError(f"{self.name}: {self.key} is not unique")
        return frame.select(list(expected))

    def empty(self) -> pl.DataFrame:
        """The table without rows."""
        return pl.DataFrame(schema=self.columns)

    def frame(self, rows: Iterable[Sequence[Any]]) -> pl.DataFrame:
        """A frame of rows whose values stand in the order of the columns.

        Nullable columns at the end may be left out; they are null then.
        """
        width = len(self.columns)
        whole = [(*row, *[None] * (width - len(row))) for row in rows]
        return pl.DataFrame(whole, schema=self.columns, orient="row")


DOCUMENTS = Table(
    name="documents",
    key=("docid",),
    columns={
        "docid": pl.String,
        "title": pl.String,
        "text": pl.String,
        "source": pl.String,
        "parent": pl.String,
        "licence": pl.String,
        "lang": pl.String,
        "sha256": pl.String,
        "headings": pl.String,
    },
    nullable=frozenset({"parent", "licence", "lang", "headings"}),
)
KEPT = Table(name="kept", key=("docid",), columns={"docid": pl.String})
QUALITY = Table(
    name="quality",
    key=("docid",),
    columns={"docid": pl.String, "score": pl.Float64, "judged": pl.Boolean},
)
CLUSTERS = Table(
    name="clusters",
    key=("docid",),
    columns={
        "docid": pl.String,
        "cluster": pl.Int32,
        "similarity": pl.Float32,
        "split": pl.String,
    },
)
SEEDS = Table(
    name="seeds",
    key=("docid",),
    columns={
        "docid": pl.String,
        "cluster": pl.Int32,
        "segment": pl.String,
        "start": pl.Int32,
        "end": pl.Int32,
    },
    nullable=frozenset({"segment", "start", "end"}),
)
QUERIES = Table(
    name="queries",
    key=("qid",),
    columns={
        "qid": pl.String,
        "text": pl.String,
        "kind": pl.String,
        "source_docid": pl.String,
        "cluster": pl.Int32,
        "split": pl.String,
        "prompt": pl.String,
        "teacher": pl.String,
        "request": pl.String,
        "lang": pl.String,
        "persona": pl.String,
        "difficulty": pl.String,
        "length": pl.String,
        "segment": pl.String,
        "start": pl.Int32,
        "end": pl.Int32,
        "related_docid": pl.String,
        "rewrite": pl.String,
        "answer_docids": pl.List(pl.String),
    },
    nullable=frozenset(
        {
            "source_docid",
            "lang",
            "persona",
            "difficulty",
            "length",
            "segment",
            "start",
            "end",
            "related_docid",
            "rewrite",
            "answer_docids",
        }
    ),
)
REQUESTS = Table(
    name="requests",
    key=("teacher", "request"),
    columns={"teacher": pl.String, "request": pl.String},
)
SCREENED = Table(
    name="screened",
    key=(),
    columns={
        "step": pl.Int32,
        "screen": pl.String,
        "kind": pl.String,
        "lang": pl.String,
        "difficulty": pl.String,
        "length": pl.String,
        "segment": pl.String,
        "read": pl.Int32,
        "kept": pl.Int32,
    },
    nullable=frozenset({"lang", "difficulty", "length", "segment"}),
)
CANDIDATES = Table(
    name="candidates",
    key=("qid", "docid"),
    columns={
        "qid": pl.String,
        "docid": pl.String,
        "rank": pl.Int32,
        "score": pl.Float64,
        "origin": pl.String,
        "bm25_rank": pl.Int32,
        "dense_rank": pl.Int32,
        "other_ranks": pl.List(pl.Struct({"retriever": pl.String, "rank": pl.Int32})),
    },
    nullable=frozenset({"bm25_rank", "dense_rank", "other_ranks"}),
)
JUDGMENTS = Table(
    name="judgments",
    key=("qid", "view", "trial", "step"),
    columns={
        "qid": pl.String,
        "view": pl.String,
        "trial": pl.Int32,
        "step": pl.Int32,
        "question": pl.String,
        "shown": pl.List(pl.String),
        "ranked": pl.List(pl.String),
        "scores": pl.List(pl.Float64),
        "score_kind": pl.String,
        "reasoning": pl.String,
        "status": pl.String,
        "detail": pl.String,
        "prompt": pl.String,
        "teacher": pl.String,
        "request": pl.String,
    },
    nullable=frozenset({"ranked", "scores", "score_kind", "reasoning"}),
)
LABELS = Table(
    name="labels",
    key=("qid", "docid"),
    columns={
        "qid": pl.String,
        "docid": pl.String,
        "rank": pl.Int32,
        "score": pl.Float64,
        "score_kind": pl.String,
        "grade": pl.Int32,
        "stderr": pl.Float64,
        "votes": pl.Int32,
    },
    nullable=frozenset({"stderr"}),
)
LISTS = Table(
    name="lists",
    key=("qid",),
    columns={
        "qid": pl.String,
        "trials": pl.Int32,
        "tau": pl.Float64,
        "w": pl.Float64,
        "rbo": pl.Float64,
        "top1_agreement": pl.Float64,
        "topk_agreement": pl.Float64,
        "view_tau": pl.Float64,
        "difficulty": pl.Float64,
        "weight": pl.Float64,
        "stopped": pl.String,
        "source_rank": pl.Int32,
        "kept": pl.Boolean,
        "reason": pl.String,
    },
    nullable=frozenset(
        {
            "tau",
            "w",
            "rbo",
            "top1_agreement",
            "topk_agreement",
            "view_tau",
            "difficulty",
            "stopped",
            "source_rank",
        }
    ),
)
REJECTIONS = Table(
    name="rejections",
    key=(),
    columns={"stage": pl.String, "id": pl.String, "rule": pl.String, "detail": pl.String},
)
CONTAMINATION = Table(
    name="contamination",
    key=(),
    columns={
        "collection": pl.String,
        "what": pl.String,
        "id": pl.String,
        "rule": pl.String,
        "detail": pl.String,
    },
)
REVIEWS = Table(
    name="reviews",
    key=("reviewer", "qid", "docid", "shown", "blind"),
    columns={
        "reviewer": pl.String,
        "qid": pl.String,
        "docid": pl.String,
        "verdict": pl.String,
        "grade": pl.Int32,
        "teacher_grade": pl.Int32,
        "blind": pl.Boolean,
        "docids": pl.List(pl.String),
        "shown": pl.String,
        "note": pl.String,
        "at": pl.Datetime("ms", "UTC"),
    },
    nullable=frozenset({"docid", "verdict", "grade", "teacher_grade", "docids"}),
)
