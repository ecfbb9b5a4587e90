"""Borda count."""

from collections.abc import Sequence
from typing import Literal

from rankmill.spec import Spec


class Borda(Spec):
    """Score a document by the weighted mean share of the others that it beats, in [0, 1].

    Paper: Aslam & Montague, "Models for Metasearch", SIGIR 2001.
    """

    kind: Literal["borda"] = "borda"

    def points(self, depth: int) -> Sequence[float]:
        """What each rank of a list of `depth` documents is worth, best rank first."""
        return [(depth - rank) / max(depth - 1, 1) for rank in range(1, depth + 1)]
