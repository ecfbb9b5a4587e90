"""Prompts and gold orders for reinforcement learning with verl."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import File
from rankmill.export.grpo import Rewarded
from rankmill.export.parts import Part
from rankmill.export.prompting import TURNS
from rankmill.export.ranks import numbered
from rankmill.tables import Table

_INFO = {
    "split": pl.String(),
    "index": pl.Int64(),
    "qid": pl.String(),
    "initial_list": pl.List(pl.String),
    "final_list": pl.List(pl.String),
    "relevant_docids": pl.List(pl.String),
    "grades": pl.List(pl.Int32),
}
REWARDS = Table(
    name="verl",
    key=(),
    columns={
        "data_source": pl.String,
        "prompt": TURNS,
        "ability": pl.String,
        "reward_model": pl.Struct({"style": pl.String, "ground_truth": pl.String}),
        "extra_info": pl.Struct(_INFO),
    },
)


class Verl(Rewarded):
    """What verl hands to `compute_score`: data_source, ground_truth and extra_info.

    Every struct has the same fields in all rows, for Parquet has one type a column; so the ground
    truth is text.

    Papers: Sheng et al., "HybridFlow", EuroSys 2025 (verl); Liu et al., "ReasonRank", 2025
    (`permutation`, `data_source` ranking, and what its reward reads of extra_info).

    Attributes:
        data_source: By which a reward is chosen.
        ground_truth: JSON of ranking (places best first, from 1) and grades (in the order shown);
            or the order as a student is to write it.
    """

    kind: Literal["verl"] = "verl"
    data_source: str = "rankmill"
    ground_truth: Literal["json", "permutation"] = "json"
    columns: ClassVar[str] = (
        "data_source, prompt, ability, reward_model (style, ground_truth as text), extra_info "
        "(split, index of the list, qid, initial_list as shown, final_list, relevant_docids, "
        "grades as shown)"
    )
    losses: ClassVar[tuple[str, ...]] = ("verl", "reasonrank-rl")

    @classmethod
    def suited(cls, loss: str) -> dict[str, str]:
        """What ReasonRank's reward reads, for `reasonrank-rl`."""
        ranking = {"data_source": "ranking", "ground_truth": "permutation", "name": loss}
        return ranking if loss == "reasonrank-rl" else {}

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        return [File(path="{split}.parquet", table=REWARDS, rows=self._rows)]

    def _rows(self, part: Part) -> pl.DataFrame:
        final, graded = pl.col("docids").list.gather(pl.col("gold") - 1), pl.col("grades")
        relevant = (pl.element() >= part.policy.positive_grade).arg_true()
        return self.rewarded(part).select(
            "prompt",
            data_source=pl.lit(self.data_source),
            ability=pl.lit("ranking"),
            reward_model=pl.struct(style=pl.lit("rule"), ground_truth=self._truth()),
            extra_info=pl.struct(
                split=pl.lit(part.split),
                index=pl.col("number").cast(pl.Int64),
                qid="qid",
                initial_list="docids",
                final_list=final,
                relevant_docids=pl.col("docids").list.gather(graded.list.eval(relevant)),
                grades="grades",
            ),
        )

    def _truth(self) -> pl.Expr:
        if self.ground_truth == "permutation":
            return numbered("gold")
        return pl.struct(ranking="gold", grades="grades").struct.json_encode()
