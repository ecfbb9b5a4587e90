"""Groups with prompts and grades, as GroupRank trains on them."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import File
from rankmill.export.groups import Sampled
from rankmill.export.parts import Part
from rankmill.export.prompting import as_data, conversations, system_and_user
from rankmill.export.ranks import beginnings
from rankmill.label.label import QUERY_LIMIT
from rankmill.prompts import find
from rankmill.tables import Table

GRADED = Table(
    name="grouprank",
    key=("item_id",),
    columns={
        "item_id": pl.String,
        "query": pl.String,
        "system": pl.String,
        "instruction": pl.String,
        "output": pl.String,
        "docids": pl.List(pl.String),
        "scores": pl.List(pl.Float64),
    },
)
_VARIABLES = frozenset({"query", "documents", "highest"})


class GroupRank(Sampled):
    """The groups of `groups`, each with a prompt that asks for grades, and the grades.

    A student learns the grades of the labels, from 0 to the highest of the build; the consensus
    scores go along, and are on another scale. A group is shown in random order.

    Paper: Sun et al., "GroupRank: A Groupwise Reranking Paradigm Driven by Reinforcement
    Learning", 2025.

    Attributes:
        prompt: The prompt file.
        excerpt: Characters of a document's beginning that are shown.
    """

    kind: Literal["grouprank"] = "grouprank"
    prompt: str = "labels/groupwise"
    excerpt: int = Field(default=400, ge=20)
    columns: ClassVar[str] = (
        "item_id, query, system, instruction, output (JSON: a grade for every identifier); docids "
        "and consensus scores in the order shown"
    )
    losses: ClassVar[tuple[str, ...]] = ("grouprank",)

    @property
    def prompts(self) -> Mapping[str, frozenset[str]]:
        """Its prompt, and what that must fill in."""
        return {self.prompt: _VARIABLES}

    def files(self) -> Sequence[File]:
        """`{split}.jsonl`."""
        return [File(path="{split}.jsonl", table=GRADED, rows=self._graded)]

    def _graded(self, part: Part) -> pl.DataFrame:
        groups = self.groups(part, documents=beginnings(part, self.excerpt))
        queries = part.lists.select("qid", query=as_data(part.lists["query"], limit=QUERY_LIMIT))
        rows = groups.join(queries, on="qid", maintain_order="left")
        prompt = find(self.prompt, part.prompt_folders)
        highest = max(1, part.span.best_grade)
        asked = conversations(prompt, _VARIABLES, rows, highest=highest)
        item = pl.format('"[{}]": {}', pl.int_range(1, pl.len() + 1), pl.element())
        items = pl.col("grades").list.eval(item).list.join(", ")
        return rows.hstack(system_and_user(prompt, asked)).select(
            "query",
            "system",
            "docids",
            "scores",
            item_id=pl.format("{}/{}", "qid", "group"),
            instruction="user",
            output=pl.concat_str(pl.lit("{"), items, pl.lit("}")),
        )
