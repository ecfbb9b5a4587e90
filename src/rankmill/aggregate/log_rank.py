"""Fusion by the logarithm of ranks."""

from typing import Literal

import numpy as np

from rankmill.aggregate.positional import Positional
from rankmill.aggregate.votes import Floats


class LogRank(Positional):
    """Score a document by the weighted mean of -ln(rank).

    With a pointwise and a listwise view of weights beta and 1 - beta this is GroupRank's fusion,
    S = -beta ln L_p - (1 - beta) ln L_l, with beta 0.5 in the paper.

    Paper: Sun et al., "GroupRank", 2025.
    """

    kind: Literal["log_rank"] = "log_rank"

    def points(self, depth: int) -> Floats:
        """What each rank of a list of `depth` documents is worth, best rank first."""
        points: Floats = -np.log(np.arange(1.0, depth + 1))
        return points
