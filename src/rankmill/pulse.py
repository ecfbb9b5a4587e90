"""How fast a build's teachers are at work just now, for whoever watches."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rankmill.teachers.meter import Meter, in_money

_WINDOW_SECONDS = 10.0


@dataclass(slots=True, kw_only=True)
class Work:
    """How far a stage is that asks teachers: `done` of `total` requests, at most."""

    stage: str
    total: int
    done: int = 0

    @property
    def left(self) -> int:
        """Requests that are left to do, at most."""
        return max(self.total - self.done, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """The teachers of a build at one moment; rates are those of the last seconds.

    Attributes:
        meter: What all teachers were asked in this run.
        in_flight: Requests that wait for an answer.
        waiting: Requests that wait for a place.
        calls: Answers of teachers a second.
        tokens_in: Tokens of prompt a second.
        tokens_out: Generated tokens a second.
        seconds_left: Until the stages at work are done; None while that cannot be told.
    """

    meter: Meter
    in_flight: int
    waiting: int
    calls: float = 0.0
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    seconds_left: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values for a manifest, without the totals, which it has anyway."""
        return {
            "in_flight": self.in_flight,
            "waiting": self.waiting,
            "calls_per_second": round(self.calls, 2),
            "tokens_in_per_second": round(self.tokens_in, 1),
            "tokens_out_per_second": round(self.tokens_out, 1),
            "seconds_left": None if self.seconds_left is None else round(self.seconds_left),
        }

    def __str__(self) -> str:
        meter = self.meter
        cached = meter.tokens_cached / meter.tokens_in if meter.tokens_in else 0.0
        parts = [
            f"{meter.calls:,} calls ({_rate(self.calls)})",
            f"{short(meter.tokens_in)} tokens in ({_rate(self.tokens_in)}"
            + (f", {cached:.0%} cached)" if cached else ")"),
            f"{short(meter.tokens_out)} out ({_rate(self.tokens_out)})",
            f"{self.in_flight} in flight",
        ]
        if meter.reused:
            parts.append(f"{meter.reused:,} from the store")
        if meter.retries:
            causes = ", ".join(f"{cause} {n:,}" for cause, n in sorted(meter.retries.items()))
            parts.append(f"sent again: {causes}")
        if meter.money != 0:
            parts.append(f"money {in_money(meter.money)}")
        if self.seconds_left is not None:
            parts.append(f"{duration(self.seconds_left)} left")
        return " · ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    at: float
    meter: Meter
    done: int


class Pulses:
    """Takes the pulse of a build's teachers now and then, and remembers the last seconds."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()

    def take(self, meter: Meter, queues: tuple[int, int], works: Sequence[Work]) -> Pulse:
        """The pulse now.

        Args:
            meter: What all teachers were asked in this run.
            queues: Requests in flight, and requests that wait.
            works: How far the stages are that ask teachers.
        """
        now = _Sample(at=time.monotonic(), meter=meter, done=sum(work.done for work in works))
        while self._samples and now.at - self._samples[0].at > _WINDOW_SECONDS:
            self._samples.popleft()
        self._samples.append(now)
        then = self._samples[0]
        seconds = now.at - then.at
        in_flight, waiting = queues
        if not seconds:
            return Pulse(meter=meter, in_flight=in_flight, waiting=waiting)
        speed = (now.done - then.done) / seconds
        left = sum(work.left for work in works)
        return Pulse(
            meter=meter,
            in_flight=in_flight,
            waiting=waiting,
            calls=(meter.calls - then.meter.calls) / seconds,
            tokens_in=(meter.tokens_in - then.meter.tokens_in) / seconds,
            tokens_out=(meter.tokens_out - then.meter.tokens_out) / seconds,
            seconds_left=left / speed if speed > 0 else None,
        )


def short(number: float) -> str:
    """A number of three digits or so: 950, 12.3 K, 2.1 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("K", 1e4)):
        if number >= size:
            return f"{number / (1e3 if unit == 'K' else size):,.1f} {unit}"
    return f"{number:,.0f}"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever is short."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _rate(value: float) -> str:
    return f"{short(value)}/s" if value >= 10 else f"{value:.1f}/s"
