"""Setwise prompting: the best of a few, to sort by."""

import random
from collections.abc import Generator, Sequence
from math import factorial
from typing import Literal

from pydantic import Field

from rankmill.label.comparison import Comparison
from rankmill.label.order import best
from rankmill.label.plans import Plan, Question
from rankmill.label.presentation import FIXED, Presentation
from rankmill.label.sorting import best_by_bubbling, best_of_heap, sorted_calls
from rankmill.readings import Reading
from rankmill.records import Ranking


class Setwise(Comparison):
    """Ask which of `children` + 1 documents is the best, and sort the best `k` by that.

    Documents are shown under shuffled labels, so that no place in the heap always has the same
    letter; `votes` of the same few, each in another order, may be taken, and the majority wins.

    Papers: Zhuang et al., "A Setwise Approach for Effective and Highly Efficient Zero-shot
    Ranking with Large Language Models", SIGIR 2024 (c = 3, k = 10; heapsort, bubblesort; text or
    likelihood); Zhuang et al., "Rank-R1", 2025 (19 children, reasoning).
    """

    kind: Literal["setwise"] = "setwise"
    by: Literal["heapsort", "bubblesort"] = "heapsort"
    children: int = Field(default=3, ge=1, le=25)
    k: int = Field(default=10, ge=1)
    votes: int = Field(default=1, ge=1)

    def plan(self, docids: Sequence[str]) -> Plan:
        """Sort; what is not among the best `k` ties after them."""
        chance = random.Random("\n".join(docids))

        def pick(few: Sequence[str]) -> Generator[Sequence[Question], Sequence[Reading], str]:
            shown = self._orders(few, chance)
            readings = yield [Question(docids=docids) for docids in shown]
            named = [best(reading) for reading in readings]
            return max(few, key=named.count)

        if self.by == "heapsort":
            ordered = yield from best_of_heap(docids, self.k, children=self.children, pick=pick)
        else:
            ordered = yield from best_by_bubbling(docids, self.k, few=self.children + 1, pick=pick)
        return Ranking.top(ordered, [docid for docid in docids if docid not in ordered])

    def _orders(self, few: Sequence[str], chance: random.Random) -> list[tuple[str, ...]]:
        """As many different orders as there are votes, or as there can be."""
        orders: dict[tuple[str, ...], None] = {}
        while len(orders) < min(self.votes, factorial(len(few))):
            orders[tuple(chance.sample(few, len(few)))] = None
        return list(orders)

    def varies(self, presentation: Presentation) -> bool:
        """Whether the order of comparisons can change the outcome."""
        return presentation not in FIXED

    def calls(self, depth: int) -> int:
        """One for every few, at most, times the votes."""
        if depth < 2:
            return 0
        if self.by == "heapsort":
            return self.votes * sorted_calls(depth, self.k, children=self.children)
        passes = range(min(self.k, depth - 1))
        return self.votes * sum(-(-(depth - 1 - top) // self.children) for top in passes)
