"""Chance that hangs on an id: the same for a list whatever lists are around it."""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_STEP, _ONE, _TWO = map(np.uint64, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


class Chance:
    """A stream of random bits for each of many ids, all read side by side.

    Paper: Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014
    (SplitMix64).
    """

    def __init__(self, seed: int, ids: Iterable[str]) -> None:
        """The streams are at their beginning, which seed and id make."""
        begins = [blake2b(f"{seed}/{one}".encode(), digest_size=8).digest() for one in ids]
        self._begins = np.frombuffer(b"".join(begins), dtype="<u8").astype(np.uint64)[:, None]
        self._read = 0

    def bits(self, count: int) -> NDArray[np.uint64]:
        """The next numbers of each stream; shape (ids, count)."""
        places = np.arange(self._read + 1, self._read + count + 1, dtype=np.uint64)
        self._read += count
        mixed: NDArray[np.uint64] = self._begins + places * _STEP
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _ONE
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _TWO
        mixed ^= mixed >> np.uint64(31)
        return mixed

    def orders(self, count: int) -> NDArray[np.int64]:
        """So many things shuffled, for each stream: places from 0, of shape (ids, count)."""
        return self.bits(count).argsort(axis=1)
