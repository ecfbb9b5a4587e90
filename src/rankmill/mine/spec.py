"""What makes a document near a query its negative: ranks, margins, and how many are taken."""

from collections.abc import Iterator
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from rankmill.negative_sampling import Sampling, Top
from rankmill.spec import Spec

_ROOM = 10  # documents looked at for one negative, where rules may remove some
Scores = NDArray[np.float32]


class Mining(Spec):
    """Positive-aware hard negatives.

    s+ is the score of a positive. Margins count from its size, so that they are right below zero
    too, where s+ * (1 - r) would let through what scores above the positive. A document exactly at
    a border stays.

    Paper: Moreira et al., "NV-Retriever", 2024: Top-K shifted by N (`rank_min`), TopK-Abs
    (`max_score`), TopK-MarginPos (`absolute_margin`), TopK-PercPos (`percentage`, 0.95 did best);
    names and borders are those of sentence-transformers' `mine_hard_negatives`.

    Attributes:
        negatives: Wanted for every query, or for every positive where `positive` is "own".
        rank_min: So many of the nearest documents are passed over. Positives have no rank.
        rank_max: Documents of higher rank are not looked at; `depth` if left out.
        counted: Whether `rank_min` passes over the nearest documents ("before" other rules), or
            over the nearest that the rules have left ("after"), as sentence-transformers does.
        max_score: Of a negative.
        min_score: Of a negative.
        absolute_margin: m; a negative scores at most s+ - m.
        relative_margin: r; a negative scores at most s+ - |s+| * r.
        percentage: p, at most 1, the same as a relative margin of 1 - p.
        positive: Which positive s+ is of: the query's lowest ("min", the strictest) or highest
            ("max"), or each one's "own", with negatives of its own.
        sampling: Which of the documents that the rules have left are taken.
        short: What becomes of a query with too few: it goes with "fewer", it is left out ("drop"),
            or is filled up with "random" documents, which are marked as such: none that was near,
            and none that a margin or `max_score` forbids.
        seed: Of all that is drawn.
    """

    negatives: int = Field(default=4, ge=1)
    rank_min: int = Field(default=0, ge=0)
    rank_max: int | None = Field(default=None, ge=1)
    counted: Literal["before", "after"] = "before"
    max_score: float | None = None
    min_score: float | None = None
    absolute_margin: float | None = None
    relative_margin: float | None = None
    percentage: float | None = Field(default=None, gt=0)
    positive: Literal["min", "max", "own"] = "min"
    sampling: Sampling = Top()
    short: Literal["fewer", "drop", "random"] = "fewer"
    seed: int = Field(default=0, ge=0)

    @field_validator("percentage")
    @classmethod
    def _is_a_share(cls, percentage: float | None) -> float | None:
        if percentage is not None and percentage > 1:
            raise ValueError(f"expected at most 1; did you mean {percentage / 100:g}?")
        return percentage

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.depth - self.rank_min < self.negatives:
            room = max(0, self.depth - self.rank_min)
            raise ValueError(
                f"rank_min={self.rank_min} and rank_max={self.rank_max} leave {room} documents, "
                f"expected at least negatives={self.negatives}"
            )
        if self.percentage is not None and self.relative_margin is not None:
            raise ValueError("percentage and relative_margin are one rule; expected one of them")
        if None not in (self.min_score, self.max_score) and self.min_score > self.max_score:  # type: ignore[operator]
            raise ValueError(f"min_score {self.min_score} is above max_score {self.max_score}")
        return self

    @property
    def depth(self) -> int:
        """The highest rank that is looked at."""
        room = _ROOM if self._rules or not isinstance(self.sampling, Top) else 1
        return self.rank_max or self.rank_min + room * self.negatives

    @property
    def _rules(self) -> bool:
        borders: list[Any] = [self.max_score, self.min_score, self.absolute_margin]
        return any(one is not None for one in [*borders, self.relative_margin, self.percentage])

    def above(self, scores: Scores, positive: Scores) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """The rules against documents that are too near, each with what it removes.

        Args:
            scores: Of documents.
            positive: s+, of a shape that broadcasts against `scores`.
        """
        if self.absolute_margin is not None:
            yield "absolute_margin", scores + self.absolute_margin > positive
        if self.relative_margin is not None:
            yield "relative_margin", scores > positive - np.abs(positive) * self.relative_margin
        if self.percentage is not None:
            yield "percentage", scores > positive - np.abs(positive) * (1 - self.percentage)
        if self.max_score is not None:
            yield "max_score", scores > self.max_score

    def rules(self, scores: Scores, positive: Scores) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """Every rule on scores, as `above`, and the one against documents too far away."""
        yield from self.above(scores, positive)
        if self.min_score is not None:
            yield "min_score", scores < self.min_score
