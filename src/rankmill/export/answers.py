"""What a student is to say: the order alone, or the thought that led to it and the order."""

from typing import Literal

import polars as pl

from rankmill.export.orders import silent, thought_through
from rankmill.export.parts import Labelled, Part
from rankmill.export.ranks import Ranks, all_tied, numbered


class Answers(Ranks):
    """Prompts with answers, for supervised fine-tuning.

    Reasoning is that of the reading nearest the consensus. It names documents by the places in
    which that teacher saw them and leads to that teacher's order, so a reasoned row shows and
    orders them so, whatever `order` and `most` say.

    Papers: Liu et al., "ReasonRank", 2025 (reasoning and order); Sun et al., "Is ChatGPT Good at
    Search?", EMNLP 2023 (the order alone).

    Attributes:
        answer: The consensus alone, or a teacher's reasoning and its order.
    """

    answer: Literal["ranking", "reasoned"] = "ranking"

    @property
    def fitting(self) -> str:
        """The prompt that asks for such an answer."""
        return "labels/listwise" if self.answer == "ranking" else "labels/listwise_reasoned"

    def unusable(self, labelled: Labelled) -> pl.DataFrame:
        """Lists without an order, or without reasoning where that is wanted."""
        found = [all_tied(labelled.pairs)]
        if self.answer == "reasoned":
            found.append(silent(labelled))
        return pl.concat(found).unique("id", keep="first", maintain_order=True)

    def answered(self, part: Part) -> pl.DataFrame:
        """The columns of `Ranks.asked`, and `said`: the answer."""
        if self.answer == "ranking":
            return self.asked_windows(part).with_columns(said=numbered("gold"))
        order = pl.format("<answer>{}</answer>", numbered("gold"))
        thought = pl.format("<think>{}</think>\n{}", "reasoning", order)
        return self.asked(part, thought_through(part, self.documents(part))).with_columns(
            said=thought
        )
