"""Preferences between documents of one query, for reward models with TRL."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.export.prompting import TURNS, as_data, conversations
from rankmill.export.ranks import turn
from rankmill.label.label import QUERY_LIMIT
from rankmill.prompts import find
from rankmill.tables import Table

PREFERRED = Table(
    name="reward", key=(), columns={"prompt": TURNS, "chosen": TURNS, "rejected": TURNS}
)
_VARIABLES = frozenset({"query"})


class Reward(Exported):
    """Every positive is preferred to every negative of its query; each is a text, not an order.

    What is trained so scores one document for one query: a pointwise reranker. For a model that
    scores orders, TRL's reward trainer reads the rows of `dpo`.

    Attributes:
        prompt: The prompt file.
        excerpt: Characters of a document's beginning.
        margin: Whether a column of that name says by how many grades the one is better than the
            other. TRL's loss asks for as large a difference of rewards if it is there.
    """

    kind: Literal["reward"] = "reward"
    prompt: str = "exports/passage"
    excerpt: int = Field(default=2000, ge=20)
    margin: bool = False
    columns: ClassVar[str] = (
        "prompt (the query); chosen and rejected: a positive and a negative document as answers"
    )
    losses: ClassVar[tuple[str, ...]] = ("reward",)
    example: ClassVar[str] = """\
from datasets import load_dataset
from trl import RewardTrainer

rows = load_dataset("{data}", "{config}", split="{split}")
RewardTrainer(model="Qwen/Qwen3-0.6B", train_dataset=rows).train()"""

    @property
    def prompts(self) -> Mapping[str, frozenset[str]]:
        """Its prompt, which must fill in a query."""
        return {self.prompt: _VARIABLES}

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists without a positive or a negative."""
        return policy.lacking(pairs)

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        return [File(path="{split}.parquet", table=self._table, rows=self._preferred)]

    @property
    def _table(self) -> Table:
        margin = {"margin": pl.Float64()} if self.margin else {}
        return Table(name="reward", key=(), columns={**PREFERRED.columns, **margin})

    def _preferred(self, part: Part) -> pl.DataFrame:
        query = as_data(part.lists["query"], limit=QUERY_LIMIT)
        asked = part.lists.select("qid", query, documents=pl.lit([], dtype=pl.List(pl.String)))
        prompt = conversations(find(self.prompt, part.prompt_folders), _VARIABLES, asked)
        positives, negatives = self._beginnings(part.positives), self._beginnings(part.negatives)
        text = turn("assistant", pl.col("words"))
        pairs = (
            positives.select("qid", better="grade", chosen=text)
            .join(asked.select("qid", prompt=prompt), on="qid", maintain_order="left")
            .join(
                negatives.select("qid", worse="grade", rejected=text),
                on="qid",
                maintain_order="left_right",
            )
        )
        margin = (pl.col("better") - pl.col("worse")).cast(pl.Float64)
        return pairs.with_columns(margin=margin).select(list(self._table.columns))

    def _beginnings(self, documents: pl.DataFrame) -> pl.DataFrame:
        return documents.with_columns(words=as_data(documents["words"], limit=self.excerpt))
