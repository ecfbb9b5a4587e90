"""Rules that turn several rankings of one list into one."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from rankmill.aggregate.borda import Borda
from rankmill.aggregate.mrr import MeanReciprocalRank
from rankmill.records import Ranking

AggregationRule = Annotated[Borda | MeanReciprocalRank, Field(discriminator="kind")]

__all__ = ["AggregationRule", "Borda", "MeanReciprocalRank", "fuse"]


def fuse(
    rule: Borda | MeanReciprocalRank,
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
        Docids by weighted mean of what their ranks are worth; ties fall to docid order.

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
        for docid, worth in zip(ranking.docids, points, strict=True):
            scores[docid] += weight * worth / sum(weights)
    return Ranking.by_score(scores)
