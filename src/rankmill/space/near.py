"""The nearest of many vectors, for every one of many: exact, in blocks."""

import numpy as np
from numpy.typing import NDArray

_BLOCK = 4_096  # vectors of each side at a time: 64 MiB of cosines


def nearest_of(
    ours: NDArray[np.float32], theirs: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each row of `ours` the nearest row of `theirs`, and the cosine of the two.

    Either may be memory-mapped: both are read in blocks. Of equally near ones the first is taken;
    where there is none, the cosine is -1.

    Args:
        ours: Unit-length rows, shape (ours, dimensions).
        theirs: Unit-length rows, shape (theirs, dimensions).

    Returns:
        Rows of `theirs` and cosines, shape (ours,) each.
    """
    place = np.zeros(len(ours), np.int64)
    cosine = np.full(len(ours), -1, np.float32)
    for start in range(0, len(ours), _BLOCK):
        mine = slice(start, start + _BLOCK)
        for first in range(0, len(theirs), _BLOCK):
            likeness = ours[mine] @ theirs[first : first + _BLOCK].T
            best = likeness.argmax(axis=1)
            found = likeness[np.arange(len(best)), best]
            nearer = found > cosine[mine]
            place[mine] = np.where(nearer, first + best, place[mine])
            cosine[mine] = np.where(nearer, found, cosine[mine])
    return place, cosine
