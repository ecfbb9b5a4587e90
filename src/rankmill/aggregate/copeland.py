"""Copeland's rule."""

from typing import Literal

import numpy as np

from rankmill.aggregate.votes import Floats, Votes
from rankmill.spec import Spec

_EVEN = 1e-9


class Copeland(Spec):
    """Score a document by the share of others that a majority places below it, in [0, 1].

    An even vote is half of one.

    Paper: Copeland, "A Reasonable Social Welfare Function", 1951; Montague & Aslam, "Condorcet
    Fusion for Improved Retrieval", CIKM 2002.
    """

    kind: Literal["copeland"] = "copeland"

    def __call__(self, votes: Votes) -> Floats:
        """Scores, shape (lists, documents)."""
        lead = votes.wins - 0.5
        beaten = np.where(abs(lead) < _EVEN, 0.5, lead > 0).sum(axis=-1) - 0.5
        scores: Floats = beaten / max(votes.scores.shape[-1] - 1, 1)
        return scores

    def errors(self, votes: Votes) -> None:
        """None: a majority has no standard error."""
        del votes
