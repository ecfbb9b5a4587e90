"""Averages of scores."""

from typing import Literal

import numpy as np

from rankmill.aggregate.votes import Floats, Votes, error_of_mean
from rankmill.spec import Spec


class MeanScore(Spec):
    """Score a document by the weighted mean of what the voters themselves scored.

    `standardise` puts voters of different scales on one: `min_max` onto [0, 1], `z` to mean 0 and
    deviation 1, for every voter and list; a voter that scores all alike then adds nothing.

    Paper: Fox & Shaw, "Combination of Multiple Searches", TREC-2, 1994 (CombSUM); Cai et al.,
    "ERank", 2025 (mean of repeated grades).
    """

    kind: Literal["mean_score"] = "mean_score"
    standardise: Literal["none", "min_max", "z"] = "none"

    def __call__(self, votes: Votes) -> Floats:
        """Scores, shape (lists, documents)."""
        mean: Floats = np.einsum("v,lvn->ln", votes.shares, self._values(votes))
        return mean

    def errors(self, votes: Votes) -> Floats:
        """Standard errors over the voters, shape (lists, documents); NaN for one voter."""
        return error_of_mean(self._values(votes), votes.shares)

    def _values(self, votes: Votes) -> Floats:
        scores = votes.scores
        if self.standardise == "none":
            return scores
        if self.standardise == "min_max":
            zero = scores.min(axis=-1, keepdims=True)
            unit = scores.max(axis=-1, keepdims=True) - zero
        else:
            zero, unit = scores.mean(-1, keepdims=True), scores.std(-1, keepdims=True)
        alike = np.ptp(scores, axis=-1, keepdims=True) == 0
        values: Floats = np.where(alike, 0, scores - zero) / np.where(alike, 1, unit)
        return values
