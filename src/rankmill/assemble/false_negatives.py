"""How many of the documents that were found are answers that nobody knew of."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Self

import polars as pl

_Z = 1.959964  # 95 % of a normal distribution lie within so many standard deviations
_BANDS = (5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of something, counted in a sample.

    Attributes:
        name: Of what.
        found: How many were counted.
        of: Among how many.
        low: Lower end of the 95 % interval of the share.
        high: Its upper end.
    """

    name: str
    found: int
    of: int
    low: float
    high: float

    @classmethod
    def counted(cls, name: str, found: int, of: int) -> Self:
        """With Wilson's score interval, which holds for small counts and shares near 0 too.

        Paper: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
        """
        if not of:
            return cls(name=name, found=found, of=of, low=0.0, high=1.0)
        share, square = found / of, _Z**2 / of
        middle = (share + square / 2) / (1 + square)
        half = _Z / (1 + square) * sqrt(share * (1 - share) / of + square / of / 4)
        low, high = max(0.0, middle - half), min(1.0, middle + half)
        return cls(name=name, found=found, of=of, low=low, high=high)

    @property
    def share(self) -> float:
        """In [0, 1]."""
        return self.found / self.of if self.of else 0.0

    def __str__(self) -> str:
        return f"{self.share:.1%} ({self.low:.1%} to {self.high:.1%})"


def false_negatives(pairs: pl.DataFrame) -> Sequence[Share]:
    """The share of candidates that are false negatives: of all, by origin, and by rank band.

    Those count that are not the document a query was written from, in lists where that document
    is known. It is an estimate: teachers err, and only lists that were kept have grades.

    Args:
        pairs: `Labelled.pairs`.
    """
    source = pl.col("origin") == "source"
    mined = pairs.filter(source.any().over("qid") & ~source)
    banded = mined.with_columns(band=_band("candidate_rank"))
    shares = [("all", mined)] if len(mined) else []
    shares += [
        (str(name), some)
        for (name,), some in mined.sort("origin").group_by("origin", maintain_order=True)
    ]
    shares += [
        (str(name), some)
        for (name,), some in banded.sort("candidate_rank").group_by("band", maintain_order=True)
    ]
    return [
        Share.counted(name, int(some["false_negative"].sum()), len(some)) for name, some in shares
    ]


def _band(rank: str) -> pl.Expr:
    """Ranks 1 to 5, 6 to 10 and so on, in words."""
    starts = [1, *(end + 1 for end in _BANDS)]
    expression = pl.lit(f"ranks from {starts[-1]}")
    for start, end in reversed(list(zip(starts[:-1], _BANDS, strict=True))):
        named = pl.lit(f"ranks {start} to {end}")
        expression = pl.when(pl.col(rank) <= end).then(named).otherwise(expression)
    return expression
