"""How much rankings of the same list agree.

Arrays are scores of shape (lists, voters, documents), higher is better, equal is a tie; what comes
back has shape (lists,), with NaN where fewer than two voters can be compared.
"""

from collections.abc import Sequence
from math import isnan
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rankmill.aggregate.votes import Votes
from rankmill.records import Ranking

Floats = NDArray[np.float64]


def tau_b(scores: Floats) -> Floats:
    """Mean Kendall's tau-b over all pairs of voters, in [-1, 1]; 0 by chance.

    Tau-b leaves out the pairs of documents that a voter ties. A voter who ties every document
    agrees with no other (0), and two such voters are left out; lists of fewer than two documents
    give 1.

    Paper: Kendall, "The Treatment of Ties in Ranking Problems", Biometrika 1945.
    """
    lists, voters, n = scores.shape
    if n < 2:
        return np.full(lists, 1.0 if voters > 1 else np.nan)
    one, other = np.triu_indices(n, 1)
    signs = np.sign(scores[..., one] - scores[..., other])
    products = signs @ signs.transpose(0, 2, 1)
    untied = np.diagonal(products, axis1=1, axis2=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        taus = products / np.sqrt(untied[:, :, None] * untied[:, None, :])
    one_says_nothing = (untied[:, :, None] == 0) != (untied[:, None, :] == 0)
    taus = np.where(one_says_nothing, 0.0, taus)
    return _mean_over_pairs(taus)


def kendall_w(scores: Floats) -> Floats:
    """Kendall's coefficient of concordance, corrected for ties, in [0, 1].

    12 S / (m² (n³ - n) - m T), where S is the sum of squared deviations of the rank sums of n
    documents over m voters, and T sums t³ - t over the groups of t documents that a voter ties.
    m unrelated rankings give 1 / m on average.

    Paper: Kendall & Smith, "The Problem of m Rankings", Annals of Mathematical Statistics 1939.
    """
    lists, m, n = scores.shape
    if m < 2 or n < 2:
        return np.full(lists, np.nan)
    votes = Votes(scores)
    squares = ((votes.midranks.sum(axis=1) - m * (n + 1) / 2) ** 2).sum(axis=-1)
    tied = votes.last - votes.first + 1
    ties = (tied.astype(float) ** 2 - 1).sum(axis=(1, 2))  # t documents, each t² - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        concordance: Floats = 12 * squares / (m**2 * (n**3 - n) - m * ties)
    return concordance


def rbo(scores: Floats, p: float) -> Floats:
    """Mean rank-biased overlap over all pairs of voters, extrapolated, in [0, 1].

    Ties are broken by column.

    Args:
        scores: Shape (lists, voters, documents).
        p: Persistence, in (0, 1): how far down a reader goes on reading.

    Paper: Webber, Moffat & Zobel, "A Similarity Measure for Indefinite Rankings", TOIS 2010.
    """
    n = scores.shape[-1]
    return _mean_over_pairs(_at_worse_rank(scores, _rbo_worths(n, p)))


def rbo_by_chance(documents: int, p: float) -> float:
    """Expected rank-biased overlap of two random orders."""
    depths = np.arange(1.0, documents + 1)
    joining = np.diff(depths**2 / documents, prepend=0.0)
    return float(joining @ _rbo_worths(documents, p))


def top_k(scores: Floats, k: int) -> Floats:
    """Mean share of their first k documents that pairs of voters have in common; k / n by chance.

    Ties are broken by column.
    """
    worths = (np.arange(scores.shape[-1]) < k) / k
    return _mean_over_pairs(_at_worse_rank(scores, worths))


def krippendorff_alpha(values: Floats, level: Literal["nominal", "ordinal", "interval"]) -> float:
    """Krippendorff's alpha: 1 is full agreement, 0 what chance gives.

    Args:
        values: Grades, shape (units, raters); NaN where a rater gave none.
        level: What differences between grades mean.

    Returns:
        NaN when no unit has two grades, or all grades are the same.

    Paper: Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011.
    """
    rated = values[(~np.isnan(values)).sum(axis=1) >= 2]
    if not len(rated):
        return float("nan")
    grades = np.unique(rated[~np.isnan(rated)])
    counts = np.stack([(rated == grade).sum(axis=1) for grade in grades], axis=1).astype(float)
    raters = counts.sum(axis=1, keepdims=True)
    together = (counts / (raters - 1)).T @ counts - np.diag((counts / (raters - 1)).sum(axis=0))
    totals = together.sum(axis=1)
    apart = _differences(grades, totals, level)
    expected = (np.outer(totals, totals) * apart).sum() / (totals.sum() - 1)
    if not expected:
        return float("nan")
    return float(1 - (together * apart).sum() / expected)


def _differences(grades: Floats, totals: Floats, level: str) -> Floats:
    """Squared differences between grades, shape (grades, grades)."""
    if level == "nominal":
        return 1 - np.eye(len(grades))
    places = grades if level == "interval" else np.cumsum(totals) - totals / 2
    squared: Floats = (places[:, None] - places[None, :]) ** 2
    return squared


def mean_tau(rankings: Sequence[Ranking]) -> float | None:
    """Mean Kendall's tau-b over every pair of rankings, in [-1, 1]; None for fewer than two."""
    return _of_one(tau_b(_scores(rankings))) if len(rankings) > 1 else None


def _scores(rankings: Sequence[Ranking]) -> Floats:
    return Votes.of(rankings, sorted(rankings[0].docids)).scores


def _of_one(values: Floats) -> float | None:
    return None if isnan(values[0]) else float(values[0])


def _rbo_worths(n: int, p: float) -> Floats:
    """What a document adds to the overlap by the worse of its two ranks, shape (n,)."""
    depths = np.arange(1.0, n + 1)
    at = (1 - p) / p * p**depths / depths
    at[-1:] += p**n / n
    worths: Floats = np.cumsum(at[::-1])[::-1]
    return worths


def _at_worse_rank(scores: Floats, worths: Floats) -> Floats:
    """Sums over documents of a worth at the worse of two voters' ranks; (lists, voters, voters)."""
    order = np.argsort(-scores, axis=-1, kind="stable")
    ranks = np.argsort(order, axis=-1, kind="stable")
    worse = np.maximum(ranks[:, :, None, :], ranks[:, None, :, :])
    sums: Floats = worths[worse].sum(axis=-1)
    return sums


def _mean_over_pairs(values: Floats) -> Floats:
    """The mean above the diagonal, shape (lists,), of values of shape (lists, voters, voters)."""
    one, other = np.triu_indices(values.shape[1], 1)
    pairs = values[:, one, other]
    known = ~np.isnan(pairs)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Floats = np.where(known, pairs, 0).sum(axis=-1) / known.sum(axis=-1)
    return means
