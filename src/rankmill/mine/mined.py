"""What mining leaves: a table of negatives, and what became of every document looked at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from rankmill.records import Rejection
from rankmill.tables import Table

NEGATIVES = Table(
    name="negatives",
    key=("qid", "positive", "docid"),
    columns={
        "qid": pl.String,
        "positive": pl.String,
        "docid": pl.String,
        "rank": pl.Int32,
        "score": pl.Float32,
        "positive_score": pl.Float32,
        "origin": pl.String,
    },
    nullable=frozenset({"rank"}),
)
"""Hard negatives. `positive` is the one that margins count from, `rank` a document's place among
those nearest to the query that are no positives, from 1. Those of origin "random" have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of every document that was near enough to be looked at.

    Attributes:
        lists: Queries with a positive, or positives where each has its own negatives.
        considered: Documents looked at, over all lists.
        removed: Of them by each rule: the first that fires counts. `not_sampled` passed all rules
            and was not wanted; `list_dropped` was, in a list that has too few.
        kept: Of them.
        short: Lists in which the rules left fewer than wanted.
        missing: How many negatives those lack.
        random: Random documents that stand in for them.

    Raises:
        ValueError: Documents went missing.
    """

    lists: int = 0
    considered: int = 0
    removed: Mapping[str, int] = field(default_factory=dict)
    kept: int = 0
    short: int = 0
    missing: int = 0
    random: int = 0

    def __post_init__(self) -> None:
        if self.considered != self.kept + sum(self.removed.values()):
            raise ValueError(f"{self.considered} considered, but {self.kept} + {self.removed}")

    @classmethod
    def sum(cls, parts: Sequence["Counts"]) -> "Counts":
        """Over several parts."""
        removed: Counter[str] = Counter()
        for part in parts:
            removed.update(part.removed)
        names = ("lists", "considered", "kept", "short", "missing", "random")
        whole = {name: sum(getattr(part, name) for part in parts) for name in names}
        return cls(removed=dict(removed), **whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """Hard negatives, and what became of the rest.

    Attributes:
        negatives: NEGATIVES, by qid and positive, nearest first, random ones last.
        positives: Columns qid, docid and score, of all that are in the corpus, highest first.
        rejections: Queries without negatives, and positives that are not in the corpus.
    """

    negatives: pl.DataFrame
    positives: pl.DataFrame
    rejections: Sequence[Rejection]
    counts: Counts
