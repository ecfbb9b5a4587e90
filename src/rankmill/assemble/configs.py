"""The configs of a dataset folder: their columns, in the order in which trainers read them.

sentence-transformers takes the column `labels` as the target and every other column as an input,
by position. So `triplets` and `listwise` hold texts alone; the ids of `listwise`, row by row, are
in `lists`.
"""

import polars as pl

from rankmill.tables import DOCUMENTS, JUDGMENTS, LISTS, QUERIES, REJECTIONS, Schema, Table


def _without(table: Table, *names: str) -> Schema:
    """The columns of a table, less some."""
    return {name: kind for name, kind in table.columns.items() if name not in names}


LISTWISE = Table(
    name="listwise",
    key=(),
    columns={
        "query": pl.String,
        "docs": pl.List(pl.String),
        "labels": pl.List(pl.Float32),
    },
)
TRIPLETS = Table(
    name="triplets",
    key=(),
    columns={"anchor": pl.String, "positive": pl.String, "negative": pl.String},
)
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
        **_without(LISTS, "qid", "kept", "reason"),
    },
    nullable=LISTS.nullable,
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

GROUPS = Table(
    name="groups",
    key=("qid", "group"),
    columns={
        "qid": pl.String,
        "group": pl.Int32,
        "docids": pl.List(pl.String),
        "scores": pl.List(pl.Float64),
        "grades": pl.List(pl.Int32),
    },
)

CONFIGS = (
    LISTWISE,
    LIST_IDS,
    TRIPLETS,
    GROUPS,
    CORPUS,
    KEPT_QUERIES,
    QRELS,
    READINGS,
    REJECTIONS,
)
"""In the order of the card. The first is the one that loads when none is named."""

REJECTED = "rejected"
"""The only split of `rejections`; what was rejected early belongs to none of the others."""
