"""Pairwise ranking prompting: every pair in both orders."""

from collections.abc import Generator, Sequence
from itertools import combinations
from math import exp
from typing import Literal

from pydantic import Field

from rankmill.label.comparison import Comparison
from rankmill.label.order import best
from rankmill.label.plans import Plan, Question
from rankmill.label.presentation import FIXED, Presentation
from rankmill.label.sorting import best_of_heap, sorted_calls
from rankmill.readings import Reading, Scores
from rankmill.records import Ranking

Pair = tuple[str, str]
Wins = Generator[Sequence[Question], Sequence[Reading], float]


class Pairwise(Comparison):
    """Compare two documents at a time, always in both orders; orders that disagree are a tie.

    - `all_pairs`: score a document by its wins, a tie being half of one. N(N - 1) calls.
    - `heapsort`: the best `k` off a heap; a swap needs a win in both orders.
    - `sliding`: `k` passes from the end of the list, swapping neighbours: 2 k (N - 1) calls or
      less, as a pass need not compare what earlier passes have fixed.

    With `soft`, letters read from probabilities decide by the mean of both orders, which cancels
    a preference for the letter A, instead of tying.

    Paper: Qin et al., "Large Language Models are Effective Text Rankers with Pairwise Ranking
    Prompting", Findings of NAACL 2024 (k = 10).
    """

    kind: Literal["pairwise"] = "pairwise"
    by: Literal["all_pairs", "heapsort", "sliding"] = "all_pairs"
    k: int = Field(default=10, ge=1)
    soft: bool = False

    def plan(self, docids: Sequence[str]) -> Plan:
        """Compare as `by` says."""
        match self.by:
            case "all_pairs":
                return self._all_pairs(docids)
            case "heapsort":
                return self._heapsort(docids)
            case "sliding":
                return self._sliding(docids)

    def _all_pairs(self, docids: Sequence[str]) -> Plan:
        pairs = list(combinations(docids, 2))
        readings = yield [q for pair in pairs for q in both_orders(pair)]
        score = dict.fromkeys(docids, 0.0)
        for pair, one, other in zip(pairs, readings[::2], readings[1::2], strict=True):
            share = self._share(pair, one, other)
            score[pair[0]] += share
            score[pair[1]] += 1 - share
        return Ranking.by_score(score)

    def _heapsort(self, docids: Sequence[str]) -> Plan:
        def pick(few: Sequence[str]) -> Generator[Sequence[Question], Sequence[Reading], str]:
            champion = few[0]
            for rival in few[1:]:
                if (yield from self._wins((rival, champion))) > 0.5:
                    champion = rival
            return champion

        ordered = yield from best_of_heap(docids, self.k, children=2, pick=pick)
        return Ranking.top(ordered, [docid for docid in docids if docid not in ordered])

    def _sliding(self, docids: Sequence[str]) -> Plan:
        order = list(docids)
        fixed = min(self.k, len(order) - 1)
        for top in range(fixed):
            for low in range(len(order) - 1, top, -1):
                if (yield from self._wins((order[low], order[low - 1]))) > 0.5:
                    order[low - 1 : low + 1] = order[low], order[low - 1]
        return Ranking.top(order[: self.k], order[self.k :])

    def _wins(self, pair: Pair) -> Wins:
        """The first document's share of one comparison: more than one half if it wins."""
        one, other = yield both_orders(pair)
        return self._share(pair, one, other)

    def _share(self, pair: Pair, one: Reading, other: Reading) -> float:
        if self.soft and isinstance(one, Scores) and isinstance(other, Scores):
            return (exp(one.by_docid[pair[0]]) + exp(other.by_docid[pair[0]])) / 2
        return ((best(one) == pair[0]) + (best(other) == pair[0])) / 2

    def varies(self, presentation: Presentation) -> bool:
        """Whether the order of comparisons can change the outcome."""
        return self.by != "all_pairs" and presentation not in FIXED

    def calls(self, depth: int) -> int:
        """Two for every comparison, at most."""
        match self.by:
            case "all_pairs":
                return depth * (depth - 1)
            case "heapsort":
                return 2 * 2 * sorted_calls(depth, self.k, children=2)
            case "sliding":
                return sum(2 * (depth - 1 - top) for top in range(min(self.k, depth - 1)))


def both_orders(pair: Pair) -> list[Question]:
    """A pair shown one way, and the other."""
    return [Question(docids=pair), Question(docids=pair[::-1])]
