"""Rules that turn several rankings of one list into one."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Annotated, Protocol

from pydantic import Field

from rankmill.aggregate.borda import Borda
from rankmill.aggregate.mrr import MeanReciprocalRank
from rankmill.records import Ranking


class Positional(Protocol):
    """A rule that says what a rank is worth."""

    def points(self, depth: int) -> Sequence[float]:
        """What each rank of a list of `depth` documents is worth, best rank first."""
        ...


AggregationRule = Annotated[Borda | MeanReciprocalRank, Field(discriminator="kind")]

__all__ = ["AggregationRule", "Borda", "MeanReciprocalRank", "fuse", "shared_points"]


def fuse(
    rule: Positional,
    rankings: Sequence[Ranking],
    *,
    weights: Sequence[float] | None = None,
) -> Ranking:
    """Aggregate rankings of the same documents under a positional rule.

    Args:
        rule: Says what a rank is worth.
        rankings: At least one; all of the same docids.
        weights: One positive weight per ranking; equal ones when left out.

    Returns:
        Docids by weighted mean of what their ranks are worth. Documents that tie in a ranking share
        equally what their ranks are worth; ties of the result fall to docid order.

    Raises:
        ValueError: There is no ranking, or the rankings are of different documents.
    """
    if not rankings:
        raise ValueError("nothing to aggregate")
    if any(set(ranking.docids) != set(rankings[0].docids) for ranking in rankings):
        raise ValueError("the rankings are of different documents")
    weights = weights or [1.0] * len(rankings)
    points = rule.points(len(rankings[0].docids))
    scores: defaultdict[str, float] = defaultdict(float)
    for ranking, weight in zip(rankings, weights, strict=True):
        for docid, worth in shared_points(ranking, points):
            scores[docid] += weight * worth / sum(weights)
    return Ranking.by_score(scores)


def shared_points(ranking: Ranking, points: Sequence[float]) -> Iterator[tuple[str, float]]:
    """What every document of a ranking gets of `points`, best rank first; equal scores share."""
    places = groupby(range(len(ranking.docids)), key=ranking.scores.__getitem__)
    for _, tied in places:
        group = list(tied)
        worth = sum(points[place] for place in group) / len(group)
        for place in group:
            yield ranking.docids[place], worth
