"""Strengths of documents by maximum a posteriori, with their covariance, for many lists at once."""

from collections.abc import Callable

import numpy as np

from rankmill.aggregate.votes import Floats, Votes

_STEPS, _LONGEST, _CLOSE = 100, 1.5, 1e-8

Slopes = Callable[[Floats], tuple[Floats, Floats]]
"""Gradient (lists, documents) and curvature (lists, documents, documents) of the log-likelihood."""


def plackett_luce(votes: Votes, prior: float) -> tuple[Floats, Floats]:
    """Log-strengths under the Plackett-Luce model of the votes.

    A ranking is drawn from the top: each document with probability proportional to its strength
    among those that are left. Documents that tie are each drawn from all that are left at the
    first of them (Breslow's likelihood).

    Args:
        votes: Rankings; a voter of twice the weight counts as two.
        prior: Standard deviation of a log-strength before anything is seen.

    Returns:
        Log-strengths that add up to 0, shape (lists, documents), and their covariance by
        Laplace's approximation, shape (lists, documents, documents).

    Raises:
        ValueError: The prior is too wide for votes as one-sided as these.

    Paper: Plackett, "The Analysis of Permutations", 1975; Hunter, "MM Algorithms for Generalized
    Bradley-Terry Models", Annals of Statistics 2004.
    """
    lists, voters, n = votes.scores.shape
    left = (votes.scores[..., None, :] <= votes.scores[..., :, None]).astype(np.float64)
    left = left.reshape(lists, voters * n, n)
    counts = np.repeat(votes.shares * voters, n)

    def slopes(strengths: Floats) -> tuple[Floats, Floats]:
        chances = left * np.exp(strengths)[:, None, :]
        chances /= chances.sum(axis=-1, keepdims=True)
        expected = np.einsum("k,lkn->ln", counts, chances)
        shared = (chances * counts[:, None]).transpose(0, 2, 1) @ chances
        return voters - expected, np.einsum("ln,nm->lnm", expected, np.eye(n)) - shared

    return _most_probable(slopes, (lists, n), prior)


def bradley_terry(wins: Floats, prior: float) -> tuple[Floats, Floats]:
    """Log-strengths under the Bradley-Terry model of a log of matches.

    Args:
        wins: How often i beat j, shape (lists, documents, documents); pairs need not have met.
        prior: Standard deviation of a log-strength before anything is seen.

    Returns:
        As `plackett_luce`.

    Raises:
        ValueError: The prior is too wide for matches as one-sided as these.

    Paper: Bradley & Terry, "Rank Analysis of Incomplete Block Designs", Biometrika 1952.
    """
    lists, n, _ = wins.shape
    met = wins + wins.transpose(0, 2, 1)

    def slopes(strengths: Floats) -> tuple[Floats, Floats]:
        chance = 0.5 + 0.5 * np.tanh((strengths[:, :, None] - strengths[:, None, :]) / 2)
        weight = met * chance * (1 - chance)
        diagonal = np.einsum("ln,nm->lnm", weight.sum(axis=-1), np.eye(n))
        return (wins - met * chance).sum(axis=-1), diagonal - weight

    return _most_probable(slopes, (lists, n), prior)


def _most_probable(slopes: Slopes, shape: tuple[int, int], prior: float) -> tuple[Floats, Floats]:
    """Newton's method on a concave posterior, no step longer than `_LONGEST`."""
    strengths, precision = np.zeros(shape), np.eye(shape[1]) / prior**2
    for _ in range(_STEPS):
        gradient, curvature = slopes(strengths)
        gradient = gradient - strengths / prior**2
        step = np.linalg.solve(curvature + precision, gradient[..., None])[..., 0]
        strengths = strengths + step.clip(-_LONGEST, _LONGEST)
        if abs(step).max(initial=0) < _CLOSE:
            break
    else:
        raise ValueError(f"no strengths found in {_STEPS} steps under a prior of {prior}")
    _, curvature = slopes(strengths)
    centre = np.eye(shape[1]) - 1 / shape[1]
    covariance: Floats = centre @ np.linalg.inv(curvature + precision) @ centre
    return strengths, covariance
