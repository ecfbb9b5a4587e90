"""Positive-aware hard negatives: which documents near a query are none of its answers."""

from rankmill.mine.known import Points
from rankmill.mine.mine import mine
from rankmill.mine.mined import NEGATIVES, Counts, Mined
from rankmill.mine.spec import Mining
from rankmill.negative_sampling import ByScore, Random, Sampling, Stride, Top

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
