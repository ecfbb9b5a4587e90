"""Rules that turn several rankings of one list into one."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from rankmill.aggregate.borda import Borda
from rankmill.aggregate.copeland import Copeland
from rankmill.aggregate.kemeny import Kemeny
from rankmill.aggregate.log_rank import LogRank
from rankmill.aggregate.mean_score import MeanScore
from rankmill.aggregate.models import BradleyTerry, PlackettLuce
from rankmill.aggregate.mrr import MeanReciprocalRank
from rankmill.aggregate.path import HamiltonianPath
from rankmill.aggregate.strengths import bradley_terry, plackett_luce
from rankmill.aggregate.votes import Votes
from rankmill.records import Ranking

AggregationRule = Annotated[
    Borda
    | MeanReciprocalRank
    | LogRank
    | MeanScore
    | Copeland
    | Kemeny
    | PlackettLuce
    | BradleyTerry
    | HamiltonianPath,
    Field(discriminator="kind"),
]
"""Called with votes, a rule gives scores of shape (lists, documents), higher is better; its
`errors` are their standard errors, or None where the rule has none."""

__all__ = [
    "AggregationRule",
    "Borda",
    "BradleyTerry",
    "Copeland",
    "HamiltonianPath",
    "Kemeny",
    "LogRank",
    "MeanReciprocalRank",
    "MeanScore",
    "PlackettLuce",
    "Votes",
    "bradley_terry",
    "fuse",
    "plackett_luce",
]


def fuse(
    rule: AggregationRule,
    rankings: Sequence[Ranking],
    *,
    weights: Sequence[float] | None = None,
) -> Ranking:
    """Aggregate rankings of the same documents.

    Args:
        rule: How.
        rankings: At least one; all of the same docids.
        weights: One positive weight per ranking; equal ones when left out.

    Returns:
        Docids by score under the rule; equal scores fall to docid order.

    Raises:
        ValueError: There is no ranking, or the rankings are of different documents.
    """
    if not rankings:
        raise ValueError("nothing to aggregate")
    if any(set(ranking.docids) != set(rankings[0].docids) for ranking in rankings):
        raise ValueError("the rankings are of different documents")
    docids = sorted(rankings[0].docids)
    votes = Votes.of(rankings, docids)
    if weights:
        votes = Votes(votes.scores, np.array(weights, dtype=np.float64))
    return Ranking.by_score(dict(zip(docids, rule(votes)[0].tolist(), strict=True)))
