"""What a build may spend on its teachers."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rankmill.errors import ConfigError
from rankmill.spec import Machine, Spec
from rankmill.teachers.meter import Meter, Tally, in_money
from rankmill.teachers.prices import Price


class Budget(Spec):
    """Caps; a build stops cleanly at the first that it reaches. None is no cap.

    Calls, tokens and money count over all runs of a build, minutes over one. Requests that are in
    flight when a cap is reached are let finish and are kept, so tokens and money may exceed it by
    what was in flight. Answers from the reply store cost nothing. A file of a
    batch is in flight whole: only a cap on calls stops it beforehand.

    Attributes:
        calls: Requests that teachers answer.
        tokens: Of prompts and replies together.
        money: By the prices of the teachers, each of which must be known.
        minutes: From the beginning of a run; after them no request is sent.
    """

    calls: int | None = Machine(None, ge=0)
    tokens: int | None = Machine(None, ge=0)
    money: float | None = Machine(None, ge=0)
    minutes: float | None = Machine(None, ge=0)

    @property
    def caps(self) -> bool:
        """Whether it caps anything."""
        return any(cap is not None for _, cap in self)


@dataclass(slots=True)
class Account:
    """What is spent on one teacher.

    Attributes:
        price: What its tokens cost; None when that is not known.
        before: What earlier runs of the build asked of it.
        tally: What this run asks.
    """

    price: Price | None = None
    before: Meter = field(default_factory=Meter)
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        if self.before.money is None and self.price:  # it was not known then
            self.before = replace(self.before, money=self.price.of(self.before))

    @property
    def money(self) -> float | None:
        """What this run has spent, if that is known."""
        return self.price.of(self.tally) if self.price else None


class Purse:
    """What is left of a budget, while a run spends it.

    Args:
        budget: The caps.
        accounts: What is spent, by teacher.

    Raises:
        ConfigError: Money is capped, and what a teacher costs is not known.
    """

    def __init__(self, budget: Budget, accounts: Mapping[str, Account]) -> None:
        unknown = [name for name, one in accounts.items() if None in {one.money, one.before.money}]
        if budget.money is not None and unknown:
            raise ConfigError(
                f"budget.money: the price of {', '.join(unknown)} is not known; set price_in and "
                "price_out of the teacher, or give its model an entry in a file that "
                "RANKMILL_PRICES names"
            )
        self._budget, self._accounts = budget, list(accounts.values())
        self._began = time.monotonic()

    def has_room(self, inside: int) -> bool:
        """Whether one more call may begin while so many are in flight."""
        return self._budget.calls is None or self._calls + inside < self._budget.calls

    def reached(self) -> str:
        """The cap that is reached and what was spent, in words; empty while none is."""
        for name, spent, cap in self._caps():
            if spent is not None and spent >= cap:
                return f"budget.{name} = {cap:,} is reached: {self}"
        return ""

    def _caps(self) -> Iterator[tuple[str, float | None, float]]:
        budget = self._budget
        if budget.calls is not None:
            yield "calls", self._calls, budget.calls
        if budget.tokens is not None:
            yield "tokens", self._tokens, budget.tokens
        if budget.money is not None:
            yield "money", self._money, budget.money
        if budget.minutes is not None:
            yield "minutes", (time.monotonic() - self._began) / 60, budget.minutes

    def __str__(self) -> str:
        minutes = (time.monotonic() - self._began) / 60
        return (
            f"{self._calls:,} calls, {self._tokens:,} tokens, money {in_money(self._money)} and "
            f"{minutes:,.1f} minutes spent"
        )

    @property
    def _calls(self) -> int:
        return sum(one.before.calls + one.tally.calls for one in self._accounts)

    @property
    def _tokens(self) -> int:
        return sum(one.before.tokens + one.tally.tokens for one in self._accounts)

    @property
    def _money(self) -> float | None:
        return total([spent for one in self._accounts for spent in (one.before.money, one.money)])


def total(amounts: Sequence[float | None]) -> float | None:
    """All amounts together; None when one of them is not known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
