"""Lists with the reasoning that ordered them, as ReasonRank's data has them."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import Exported, File
from rankmill.export.orders import silent, thought_through
from rankmill.export.parts import Labelled, Part
from rankmill.export.ranks import all_tied
from rankmill.tables import Table

REASONED = Table(
    name="reasonrank",
    key=("qid",),
    columns={
        "dataset": pl.String,
        "qid": pl.String,
        "initial_list": pl.List(pl.String),
        "final_list": pl.List(pl.String),
        "reasoning": pl.String,
        "relevant_docids": pl.List(pl.String),
    },
)


class ReasonRank(Exported):
    """A list as a teacher saw it, what it thought, and the order it came to.

    Of a list's readings with reasoning it is the one nearest the consensus, and its own order, to
    which the reasoning leads. The relevant documents are the positives of the consensus. Texts
    are in the configs `queries` and `corpus`. For rows to train on, ask for `reasonrank-sft` and
    `reasonrank-rl`.

    Paper: Liu et al., "ReasonRank", 2025.

    Attributes:
        dataset: Goes into every row; ReasonRank's reader finds a row's texts by it.
    """

    kind: Literal["reasonrank"] = "reasonrank"
    dataset: str = "rankmill"
    columns: ClassVar[str] = (
        "dataset, qid, initial_list (as a teacher saw it), final_list (as it ordered it), "
        "reasoning, relevant_docids"
    )
    losses: ClassVar[tuple[str, ...]] = ("reasonrank",)

    def unusable(self, labelled: Labelled) -> pl.DataFrame:
        """Lists without reasoning, a relevant document, or an order."""
        irrelevant = labelled.policy.lacking(labelled.pairs, negatives=0)
        found = [all_tied(labelled.pairs), irrelevant, silent(labelled)]
        return pl.concat(found).unique("id", keep="first", maintain_order=True)

    def files(self) -> Sequence[File]:
        """`{split}.jsonl`."""
        return [File(path="{split}.jsonl", table=REASONED, rows=self._reasoned)]

    def _reasoned(self, part: Part) -> pl.DataFrame:
        relevant = part.nested(part.positives, relevant_docids="docid")
        rows = thought_through(part, part.documents).join(
            relevant.select("qid", "relevant_docids"), on="qid", maintain_order="left"
        )
        return rows.filter(pl.col("relevant_docids").list.len() > 0).select(
            "qid",
            "reasoning",
            "relevant_docids",
            dataset=pl.lit(self.dataset),
            initial_list="docids",
            final_list=pl.col("docids").list.gather(pl.col("gold") - 1),
        )
