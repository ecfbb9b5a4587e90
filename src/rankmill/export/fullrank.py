"""Whole orders of long lists, as FullRank's data has them."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import Exported, File
from rankmill.export.curriculum import importance
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.export.ranks import all_tied
from rankmill.tables import Table

FULL = Table(
    name="fullrank",
    key=("qid",),
    columns={
        "qid": pl.String,
        "initial_list": pl.List(pl.String),
        "final_list": pl.List(pl.String),
        "weights": pl.List(pl.Float64),
    },
)


class FullRank(Exported):
    """A list as it was retrieved and as it is to be, however long, by ids.

    Paper: Liu et al., "Sliding Windows Are Not the End: Exploring Full Ranking with Long-Context
    Large Language Models", ACL 2025 (100 documents in one prompt).
    """

    kind: Literal["fullrank"] = "fullrank"
    columns: ClassVar[str] = (
        "qid, initial_list (as retrieved), final_list (best first), weights (importance of each "
        "rank in the loss)"
    )
    losses: ClassVar[tuple[str, ...]] = ("fullrank",)

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists in which nothing is better than anything else."""
        del policy
        return all_tied(pairs)

    def files(self) -> Sequence[File]:
        """`{split}.jsonl`."""
        return [File(path="{split}.jsonl", table=FULL, rows=_full)]


def _full(part: Part) -> pl.DataFrame:
    lists = part.nested(
        part.documents,
        initial_list=pl.col("docid").sort_by("candidate_rank"),
        final_list="docid",
        weights=importance(pl.int_range(1, pl.len() + 1)),
        levels=pl.col("score").unique(),
    )
    return lists.filter(pl.col("levels").list.len() > 1).select(list(FULL.columns))
