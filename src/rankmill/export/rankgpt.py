"""Passages and permutations for RankGPT's specialisation of small rerankers."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import File
from rankmill.export.parts import Part
from rankmill.export.ranks import Windows, numbered
from rankmill.tables import Table

_PASSAGES = pl.List(pl.Struct({"docid": pl.String, "text": pl.String}))
PASSAGES = Table(
    name="rankgpt",
    key=(),
    columns={
        "query": pl.String,
        "positive_passages": _PASSAGES,
        "retrieved_passages": _PASSAGES,
    },
)
PERMUTATIONS = Table(name="permutations", key=(), columns={"permutation": pl.String})


class RankGPT(Windows):
    """Two files, row by row the same windows: passages as shown, and orders as text.

    Paper: Sun et al., "Is ChatGPT Good at Search? Investigating Large Language Models as
    Re-Ranking Agents", EMNLP 2023 (permutation distillation, 20 passages).
    """

    kind: Literal["rankgpt"] = "rankgpt"
    columns: ClassVar[str] = (
        "lines of query, positive_passages and retrieved_passages, and beside them an array of "
        "permutations such as [2] > [1], row by row"
    )
    losses: ClassVar[tuple[str, ...]] = ("rankgpt",)

    def files(self) -> Sequence[File]:
        """`{split}.jsonl` and `{split}.permutations.json`."""
        orders = "{split}.permutations.json"
        return [
            File(path="{split}.jsonl", table=PASSAGES, rows=self._passages),
            File(path=orders, table=PERMUTATIONS, rows=self._permutations, bare=True),
        ]

    def _passages(self, part: Part) -> pl.DataFrame:
        positives = part.nested(
            part.positives, positive_passages=pl.struct("docid", text="words")
        ).select("qid", "positive_passages")
        rows = self.windows(part).join(positives, on="qid", maintain_order="left")
        passage = pl.struct(docid="docids", text="documents")
        return (
            rows.explode("docids", "documents")
            .group_by("id", maintain_order=True)
            .agg(pl.first("query", "positive_passages"), retrieved_passages=passage)
            .drop("id")
        )

    def _permutations(self, part: Part) -> pl.DataFrame:
        return self.windows(part).select(permutation=numbered("gold"))
