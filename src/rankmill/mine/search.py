"""The search for negatives, block by block: what is near, what the rules leave, what is taken."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.mine.known import Known, Rows
from rankmill.mine.mined import Counts
from rankmill.mine.numbers import NOTHING, NUMBERS, Vectors, numbers
from rankmill.mine.spare import Spare
from rankmill.mine.spec import Mining
from rankmill.negative_sampling import mixed, taken, uniform
from rankmill.retrieve import nearest

_CELLS = 4_000_000  # documents found, and held against the rules, at a time
_PAIRS = 16_384  # products of a query with one document made at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Some lists, searched.

    Attributes:
        negatives: As `NUMBERS`.
        left_out: Lists without negatives: columns q, positive (that margins count from), score (of
            the positive) and found (how many the rules left).
    """

    negatives: pl.DataFrame
    left_out: pl.DataFrame
    counts: Counts


@dataclass(frozen=True, kw_only=True, eq=False)
class Search:
    """Vectors and pairs by number.

    Attributes:
        queries: Vectors in the order of the queries' numbers.
        documents: Vectors in any order.
        rows: Where in `documents` the documents stand, in the order of their numbers.
        known: What can be no negative.
        hashes: 32 bits for every query that tell it apart, whatever its number.
    """

    spec: Mining
    queries: Vectors
    documents: Vectors
    rows: Rows
    known: Known
    hashes: NDArray[np.uint64]

    def blocks(self) -> Iterator[Block]:
        """Search as many lists at a time as fit in memory."""
        for depth, alike in self.depths():
            for some in alike.iter_slices(max(1, _CELLS // max(1, depth))):
                asked, lists = np.unique(some["q"].to_numpy(), return_inverse=True)
                found, scores = nearest(self.documents, self.rows, self.queries[asked], depth=depth)
                yield self.block(some, found[lists], scores[lists])

    def depths(self) -> Iterator[tuple[int, pl.DataFrame]]:
        """The lists by how deep they are searched, within a factor of two.

        Known documents are found and passed over: a query that has thousands of them is searched
        that much deeper, and no other one is.
        """
        lists = self.lists
        known = self.known.counts[lists["q"].to_numpy()]
        depths = np.minimum(self.spec.depth + known, len(self.rows))
        _, sizes = np.frexp(depths)
        for size in np.unique(sizes):
            yield int(depths[sizes == size].max()), lists.filter(pl.Series(sizes == size))

    @cached_property
    def positives(self) -> pl.DataFrame:
        """Columns q, positive and score, in order."""
        positives = self.known.positives
        products = [
            self.products(some["q"].to_numpy(), some["d"].to_numpy())
            for some in positives.iter_slices(_PAIRS)
        ]
        score = pl.Series(np.concatenate([np.empty(0, np.float32), *products]))
        return positives.select("q", positive="d").with_columns(score=score)

    @property
    def lists(self) -> pl.DataFrame:
        """Of every query the positive that its margins count from; or all, each for itself."""
        if self.spec.positive == "own":
            return self.positives
        highest = self.spec.positive == "max"
        ordered = self.positives.sort("q", "score", "positive", descending=[False, highest, False])
        return ordered.unique("q", keep="first", maintain_order=True)

    @property
    def spare(self) -> Spare:
        """Fills up lists that lack some."""
        return Spare(spec=self.spec, known=self.known, hashes=self.hashes, products=self.products)

    def products(self, queries: Rows, documents: Rows) -> Vectors:
        """The score of each pair."""
        pairs = self.queries[queries], self.documents[self.rows[documents]]
        return np.asarray(np.einsum("ij,ij->i", *pairs), np.float32)

    def block(self, lists: pl.DataFrame, found: Rows, scores: Vectors) -> Block:
        """Choose among the documents nearest to the query of each list.

        Args:
            lists: As `positives`.
            found: Their documents by number, nearest first, shape (lists, documents).
            scores: Theirs.
        """
        queries, wanted = lists["q"].to_numpy(), self.spec.negatives
        free = ~self.known.holds(queries[:, None], found)
        ranks = free.cumsum(axis=1, dtype=np.int32)
        left = free & (ranks <= self.spec.depth)
        considered, near = int(left.sum()), np.where(left, found, NOTHING)
        removed = self.rule(left, ranks, scores, lists["score"].to_numpy()[:, None])
        removed["not_sampled"] = _remove(left, ~self.sample(queries, left, ranks, scores))
        got = left.sum(axis=1)
        if self.spec.short == "drop":
            removed["list_dropped"] = _remove(left, (got < wanted)[:, None])
        here, at = np.nonzero(left)
        mined = numbers(lists[here], found[here, at], scores[here, at], ranks[here, at])
        random = self.spec.short == "random"
        spare = self.spare.fill(lists, near, wanted - got) if random else NUMBERS
        every = pl.concat([mined, spare])
        return Block(
            negatives=every,
            left_out=lists.with_columns(found=pl.Series(got, dtype=pl.Int64)).join(
                every, on=["q", "positive"], how="anti", maintain_order="left"
            ),
            counts=Counts(
                lists=len(lists),
                considered=considered,
                removed={rule: count for rule, count in removed.items() if count},
                kept=len(mined),
                short=int((got < wanted).sum()),
                missing=int((wanted - got).sum()),
                random=len(spare),
            ),
        )

    def rule(
        self, left: NDArray[np.bool_], ranks: NDArray[np.int32], scores: Vectors, positive: Vectors
    ) -> dict[str, int]:
        """Take from `left` what the rules remove, and return how many fell to each."""
        passed = self.spec.rank_min
        removed = {"rank_min": 0}
        if self.spec.counted == "before":
            removed["rank_min"] = _remove(left, ranks <= passed)
        for rule, gone in self.spec.rules(scores, positive):
            removed[rule] = _remove(left, gone)
        if self.spec.counted == "after":
            removed["rank_min"] = _remove(left, left.cumsum(axis=1) <= passed)
        return removed

    def sample(
        self, queries: Rows, left: NDArray[np.bool_], ranks: NDArray[np.int32], scores: Vectors
    ) -> NDArray[np.bool_]:
        """Where the documents stand that the sampler takes first, as many as are wanted."""
        words = mixed(self.spec.seed, self.hashes[queries][:, None], ranks.astype(np.uint64))
        keys = taken(self.spec.sampling, left, scores, uniform(words))
        first = np.argsort(keys, axis=1, kind="stable")[:, : self.spec.negatives]
        chosen = np.zeros_like(left)
        np.put_along_axis(chosen, first, values=True, axis=1)
        return chosen


def _remove(left: NDArray[np.bool_], gone: NDArray[np.bool_]) -> int:
    """Take from `left` what is gone, and return how many that were."""
    before = int(left.sum())
    left &= ~gone
    return before - int(left.sum())
