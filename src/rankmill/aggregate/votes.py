"""The votes of many candidate lists as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rankmill.records import Ranking

Floats = NDArray[np.float64]

_DIGITS = 12  # no share depends on the order of the voters


@dataclass(frozen=True, eq=False)
class Votes:
    """Rankings of lists of one shape.

    Attributes:
        scores: What each voter gives each document, higher is better, equal is a tie; shape
            (lists, voters, documents).
        given_weights: One positive weight per voter; equal ones when left out.

    Raises:
        ValueError: A score is missing (NaN), or the weights are not one positive number per voter.
    """

    scores: Floats
    given_weights: Floats | None = None

    def __post_init__(self) -> None:
        if np.isnan(self.scores).any():
            raise ValueError("a score is missing (NaN)")
        weights, voters = self.given_weights, self.scores.shape[1]
        if weights is not None and (weights.shape != (voters,) or not (weights > 0).all()):
            raise ValueError(f"weights must be {voters} positive numbers, found {weights}")

    @classmethod
    def of(cls, rankings: Sequence[Ranking], docids: Sequence[str]) -> Self:
        """The votes of one list, its documents as columns in the order of `docids`."""
        rows = [dict(zip(one.docids, one.scores, strict=True)) for one in rankings]
        return cls(np.array([[[row[docid] for docid in docids] for row in rows]]))

    @property
    def shares(self) -> Floats:
        """The voters' weights, adding up to 1; shape (voters,)."""
        voters = self.scores.shape[1]
        weights = np.ones(voters) if self.given_weights is None else self.given_weights
        shares: Floats = weights / weights.sum()
        return shares

    @cached_property
    def first(self) -> NDArray[np.intp]:
        """The best rank, from 1, that a document shares with those it ties with."""
        higher = self.scores[..., None, :] > self.scores[..., :, None]
        first: NDArray[np.intp] = higher.sum(axis=-1) + 1
        return first

    @cached_property
    def last(self) -> NDArray[np.intp]:
        """The worst rank that a document shares with those it ties with."""
        last: NDArray[np.intp] = (self.scores[..., None, :] >= self.scores[..., :, None]).sum(-1)
        return last

    @property
    def midranks(self) -> Floats:
        """The mean of the best and the worst rank, shape (lists, voters, documents)."""
        return (self.first + self.last) / 2

    @cached_property
    def wins(self) -> Floats:
        """The share of voters that place i over j, a tie being half, shape (lists, n, n)."""
        ahead = np.sign(self.scores[..., :, None] - self.scores[..., None, :]) / 2 + 0.5
        wins: Floats = np.einsum("v,lvij->lij", self.shares, ahead)
        return wins.round(_DIGITS)


def positional(votes: Votes, points: Floats) -> Floats:
    """The weighted mean of what every document's ranks are worth, shape (lists, documents).

    Args:
        votes: The rankings.
        points: What each rank is worth, best first, shape (documents,). Documents that tie share
            equally what their ranks are worth.
    """
    worth: Floats = np.einsum("v,lvn->ln", votes.shares, worths(votes, points))
    return worth


def worths(votes: Votes, points: Floats) -> Floats:
    """What every voter's rank of every document is worth, shape (lists, voters, documents)."""
    sums = np.concatenate([[0.0], np.cumsum(points)])
    span = votes.last - votes.first + 1
    worth: Floats = (sums[votes.last] - sums[votes.first - 1]) / span
    return worth


def error_of_mean(values: Floats, shares: Floats) -> Floats:
    """Standard error of the weighted mean over voters, shape (lists, documents); NaN for one.

    Args:
        values: Shape (lists, voters, documents).
        shares: Weights that add up to 1, shape (voters,).
    """
    if len(shares) < 2:
        return np.full(values[:, 0].shape, np.nan)
    mean = np.einsum("v,lvn->ln", shares, values)
    spread = np.einsum("v,lvn->ln", shares, (values - mean[:, None]) ** 2)
    effective = 1 / (shares**2).sum()
    error: Floats = np.sqrt(spread / (effective - 1))
    return error
