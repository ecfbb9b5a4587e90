"""Queries that pass one test after another, and what became of those that did not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rankmill.records import Rejection
from rankmill.screen.pair import Pair, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One test.

    Attributes:
        name: What it is called.
        read: Places, among all queries, of those that came to it.
        kept: Places of those that passed.
    """

    name: str
    read: Sequence[int]
    kept: Sequence[int]


class Sieve:
    """Queries on their way through the tests.

    Attributes:
        places: Where those that are still in stand among all that were put in.
        rejections: The others, each with its rule, its number and its text.
        steps: The tests so far.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._all = pairs
        self.places = list(range(len(pairs)))
        self.rejections: list[Rejection] = []
        self.steps: list[Step] = []

    @property
    def pairs(self) -> list[Pair]:
        """Those that are still in."""
        return [self._all[place] for place in self.places]

    def test(self, name: str, verdicts: Iterable[Verdict | None]) -> list[int]:
        """Take out the queries that got a verdict; there is one, or None, for each still in.

        Returns:
            Which of those that were in before still are, as places among these.
        """
        read, kept = self.places, []
        for row, (place, verdict) in enumerate(zip(read, verdicts, strict=True)):
            if verdict is None:
                kept.append(row)
                continue
            pair, (rule, number) = self._all[place], verdict
            detail = f"{number}: {pair.text}"
            self.rejections.append(Rejection(id=pair.qid, rule=rule, detail=detail))
        self.places = [read[row] for row in kept]
        self.steps.append(Step(name=name, read=read, kept=self.places))
        return kept
