"""Conversations for supervised fine-tuning with TRL."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.answers import Answers
from rankmill.export.base import File
from rankmill.export.parts import Part
from rankmill.export.prompting import TURNS
from rankmill.export.ranks import turn
from rankmill.tables import Table

COMPLETIONS = Table(name="sft", key=(), columns={"prompt": TURNS, "completion": TURNS})
MESSAGES = Table(name="sft", key=(), columns={"messages": TURNS})


class Sft(Answers):
    """A prompt and what to say to it, as two conversations or one.

    With `prompt_completion` TRL trains on the completion alone; with `messages` on all of it,
    unless told otherwise (`assistant_only_loss`).
    """

    kind: Literal["sft"] = "sft"
    form: Literal["prompt_completion", "messages"] = "prompt_completion"
    columns: ClassVar[str] = (
        "conversations that ask for an order and give it: prompt and completion, or messages"
    )
    losses: ClassVar[tuple[str, ...]] = ("sft", "sft-reasoned")
    example: ClassVar[str] = """\
from datasets import load_dataset
from trl import SFTTrainer

rows = load_dataset("{data}", "{config}", split="{split}")
SFTTrainer(model="Qwen/Qwen3-0.6B", train_dataset=rows).train()"""

    @classmethod
    def suited(cls, loss: str) -> dict[str, str]:
        """With reasoning, for `sft-reasoned`."""
        return {"answer": "reasoned", "name": loss} if loss == "sft-reasoned" else {}

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        table = MESSAGES if self.form == "messages" else COMPLETIONS
        return [File(path="{split}.parquet", table=table, rows=self._rows)]

    def _rows(self, part: Part) -> pl.DataFrame:
        rows = self.answered(part).select("prompt", completion=turn("assistant", pl.col("said")))
        if self.form == "messages":
            return rows.select(messages=pl.concat_list("prompt", "completion"))
        return rows
