"""Mined negatives in the shapes that trainers read: those of any dataset's exports."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from rankmill.errors import ConfigError
from rankmill.export import AssemblyInput, Export, Exported, Labelled, Policy, Written, kinds, write
from rankmill.mine.collection import Prepared
from rankmill.mine.mined import Mined
from rankmill.mine.spec import Mining
from rankmill.tables import (
    CANDIDATES,
    CLUSTERS,
    DOCUMENTS,
    JUDGMENTS,
    LABELS,
    LISTS,
    QUERIES,
    REJECTIONS,
    Table,
)


def exports_of(names: Sequence[str], spec: Mining) -> list[Exported]:
    """Exports by kind, with as many negatives as are mined.

    Raises:
        ConfigError: There is no such kind.
    """
    known = {one.model_fields["kind"].default: one for one in kinds()}
    found: list[Exported] = []
    for name in names:
        if name not in known:
            raise ConfigError(f"no export {name}; expected one of {', '.join(sorted(known))}")
        said: dict[str, Any] = {"kind": name}
        if "negatives" in known[name].model_fields:
            said["negatives"] = spec.negatives
        if name == "labelled_pairs":
            said["label"] = "binary"
        found.append(TypeAdapter(Export).validate_python(said))
    return found


def write_shapes(
    exports: Sequence[Exported], spec: Mining, prepared: Prepared, mined: Mined, folder: Path
) -> list[Written]:
    """Write every list with its positives, graded 1, and its negatives, graded 0.

    Scores are those of the embedder. Where every positive has negatives of its own, each makes a
    list of its own.
    """
    policy = Policy(positive_grade=1, negative_grade=0, negatives=spec.negatives)
    return write(exports, Labelled(_tables(spec, prepared, mined), policy), folder)


def _tables(spec: Mining, prepared: Prepared, mined: Mined) -> AssemblyInput:
    """The tables of a build in which everything is known but why."""
    pairs = _pairs(spec, mined)
    lists = pairs.select("qid", "asked").unique(maintain_order=True)
    queries = lists.join(prepared.made.read(QUERIES), left_on="asked", right_on="qid")
    documents = pl.scan_parquet(prepared.made.path(DOCUMENTS)).select("docid").collect()
    return AssemblyInput(
        documents=prepared.made.path(DOCUMENTS),
        clusters=_filled(CLUSTERS, documents, cluster=0, similarity=1.0, split="train"),
        queries=_filled(QUERIES, queries),
        candidates=_filled(CANDIDATES, pairs),
        judgments=JUDGMENTS.empty(),
        labels=_filled(LABELS, pairs, score_kind="cosine", votes=1),
        lists=_filled(LISTS, lists, trials=0, weight=1.0, kept=True, reason=""),
        rejections=REJECTIONS.empty(),
    )


def _pairs(spec: Mining, mined: Mined) -> pl.DataFrame:
    """Columns qid (of a list), asked (the query), docid, grade, score, origin and rank.

    Of a list the positives come first, then the negatives, the hardest at first.
    """
    own = spec.positive == "own"
    lists = mined.negatives.select("qid", "positive").unique(maintain_order=True)
    known = mined.positives.rename({"docid": "positive"})
    positives = known.join(lists, on=["qid", "positive"] if own else ["qid"], how="semi").select(
        "qid", "positive", "score", docid="positive", grade=1, origin=pl.lit("given")
    )
    negatives = mined.negatives.select(
        "qid", "positive", "score", "docid", grade=0, origin="origin"
    )
    list_ = pl.format("{}/{}", "qid", "positive") if own else pl.col("qid")
    return (
        pl.concat([positives, negatives], how="diagonal_relaxed")
        .select("docid", "grade", "score", "origin", asked="qid", qid=list_)
        .with_columns(rank=pl.int_range(1, pl.len() + 1).over("qid"))
    )


def _filled(table: Table, rows: pl.DataFrame, **same: object) -> pl.DataFrame:
    """Rows in the columns of a table: some the same in all, and null those that are not there."""
    have = rows.with_columns(pl.lit(value).alias(name) for name, value in same.items())
    missing = [pl.lit(None).alias(name) for name in table.columns if name not in have.columns]
    return table.check(
        have.with_columns(missing).select(list(table.columns)).cast(pl.Schema(table.columns))
    )
