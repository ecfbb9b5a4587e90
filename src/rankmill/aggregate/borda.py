"""Borda count."""

from typing import Literal

import numpy as np

from rankmill.aggregate.positional import Positional
from rankmill.aggregate.votes import Floats


class Borda(Positional):
    """Score a document by the weighted mean share of the others that it beats, in [0, 1].

    Paper: Aslam & Montague, "Models for Metasearch", SIGIR 2001.
    """

    kind: Literal["borda"] = "borda"

    def points(self, depth: int) -> Floats:
        """What each rank of a list of `depth` documents is worth, best rank first."""
        return (depth - np.arange(1.0, depth + 1)) / max(depth - 1, 1)
