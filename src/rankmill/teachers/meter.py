"""What was asked of teachers, in numbers: counted as plainly as can be, read by whoever looks."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from rankmill.records import Reply


@dataclass(slots=True)
class Tally:
    """The counts of one teacher, kept by the one thread that asks it; see `Meter`."""

    calls: int = 0
    reused: int = 0
    refused: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    characters: int = 0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """Tokens in both directions."""
        return self.tokens_in + self.tokens_out

    def add(self, reply: Reply, characters: int = 0) -> None:
        """Count one answer of the teacher to a prompt of so many characters."""
        self.calls += 1
        self.tokens_in += reply.tokens_in
        self.tokens_cached += reply.tokens_cached
        self.tokens_out += reply.tokens_out
        self.characters += characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What was asked so far.

    Attributes:
        calls: Requests that a teacher answered.
        reused: Requests that the reply store answered.
        refused: Requests that an endpoint rejected.
        tokens_in: Tokens of the prompts that were answered.
        tokens_cached: Those of them that the teacher took from its prefix cache.
        tokens_out: Tokens that were generated.
        characters: Characters of the prompts that were answered.
        seconds: How long at least one request was in flight.
        retries: Requests that were sent again, by cause.
        money: What the tokens cost; None when the teacher's price is not known.
    """

    calls: int = 0
    reused: int = 0
    refused: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    characters: int = 0
    seconds: float = field(default=0.0, compare=False)
    retries: Mapping[str, int] = field(default_factory=dict)
    money: float | None = 0.0

    @property
    def tokens(self) -> int:
        """Tokens in both directions."""
        return self.tokens_in + self.tokens_out

    @property
    def figures(self) -> dict[str, str]:
        """What a person wants to know, in words."""
        causes = ", ".join(f"{cause} {times:,}" for cause, times in sorted(self.retries.items()))
        names = ("calls", "reused", "refused", "tokens_in", "tokens_cached", "tokens_out")
        return {
            **{name.replace("_", " "): f"{getattr(self, name):,}" for name in names},
            "sent again": causes or "0",
            "seconds": f"{self.seconds:,.0f}",
            "money": in_money(self.money),
        }

    def __add__(self, other: "Meter") -> "Meter":
        """Both together. What costs nobody knows what, costs that with anything else too."""
        unknown = self.money is None or other.money is None
        return Meter(
            **{name: getattr(self, name) + getattr(other, name) for name in _NUMBERS},
            retries=dict(Counter(self.retries) + Counter(other.retries)),
            money=None if unknown else (self.money or 0.0) + (other.money or 0.0),
        )

    def __sub__(self, other: "Meter") -> "Meter":
        """The numbers since `other` was read, without retries and money."""
        return Meter(**{name: getattr(self, name) - getattr(other, name) for name in _NUMBERS})

    @classmethod
    def of(
        cls, tally: Tally, *, running: float, retries: Mapping[str, int], money: float | None
    ) -> Self:
        """What a tally has counted; `running` is how long it has had requests in flight since."""
        counts = {name: getattr(tally, name) for name in _NUMBERS}
        counts["seconds"] += running
        return cls(**counts, retries=retries, money=money)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """A meter as a manifest has it; older ones do not say why a request was sent again."""
        known = {name: value for name, value in values.items() if name in _FIELDS}
        if isinstance(known.get("retries"), int):
            known["retries"] = {"unknown": known["retries"]} if known["retries"] else {}
        return cls(**known)


_FIELDS = {one.name for one in fields(Meter)}
_NUMBERS = [one.name for one in fields(Tally)]


def in_money(value: float | None) -> str:
    """An amount for a person: `?` when it is not known, and `-` when there is no bill."""
    if value is None:
        return "?"
    return f"{value:,.4f}" if 0 < value < 0.1 else f"{value:,.2f}" if value else "-"
