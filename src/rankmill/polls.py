"""Many candidate lists at once: their votes gathered into arrays, aggregated and compared."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import NamedTuple

import numpy as np

from rankmill.aggregate import AggregationRule, Votes
from rankmill.agreement import kendall_w, rbo, tau_b, top_k
from rankmill.records import Ranking


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Rankings of one list that are to be joined.

    Attributes:
        rankings: At least one; all of the same docids.
        weights: One positive weight each; empty for equal ones.
    """

    rankings: Sequence[Ranking]
    weights: tuple[float, ...] = ()

    @property
    def shape(self) -> tuple[int, int, tuple[float, ...]]:
        """What polls must share to be one array."""
        return len(self.rankings), len(self.rankings[0].docids), self.weights


class Gathered(NamedTuple):
    """Polls of one shape.

    Attributes:
        places: Where each stands among all the polls.
        docids: The columns of each, sorted.
        votes: Their scores, shape (polls, voters, documents).
    """

    places: list[int]
    docids: list[list[str]]
    votes: Votes


class Agreement(NamedTuple):
    """How much the rankings of one list agree; None where fewer than two can be compared.

    Attributes:
        tau: Mean Kendall's tau-b over all pairs, in [-1, 1]; 0 by chance.
        w: Kendall's W, in [0, 1]; 1 / m by chance for m rankings.
        rbo: Mean rank-biased overlap over all pairs, in [0, 1].
        top1: Share of pairs with the same first document; 1 / n by chance for n documents.
        topk: Mean share of their first k documents that pairs have in common; k / n by chance.
    """

    tau: float | None
    w: float | None
    rbo: float | None
    top1: float | None
    topk: float | None


class Fused(NamedTuple):
    """A poll's rankings as one.

    Attributes:
        ranking: Ties fall to docid order.
        errors: The standard error of every document's score, by docid; None where there is none.
    """

    ranking: Ranking
    errors: Mapping[str, float | None]


def fuse_all(rule: AggregationRule, polls: Sequence[Poll]) -> list[Fused]:
    """Each poll under a rule."""
    fused: dict[int, Fused] = {}
    for group in _gather(polls):
        scores, errors = rule(group.votes), rule.errors(group.votes)
        if errors is None:
            errors = np.full(scores.shape, np.nan)
        rows = zip(group.docids, scores.tolist(), errors.tolist(), strict=True)
        for place, (docids, values, deviations) in zip(group.places, rows, strict=True):
            ranking = Ranking.by_score(dict(zip(docids, values, strict=True)))
            known = dict(zip(docids, map(_known, deviations), strict=True))
            fused[place] = Fused(ranking, known)
    return [fused[place] for place in range(len(polls))]


def agreement_all(polls: Sequence[Poll], *, p: float, k: int) -> list[Agreement]:
    """How much each poll's rankings agree.

    Args:
        polls: Rankings of one list each; weights are not used.
        p: Persistence of rank-biased overlap, in (0, 1).
        k: Depth of the overlap of the first documents.
    """
    found: dict[int, Agreement] = {}
    for group in _gather(polls):
        scores = group.votes.scores
        depth = min(k, scores.shape[-1])
        columns = (tau_b(scores), kendall_w(scores), rbo(scores, p), top_k(scores, 1))
        rows = np.stack([*columns, top_k(scores, depth)], axis=1).tolist()
        for place, row in zip(group.places, rows, strict=True):
            found[place] = Agreement(*map(_known, row))
    return [found[place] for place in range(len(polls))]


def _gather(polls: Sequence[Poll]) -> Iterator[Gathered]:
    by_shape: defaultdict[tuple[int, int, tuple[float, ...]], list[int]] = defaultdict(list)
    for place, poll in enumerate(polls):
        by_shape[poll.shape].append(place)
    for (_, _, weights), places in by_shape.items():
        docids = [sorted(polls[place].rankings[0].docids) for place in places]
        scores = [
            _columns(polls[place].rankings, columns)
            for place, columns in zip(places, docids, strict=True)
        ]
        given = np.array(weights) if weights else None
        yield Gathered(places, docids, Votes(np.array(scores), given))


def _columns(rankings: Sequence[Ranking], docids: Sequence[str]) -> list[list[float]]:
    rows = [dict(zip(one.docids, one.scores, strict=True)) for one in rankings]
    return [[row[docid] for docid in docids] for row in rows]


def _known(value: float) -> float | None:
    return None if isnan(value) else value
