"""The best of many scores, with ties that always fall the same way."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def top(scores: NDArray[Any], depth: int) -> NDArray[np.intp]:
    """Positions of the `depth` highest scores, best first; equal scores in order of position.

    Fewer come back when there are fewer scores. Takes linear time, however many scores tie.
    """
    if depth < len(scores):
        lowest = np.partition(scores, -depth)[-depth]
        better = np.flatnonzero(scores > lowest)
        ties = np.flatnonzero(scores == lowest)[: depth - len(better)]
        positions = np.sort(np.concatenate([better, ties]))
    else:
        positions = np.arange(len(scores))
    return positions[np.argsort(-scores[positions], kind="stable")]
