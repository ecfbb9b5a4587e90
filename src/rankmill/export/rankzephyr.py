"""Conversations for the trainers of RankZephyr and FIRST."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import File
from rankmill.export.parts import Part
from rankmill.export.prompting import system_and_user
from rankmill.export.ranks import Ranks, lettered, numbered
from rankmill.tables import Table

SAID = pl.Struct({"from": pl.String, "value": pl.String})
CONVERSATIONS = Table(
    name="rankzephyr",
    key=("id",),
    columns={
        "id": pl.String,
        "conversations": pl.List(SAID),
        "docids": pl.List(pl.String),
        "scores": pl.List(pl.Float64),
    },
)


class RankZephyr(Ranks):
    """System, human and gpt; what gpt says is the order and nothing else.

    RankLLM's trainer reads a file with `json.load`, so it is one array. Its objectives `ranking`
    and `combined` read ranks by letter, from A without a gap, and know 20 of them; `generation`
    takes what it finds. It puts the chat template and the opening bracket there itself.

    Papers: Pradeep et al., "RankZephyr", 2023; Reddy et al., "FIRST", EMNLP 2024 (letters).

    Attributes:
        most: Documents of a row: no more than there are letters.
        identifiers: Letters for the objectives `ranking` and `combined`; numbers for `generation`.
    """

    kind: Literal["rankzephyr"] = "rankzephyr"
    most: int = Field(default=20, ge=3, le=20)
    identifiers: Literal["letters", "numbers"] = "letters"
    columns: ClassVar[str] = (
        "conversations for the trainer of RankZephyr and FIRST; docids and consensus scores in "
        "the order shown"
    )
    losses: ClassVar[tuple[str, ...]] = ("first", "rankzephyr", "rankzephyr-generation")

    @classmethod
    def suited(cls, loss: str) -> dict[str, str]:
        """Letters, but for the objective `generation`."""
        return {"identifiers": "numbers"} if loss == "rankzephyr-generation" else {}

    @property
    def fitting(self) -> str:
        """The prompt that asks for such identifiers."""
        numbers = self.identifiers == "numbers"
        return "labels/listwise" if numbers else "exports/listwise_letters"

    @property
    def variables(self) -> frozenset[str]:
        """Letters must be shown to be named."""
        labels = {"labels"} if self.identifiers == "letters" else set[str]()
        return frozenset({"query", "documents"} | labels)

    def files(self) -> Sequence[File]:
        """`{split}.json`, an array."""
        return [File(path="{split}.json", table=CONVERSATIONS, rows=self._conversations)]

    def _conversations(self, part: Part) -> pl.DataFrame:
        rows = self.asked_windows(part)
        said = rows.hstack(system_and_user(self.found(part), rows["prompt"]))
        order = numbered("gold") if self.identifiers == "numbers" else lettered("gold")
        turns = {"system": pl.col("system"), "human": pl.col("user"), "gpt": order}
        conversation = [
            pl.struct(pl.lit(role).alias("from"), value.alias("value"))
            for role, value in turns.items()
        ]
        return said.select("id", "docids", "scores", conversations=pl.concat_list(conversation))
