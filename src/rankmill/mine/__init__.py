"""Positive-aware hard negatives: which documents near a query are none of its answers."""

from rankmill.mine.known import Points
from rankmill.mine.mine import mine
from rankmill.mine.mined import NEGATIVES, Counts, Mined
from rankmill.mine.sampling import ByScore, Random, Sampling, Stride, Top
from rankmill.mine.spec import Mining

__all__ = [
    "NEGATIVES",
    "ByScore",
    "Counts",
    "Mined",
    "Mining",
    "Points",
    "Random",
    "Sampling",
    "Stride",
    "Top",
    "mine",
]
