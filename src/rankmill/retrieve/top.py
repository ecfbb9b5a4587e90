"""The best of many scores, with ties that always fall the same way."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 256  # scores looked at as one: 1 KiB


def top(scores: NDArray[Any], depth: int) -> NDArray[np.intp]:
    """Positions of the `depth` highest scores, best first; equal scores in order of position.

    Fewer come back when there are fewer scores. Takes linear time, however many scores tie.
    """
    positions = np.flatnonzero(scores >= _low(scores, depth))
    if depth < len(positions):
        near = scores[positions]
        lowest = np.partition(near, -depth)[-depth]
        better = np.flatnonzero(near > lowest)
        ties = np.flatnonzero(near == lowest)[: depth - len(better)]
        positions = positions[np.sort(np.concatenate([better, ties]))]
    return positions[np.argsort(-scores[positions], kind="stable")]


def _low(scores: NDArray[Any], depth: int) -> Any:  # noqa: ANN401 - a score
    """What `depth` scores reach, if there are so many: as many blocks hold one that does.

    Next to nothing else reaches it, so that one look at every score is nearly all the work.
    """
    blocks = len(scores) // _BLOCK
    if blocks <= depth:
        return -np.inf
    best = scores[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
    return np.partition(best, -depth)[-depth]
