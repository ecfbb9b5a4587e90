"""Random documents for lists in which the rules leave too few."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.mine.known import Known, Rows
from rankmill.mine.numbers import NOTHING, NUMBERS, Vectors, numbers
from rankmill.mine.spec import Mining
from rankmill.negative_sampling import mixed

_MORE = 8  # documents drawn beyond twice those wanted
_ONCE = 16_384  # documents of a single list gone through at a time
_FILL = 0xFFFF_FFFF  # keeps what fills a list apart from what samples it

Allowed = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Spare:
    """What may fill up a list.

    Attributes:
        known: What can be no negative.
        hashes: As those of `Search`.
        products: The scores of pairs of a query and a document.
    """

    spec: Mining
    known: Known
    hashes: NDArray[np.uint64]
    products: Callable[[Rows, Rows], Vectors]

    def fill(self, lists: pl.DataFrame, near: Rows, lacking: Rows) -> pl.DataFrame:
        """Random documents for the lists that lack some, as `NUMBERS`.

        They are none of `near`, none that is known, and none that a rule finds too near; as far
        as the corpus has so many others. A few draws are enough for most lists; for the rest all
        documents are gone through, in an order that is drawn.
        """
        short = np.flatnonzero(lacking)
        lists, near, lacking = lists[short], near[short], lacking[short]
        words = self._words(lists, 2 * self.spec.negatives + _MORE)
        drawn = (words % np.uint64(self.known.documents)).astype(np.int64)
        fits, scores = self._fits(lists, near, drawn)
        fits &= _first(drawn, self.known.documents)
        fits &= fits.cumsum(axis=1) <= lacking[:, None]
        rest = np.flatnonzero(fits.sum(axis=1) < lacking)
        fits[rest] = False
        here, at = np.nonzero(fits)
        found = [numbers(lists[here], drawn[here, at], scores[here, at], None)]
        found += [self._from_all(lists[one], near[one], lacking[one]) for one in rest[:, None]]
        return pl.concat(found)

    def _from_all(self, lists: pl.DataFrame, near: Rows, lacking: Rows) -> pl.DataFrame:
        """As `fill`, for a single list, from all documents."""
        order = self._words(lists, self.known.documents).argsort(axis=1, kind="stable")
        found = NUMBERS
        for start in range(0, self.known.documents, _ONCE):
            drawn = order[:, start : start + _ONCE]
            fits, scores = self._fits(lists, near, drawn)
            fits &= fits.cumsum(axis=1) <= lacking[:, None] - len(found)
            here, at = np.nonzero(fits)
            found = found.vstack(numbers(lists[here], drawn[here, at], scores[here, at], None))
            if len(found) == lacking:
                break
        return found

    def _words(self, lists: pl.DataFrame, many: int) -> NDArray[np.uint64]:
        """So many random words for each list, those of its query, of shape (lists, many)."""
        places = np.arange(many, dtype=np.uint64) + np.uint64(_FILL)
        return mixed(self.spec.seed, self.hashes[lists["q"].to_numpy()][:, None], places)

    def _fits(self, lists: pl.DataFrame, near: Rows, drawn: Rows) -> tuple[Allowed, Vectors]:
        """Which of the documents drawn may stand in for negatives, and the scores of those."""
        queries = lists["q"].to_numpy()
        fits = ~self.known.holds(queries[:, None], drawn)
        fits &= ~_among(drawn, near, self.known.documents)
        here, at = np.nonzero(fits)
        scores = np.full(drawn.shape, np.inf, np.float32)
        scores[here, at] = self.products(queries[here], drawn[here, at])
        for _, gone in self.spec.above(scores, lists["score"].to_numpy()[:, None]):
            fits &= ~gone
        return fits, scores


def _first(rows: Rows, most: int) -> NDArray[np.bool_]:
    """Where a number below `most` stands for the first time in its row."""
    codes = np.arange(len(rows))[:, None] * most + rows
    first = np.zeros(rows.size, np.bool_)
    first[np.unique(codes, return_index=True)[1]] = True
    return first.reshape(rows.shape)


def _among(rows: Rows, others: Rows, most: int) -> NDArray[np.bool_]:
    """Where a number below `most` stands in the same row of `others` too, if that is no hole."""
    start = np.arange(len(rows))[:, None] * (most - NOTHING) - NOTHING
    return np.isin(start + rows, start + others)
