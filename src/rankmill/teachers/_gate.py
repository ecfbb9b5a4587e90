"""How many requests one endpoint is sent at once: as many as it takes without slowing down."""

from collections import defaultdict
from collections.abc import Hashable
from math import sqrt

_TOLERANCE = 1.5
_SMALLEST_WINDOW = 32
_FALLS, _RISES = 0.3, 0.02


class Gate:
    """A number of places that shrinks while answers take longer than they usually do.

    A rejection that says when to come back is no reason to shrink: it delays that one call. What
    shrinks the gate is latency, compared within one kind of request, and the share of failures
    that tell of overload; what widens it again is an answer in the usual time.

    The rule is the gradient of Netflix's concurrency-limits: once in a window of outcomes,
    limit = limit x clamp(1.5 usual / seen, 0.5, 1) + sqrt(limit), up to what the recipe allows.
    What is usual follows what is seen, quickly when answers get faster and slowly when slower.

    Args:
        most: Places it begins with, and never exceeds.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._usual: dict[Hashable, float] = {}
        self._seen: defaultdict[Hashable, list[float]] = defaultdict(list)
        self._answers = self._overloads = 0

    @property
    def places(self) -> int:
        """Requests that may be in flight."""
        return int(self._limit)

    def answered(self, kind: Hashable, seconds: float) -> None:
        """Note an answer.

        Args:
            kind: What makes requests alike in the time they take.
            seconds: How long it took.
        """
        self._seen[kind].append(seconds)
        self._answers += 1
        self._turn()

    def overloaded(self) -> None:
        """Note a failure that tells of overload, such as a time-out."""
        self._overloads += 1
        self._turn()

    def _turn(self) -> None:
        """At the end of a window, compare what was seen with what is usual; move the limit."""
        outcomes = self._answers + self._overloads
        if outcomes < max(_SMALLEST_WINDOW, self._limit):
            return
        gradient = min(self._slowness(), self._answers / outcomes)
        self._limit *= max(0.5, gradient)
        self._limit = min(self._most, max(1.0, self._limit + sqrt(self._limit)))
        self._seen.clear()
        self._answers = self._overloads = 0

    def _slowness(self) -> float:
        """1 while answers take their usual time or somewhat longer; less when they take longer."""
        seen = expected = 0.0
        for kind, seconds in self._seen.items():
            mean = sum(seconds) / len(seconds)
            usual = self._usual.setdefault(kind, mean)
            seen += sum(seconds)
            expected += usual * len(seconds)
            self._usual[kind] = usual + (mean - usual) * (_FALLS if mean < usual else _RISES)
        return min(1.0, _TOLERANCE * expected / seen) if seen else 1.0
