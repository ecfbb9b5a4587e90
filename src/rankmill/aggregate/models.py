"""Rules that fit a model of how votes come about."""

from abc import abstractmethod
from functools import lru_cache
from typing import Literal

import numpy as np
from pydantic import Field

from rankmill.aggregate.strengths import bradley_terry, plackett_luce
from rankmill.aggregate.votes import Floats, Votes
from rankmill.spec import Spec


class _Model(Spec):
    """Score a document by its log-strength.

    Attributes:
        prior: Standard deviation of a log-strength before anything is seen; keeps unanimous votes
            from infinity.
    """

    prior: float = Field(default=2.0, gt=0, le=10)

    @abstractmethod
    def fit(self, votes: Votes) -> tuple[Floats, Floats]:
        """Strengths, shape (lists, documents), and their covariance."""

    def __call__(self, votes: Votes) -> Floats:
        """Scores, shape (lists, documents)."""
        return _fitted(self, votes)[0]

    def errors(self, votes: Votes) -> Floats:
        """Standard errors of the strengths, shape (lists, documents)."""
        variances = np.diagonal(_fitted(self, votes)[1], axis1=1, axis2=2)
        errors: Floats = np.sqrt(variances)
        return errors


@lru_cache(maxsize=1)
def _fitted(model: _Model, votes: Votes) -> tuple[Floats, Floats]:
    """The fit of the same votes that were asked about last is not made again."""
    return model.fit(votes)


class PlackettLuce(_Model):
    """Score a document by its log-strength under the Plackett-Luce model; see `plackett_luce`."""

    kind: Literal["plackett_luce"] = "plackett_luce"

    def fit(self, votes: Votes) -> tuple[Floats, Floats]:
        """Strengths, shape (lists, documents), and their covariance."""
        return plackett_luce(votes, self.prior)


class BradleyTerry(_Model):
    """Score a document by its log-strength under the Bradley-Terry model of all pairs.

    A ranking counts as a match between each pair of its documents; see `bradley_terry`. Matches
    of one ranking are taken for independent, so errors are smaller than Plackett-Luce's.
    """

    kind: Literal["bradley_terry"] = "bradley_terry"

    def fit(self, votes: Votes) -> tuple[Floats, Floats]:
        """Strengths, shape (lists, documents), and their covariance."""
        n = votes.scores.shape[-1]
        return bradley_terry(votes.wins * votes.scores.shape[1] * (1 - np.eye(n)), self.prior)
