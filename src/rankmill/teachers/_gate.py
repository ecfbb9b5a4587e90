"""How many requests one endpoint is sent at once: as many as it takes without slowing down."""

from collections import defaultdict
from collections.abc import Hashable
from math import sqrt

_TOLERANCE = 1.5
_SMALLEST_WINDOW = 32
_FALLS, _RISES = 0.3, 0.02
_OVERLOADED = 0.7


class Gate:
    """A number of places that shrinks while answers take longer than they usually do.

    A rejection that says when to come back is no reason to shrink: it delays that one call. What
    shrinks the gate is latency, compared within one kind of request, and failures that tell of
    overload; what widens it again is an answer in the usual time.

    The rule is the gradient of Netflix's concurrency-limits: once in a window of answers,
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
        self._answers = 0

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
        if self._answers >= max(_SMALLEST_WINDOW, self.places):
            self._turn()

    def overloaded(self) -> None:
        """Note a failure that tells of overload, such as a time-out; one a window counts."""
        if self._answers:
            self._limit = max(1.0, self._limit * _OVERLOADED)
            self._forget()

    def _turn(self) -> None:
        """End a window: compare what was seen with what is usual, and move the limit."""
        seen = expected = 0.0
        for kind, seconds in self._seen.items():
            mean = sum(seconds) / len(seconds)
            usual = self._usual.setdefault(kind, mean)
            seen += sum(seconds)
            expected += usual * len(seconds)
            self._usual[kind] = usual + (mean - usual) * (_FALLS if mean < usual else _RISES)
        gradient = min(1.0, max(0.5, _TOLERANCE * expected / seen)) if seen else 1.0
        self._limit = min(self._most, max(1.0, self._limit * gradient + sqrt(self._limit)))
        self._forget()

    def _forget(self) -> None:
        self._seen.clear()
        self._answers = 0
