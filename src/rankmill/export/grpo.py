"""Prompts and gold orders for GRPO with TRL."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import File
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.export.prompting import TURNS
from rankmill.export.ranks import Ranks
from rankmill.tables import Table

GOLD = Table(
    name="grpo",
    key=("id",),
    columns={
        "prompt": TURNS,
        "id": pl.String,
        "docids": pl.List(pl.String),
        "gold": pl.List(pl.Int32),
        "grades": pl.List(pl.Int32),
    },
)


class Rewarded(Ranks):
    """Windows in which something is relevant, so that a reward can tell orders apart.

    The student is asked to think first. A window without a positive is left out.

    Papers: Shao et al., "DeepSeekMath", 2024 (GRPO); Liu et al., "ReasonRank", 2025 (rewards of
    whole rankings).
    """

    @property
    def fitting(self) -> str:
        """The prompt that asks for reasoning and an order."""
        return "labels/listwise_reasoned"

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists without an order or a positive."""
        found = [super().missing(pairs, policy), policy.lacking(pairs, negatives=0)]
        return pl.concat(found).unique("id", keep="first", maintain_order=True)

    def rewarded(self, part: Part) -> pl.DataFrame:
        """The rows of `Ranks.asked` that have a positive."""
        relevant = pl.col("grades").list.max() >= part.policy.positive_grade
        return self.asked_windows(part).filter(relevant)


class Grpo(Rewarded):
    """A prompt; every other column goes to TRL's reward functions by its name."""

    kind: Literal["grpo"] = "grpo"
    columns: ClassVar[str] = (
        "prompt; id (of the list and its window), docids and grades in the order shown, gold "
        "(places best first, from 1): all go to the reward functions"
    )
    losses: ClassVar[tuple[str, ...]] = ("grpo",)
    example: ClassVar[str] = '''\
import re
from math import log2

from datasets import load_dataset
from trl import GRPOTrainer


def ndcg(completions, grades, **columns):
    """What the order inside <answer></answer> gains, of what the best one would."""

    def gain(ordered):
        return sum((2**grade - 1) / log2(place + 2) for place, grade in enumerate(ordered))

    def reward(text, graded):
        said = re.search(r"<answer>(.*)</answer>", text, re.DOTALL)
        places = [int(place) for place in re.findall(r"\\[(\\d+)\\]", said[1])] if said else []
        if sorted(places) != list(range(1, len(graded) + 1)):
            return 0.0
        return gain(graded[place - 1] for place in places) / gain(sorted(graded, reverse=True))

    return [reward(turns[0]["content"], graded) for turns, graded in zip(completions, grades)]


rows = load_dataset("{data}", "{config}", split="{split}")
GRPOTrainer(model="Qwen/Qwen3-0.6B", reward_funcs=ndcg, train_dataset=rows).train()'''

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        return [File(path="{split}.parquet", table=GOLD, rows=self._rows)]

    def _rows(self, part: Part) -> pl.DataFrame:
        return self.rewarded(part).select(list(GOLD.columns))
