"""Preferences between orders of one list, for DPO with TRL."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import File
from rankmill.export.orders import ASKED, against, ordered
from rankmill.export.parts import Part
from rankmill.export.prompting import TURNS
from rankmill.export.ranks import Ranks, numbered, turn
from rankmill.tables import Table

PREFERENCES = Table(
    name="dpo",
    key=(),
    columns={"prompt": TURNS, "chosen": TURNS, "rejected": TURNS, "rejected_from": pl.String},
)


class Dpo(Ranks):
    """The consensus is preferred to the worst order of the same documents that a teacher gave.

    The worst has the lowest Kendall's tau with the consensus; an order can be one of grades or
    probabilities, where these tell all documents apart. Where no teacher has put a pair of
    the documents the other way round, the consensus with its best document last is rejected; the
    column `rejected_from` says which it was. TRL's reward trainer reads these rows, too.

    Paper: Rafailov et al., "Direct Preference Optimization", NeurIPS 2023.
    """

    kind: Literal["dpo"] = "dpo"
    columns: ClassVar[str] = (
        "prompt; chosen, the consensus; rejected, an order that is worse; rejected_from: "
        "`teacher`, who really gave it, or `corruption`, the consensus with its best document last"
    )
    losses: ClassVar[tuple[str, ...]] = ("dpo",)
    example: ClassVar[str] = """\
from datasets import load_dataset
from trl import DPOTrainer

rows = load_dataset("{data}", "{config}", split="{split}")
DPOTrainer(model="Qwen/Qwen3-0.6B", train_dataset=rows).train()"""

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        return [File(path="{split}.parquet", table=PREFERENCES, rows=self._preferences)]

    def _preferences(self, part: Part) -> pl.DataFrame:
        rows = self.asked_windows(part)
        worst = rows.join(
            _worst(part, rows), on=["qid", "window"], how="left", maintain_order="left"
        )
        gold = pl.col("gold")
        best_last = pl.concat_list(gold.list.slice(1), gold.list.first())
        known = pl.col("given").is_not_null()
        said = worst.with_columns(
            worse=pl.coalesce("given", best_last),
            rejected_from=pl.when(known).then(pl.lit("teacher")).otherwise(pl.lit("corruption")),
        )
        return said.select(
            "prompt",
            "rejected_from",
            chosen=turn("assistant", numbered("gold")),
            rejected=turn("assistant", numbered("worse")),
        )


def _worst(part: Part, rows: pl.DataFrame) -> pl.DataFrame:
    """The worst order of a window's documents that a teacher gave, where one is not the consensus.

    Args:
        part: Has the judgments.
        rows: Of `Ranks.windows`.

    Returns:
        Columns qid, window and given: places in the order shown, from 1.
    """
    here, one = ["qid", "window"], [*ASKED, "window"]
    place = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(here)
    places = rows.select(*here, docid="docids").explode("docid").with_columns(place=place)
    gave = ordered(part.judgments).select(*ASKED, docid="ranked").explode("docid")
    orders = gave.join(places, on=["qid", "docid"], maintain_order="left")
    sizes = rows.select(*here, size=pl.col("gold").list.len())
    found = against(orders, part.documents, one).join(sizes, on=here, maintain_order="left")
    worse = found.filter(pl.col("documents") == pl.col("size"), pl.col("wrong") > 0)
    worst = worse.sort(*here, pl.col("wrong").neg(), *ASKED[1:]).unique(here, keep="first")
    return (
        orders.join(worst, on=one, how="semi", maintain_order="left")
        .group_by(here, maintain_order=True)
        .agg(given="place")
    )
