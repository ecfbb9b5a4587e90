"""Queries with their positives, as samples that ragas evaluates."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import File
from rankmill.export.held_out import HeldOut
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.tables import Table

SAMPLES = Table(
    name="ragas",
    key=(),
    columns={
        "user_input": pl.String,
        "reference_contexts": pl.List(pl.String),
        "reference_context_ids": pl.List(pl.String),
        "query_style": pl.String,
    },
)


class Ragas(HeldOut):
    """One sample a query: what its retrieved contexts are compared with.

    There is no `reference`: nobody wrote an answer, and none is made up.

    Paper: Es et al., "Ragas: Automated Evaluation of Retrieval Augmented Generation", EACL 2024.
    """

    kind: Literal["ragas"] = "ragas"
    columns: ClassVar[str] = (
        "samples of ragas: user_input, reference_contexts (the positives, best first), "
        "reference_context_ids, query_style (the kind of query)"
    )
    losses: ClassVar[tuple[str, ...]] = ("ragas",)
    example: ClassVar[str] = """\
from ragas import EvaluationDataset

samples = EvaluationDataset.from_jsonl("{data}/{config}/{split}.jsonl")"""

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists of the splits written without a positive."""
        return policy.lacking(self.held(pairs), negatives=0)

    def files(self) -> Sequence[File]:
        """`{split}.jsonl`."""
        return [File(path="{split}.jsonl", table=SAMPLES, rows=self._samples)]

    def _samples(self, part: Part) -> pl.DataFrame:
        lists = part.nested(
            part.positives, reference_contexts="words", reference_context_ids="docid"
        )
        found = lists.filter(pl.col("reference_contexts").list.len() > 0)
        return self.held(found, part.split).select(
            "reference_contexts",
            "reference_context_ids",
            user_input="query",
            query_style="kind",
        )
