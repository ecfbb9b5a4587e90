"""The order in which waiting requests are sent: prompts that begin alike go out together."""

from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")
Floor = tuple[str, ...]
"""Where somebody waits: the texts of a prompt, in the order in which the teacher reads them."""


class Elevator(Generic[T]):
    """Everybody who waits, served in the order of their floors, round and round.

    The next to be served is the first at or above the floor of the one served last; above the
    highest it goes on with the lowest. So a server's prefix cache finds prompts that share a
    beginning one after the other, whatever order they were asked in, and nobody is passed by for
    longer than a round. Whoever waits on one floor is served in the order of coming.

    Serving costs the logarithm of how many wait.

    Paper: Coffman, Klimko & Ryan, "Analysis of scanning policies for reducing disk seek times",
    SIAM Journal on Computing 1972.
    """

    def __init__(self) -> None:
        self._ahead: list[tuple[Floor, int, T]] = []
        self._behind: list[tuple[Floor, int, T]] = []
        self._floor: Floor = ()
        self._coming = count()

    def __len__(self) -> int:
        return len(self._ahead) + len(self._behind)

    def push(self, floor: Floor, rider: T) -> None:
        """Have somebody wait."""
        side = self._ahead if floor >= self._floor else self._behind
        heappush(side, (floor, next(self._coming), rider))

    def pop(self) -> T:
        """Serve the next one.

        Raises:
            IndexError: Nobody waits.
        """
        if not self._ahead:
            self._ahead, self._behind = self._behind, self._ahead
        self._floor, _, rider = heappop(self._ahead)
        return rider
