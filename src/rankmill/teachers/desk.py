"""The desk where a build asks its teachers: every answer is kept before it is handed out."""

from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self, TypeVar

from rankmill.errors import Interrupted, Stopped
from rankmill.records import Request
from rankmill.teachers.budget import Account, Budget, Purse
from rankmill.teachers.door import Door
from rankmill.teachers.engine import Answer, Engine, Need, Openable, Surroundings
from rankmill.teachers.hall import Hall
from rankmill.teachers.holder import Holder
from rankmill.teachers.meter import Meter
from rankmill.teachers.prices import FREE, PriceList
from rankmill.teachers.store import ReplyStore, key_of
from rankmill.teachers.thread import LoopThread

T = TypeVar("T")
NOTHING: Mapping[str, Mapping[str, Need]] = MappingProxyType({})
NOBODY: Mapping[str, Meter] = MappingProxyType({})
_INTERRUPTED = "interrupted; the same command goes on from here"
_PATIENCE, _AFTER_A_FAULT = 30.0, 5.0


class TeacherSpec(Openable, Protocol):
    """A teacher's spec."""

    def identity(self) -> dict[str, Any]:
        """What makes this teacher another one than others, as plain JSON values."""
        ...


class Teachers:
    """The teachers of one build, and what they have answered so far.

    A teacher is opened when it is first asked something that the reply store does not know, so a
    build whose answers are all there loads no model. Everything runs on one event loop in a
    thread of its own; `run` may be called from any thread. However the desk is left, its door
    closes: nothing more is sent, and what is in flight is let finish and is kept, for half a
    minute at most, or some seconds after a fault.

    Args:
        specs: Teachers by name.
        replies: Folder of the reply store.
        views: For each teacher, what the views that use it need; it is probed when it is opened.
        budget: What may be spent. Once it is, the door closes, and whoever asks for what is not in
            the store gets `BudgetSpent` as soon as nothing is in flight any more.
        before: What earlier runs of the build asked, by teacher.

    Attributes:
        accounts: What is spent, and what tokens cost, by teacher.

    Raises:
        ConfigError: The budget caps money, and what a teacher costs is not known; or the user's
            table of prices is not valid.
    """

    def __init__(
        self,
        specs: Mapping[str, TeacherSpec],
        replies: Path,
        where: Surroundings,
        *,
        views: Mapping[str, Mapping[str, Need]] = NOTHING,
        budget: Budget | None = None,
        before: Mapping[str, Meter] = NOBODY,
    ) -> None:
        prices = PriceList.load(where.settings.prices)
        self.accounts = {name: Account(FREE, meter) for name, meter in before.items()}
        for name, spec in specs.items():
            self.accounts[name] = Account(prices.price_of(spec), before.get(name, Meter()))
        door = Door(Purse(budget, self.accounts) if budget else None)
        self._hall = Hall(door, where.say)
        where = replace(where, keep=self._hall.keep_unasked)
        for name, spec in specs.items():
            holder = Holder(name, spec, where, views.get(name, {}))
            self._hall.add(name, spec.identity(), self.accounts[name], holder)
        self._replies = replies
        self._interruptions = 0

    def __enter__(self) -> Self:
        self._hall.store = ReplyStore(self._replies)
        self._thread = LoopThread("teachers")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        fault = isinstance(error, Exception) and not isinstance(error, Stopped)
        self._interruptions = max(self._interruptions, 1)  # one more cuts the waiting short
        try:
            self._thread.run(self._hall.leave(_AFTER_A_FAULT if fault else _PATIENCE))
        finally:
            self._thread.close()
            self._hall.store.close()

    @property
    def meter(self) -> Meter:
        """What all teachers were asked so far."""
        return sum(self.meters.values(), Meter())

    @property
    def meters(self) -> dict[str, Meter]:
        """What each teacher was asked so far."""
        return {name: teacher.meter for name, teacher in self._hall}

    @property
    def totals(self) -> dict[str, Meter]:
        """What each teacher was asked in all runs, those included that are asked no more."""
        now = self.meters
        return {name: one.before + now.get(name, Meter()) for name, one in self.accounts.items()}

    @property
    def queues(self) -> dict[str, tuple[int, int]]:
        """How many requests of each teacher are in flight, and how many wait for a place."""
        return {name: (teacher.inside, len(teacher.waiting)) for name, teacher in self._hall}

    @property
    def in_use(self) -> bool:
        """Whether anybody asks, or waits for the answers that are still to come."""
        return self._thread.in_use

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that asks teachers, and return what it returns.

        Raises:
            Interrupted: `interrupt` was called meanwhile.
        """
        found = self._thread.run(work)
        if self._interruptions:
            raise Interrupted(_INTERRUPTED)
        return found

    def interrupt(self) -> None:
        """Have whoever asks get `Interrupted`; a signal handler may call this.

        What is in flight is let finish when the desk is left; a second call cuts that short.
        """
        self._interruptions += 1
        if self._interruptions == 1:
            self.stop(Interrupted(_INTERRUPTED))
        else:
            self._thread.call(self._hall.cut)

    def stop(self, why: Exception) -> None:
        """Close the door, from any thread. Whoever waits for an answer gets `why` at once."""
        self._thread.call(self._hall.stop, why)

    async def ask(self, name: str, request: Request, *, trial: int = 0) -> Answer:
        """Answer a request from the store, or else by the teacher called `name`.

        The answer is on disk before this returns. Requests that wait are sent in the order of an
        `Elevator`; one that is on its way already is not sent again.

        Args:
            name: A teacher of the recipe.
            request: What is asked.
            trial: Tells repeated askings of one request apart, from 0.

        Raises:
            ConfigError: There is no such teacher.
            TeacherError: The teacher could not answer. A request that an endpoint rejects is no
                error but an `Answer` without a reply, and is not kept.
            StorageError: The answer could not be kept.
            Stopped: The door is closed.
        """
        key = key_of(self._hall.teacher(name).identity, request, trial)
        if key not in self._hall.book and (known := self._hall.store.get(key)) is not None:
            self.accounts[name].tally.reused += 1
            return Answer(key=key, reply=known)
        return await self._hall.answer(name, key, request, trial)

    async def engine(self, name: str) -> Engine:
        """The open teacher called `name`; opens it."""
        return await self._hall.teacher(name).holder.open()
