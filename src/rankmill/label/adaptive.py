"""How many trials a list gets: a few, and more only while they leave the answer open."""

from collections.abc import Iterator, Sequence
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from rankmill.aggregate import Votes, plackett_luce
from rankmill.records import Ranking
from rankmill.spec import Spec

_DRAWS, _SEED = 400, 7


class Adaptive(Spec):
    """Start with few trials; go on only while the answer that matters is undecided.

    After each step the trials give a posterior over the documents' strengths (Plackett-Luce with
    a Gaussian prior, Laplace's approximation). A list is decided when, under that posterior, the
    best `k` documents found are expected to hold at least `confidence` of the true ones
    (`top_set`), or are in their true order with that probability (`top_order`).

    Attributes:
        start: Trials that every list gets.
        step: Trials that are added at a time; with balanced orders they balance each other.
        cap: Trials that no list exceeds.
        prior: Standard deviation of a log-strength before anything is seen.
    """

    start: int = Field(default=4, ge=2)
    step: int = Field(default=4, ge=1)
    cap: int = Field(default=12, ge=2)
    until: Literal["top_set", "top_order"] = "top_set"
    k: int = Field(default=5, ge=1)
    confidence: float = Field(default=0.84, gt=0, lt=1)
    prior: float = Field(default=2.0, gt=0, le=10)

    @model_validator(mode="after")
    def cap_is_last(self) -> Self:
        """Refuse a cap below the start."""
        if self.cap < self.start:
            raise ValueError(f"cap {self.cap} must be at least start {self.start}")
        return self

    def batches(self) -> Iterator[range]:
        """Numbers of the trials that are asked together, batch after batch."""
        begin, end = 0, self.start
        while begin < self.cap:
            yield range(begin, min(end, self.cap))
            begin, end = end, end + self.step

    def decided(self, rankings: Sequence[Ranking]) -> bool:
        """Whether the trials so far leave no doubt that matters. Fewer than two decide nothing."""
        return len(rankings) > 1 and self.certainty(rankings) >= self.confidence

    def certainty(self, rankings: Sequence[Ranking]) -> float:
        """What is sure of the best `k`, in [0, 1], from rankings of the same documents.

        The same rankings always give the same number: the posterior's draws are seeded.
        """
        docids = sorted(rankings[0].docids)
        k = min(self.k, len(docids))
        if self.until == "top_set" and k == len(docids):
            return 1.0
        strengths, covariance = plackett_luce(Votes.of(rankings, docids), self.prior)
        draws = _draws(strengths[0], covariance[0])
        found = np.argsort(-strengths[0], kind="stable")[:k]
        tops = np.argsort(-draws, axis=1, kind="stable")[:, :k]
        if self.until == "top_order":
            return float((tops == found).all(axis=1).mean())
        return float(np.isin(tops, found).mean())


def _draws(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Draws of all strengths, shape (draws, documents)."""
    values, vectors = np.linalg.eigh(covariance)
    noise = np.random.default_rng(_SEED).standard_normal((_DRAWS, len(mean)))
    drawn: np.ndarray = mean + (noise * np.sqrt(values.clip(0))) @ vectors.T
    return drawn
