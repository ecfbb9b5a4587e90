"""Mean reciprocal rank fusion."""

from typing import Literal

import numpy as np
from pydantic import Field

from rankmill.aggregate.positional import Positional
from rankmill.aggregate.votes import Floats


class MeanReciprocalRank(Positional):
    """Score a document by the weighted mean of 1 / (k + rank) over rankings.

    Paper: Cormack, Clarke & Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and
    individual rank learning methods", SIGIR 2009, who sum with k = 60. On lists as short as a
    teacher's a small k keeps the top apart; it is a parameter here.
    """

    kind: Literal["mrr"] = "mrr"
    k: int = Field(default=60, ge=0)

    def points(self, depth: int) -> Floats:
        """What each rank of a list of `depth` documents is worth, best rank first."""
        return 1 / (self.k + np.arange(1.0, depth + 1))
