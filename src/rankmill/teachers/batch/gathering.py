"""Gathering lines until nobody asks any more."""

from asyncio import TimerHandle, get_running_loop
from collections.abc import Callable
from dataclasses import dataclass, field

from rankmill.teachers.batch.ledger import Line
from rankmill.teachers.batch.spec import Batch

_ENVELOPE = 200  # bytes of a line around its body, at most


@dataclass(slots=True)
class _Round:
    """Lines for one path that are not sent yet."""

    lines: list[Line] = field(default_factory=list)
    size: int = 0


class Gathering:
    """Sends lines off together: when a file is full, or when nothing has come for a while.

    Lines for different paths go into different files. In a file they are sorted by what they
    ask, so that those whose prompts begin alike follow each other.

    Args:
        how: What a full file is, and how long a while.
        send: Takes the lines of one file.
    """

    def __init__(self, how: Batch, send: Callable[[list[Line]], None]) -> None:
        self._how, self._send = how, send
        self._rounds: dict[str, _Round] = {}
        self._timer: TimerHandle | None = None
        self._last = 0.0

    def add(self, line: Line) -> None:
        """Have a line sent."""
        size = len(line.raw) + _ENVELOPE
        if (full := self._rounds.get(line.path)) and full.size + size > self._how.megabytes * 1e6:
            self._off(line.path)
        one = self._rounds.setdefault(line.path, _Round())
        one.lines.append(line)
        one.size += size
        self._last = get_running_loop().time()
        if len(one.lines) == self._how.requests:
            self._off(line.path)
        elif self._timer is None:
            self._timer = get_running_loop().call_later(self._how.quiet_seconds, self._look)

    def close(self) -> None:
        """Send nothing more."""
        if self._timer:
            self._timer.cancel()

    def _look(self) -> None:
        """Send what there is, if nothing has come for a while."""
        left = self._last + self._how.quiet_seconds - get_running_loop().time()
        if left > 0:
            self._timer = get_running_loop().call_later(left, self._look)
            return
        self._timer = None
        for path in list(self._rounds):
            self._off(path)

    def _off(self, path: str) -> None:
        self._send(sorted(self._rounds.pop(path).lines, key=lambda line: line.raw))
