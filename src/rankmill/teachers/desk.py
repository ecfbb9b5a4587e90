"""The desk where a build asks its teachers: every answer is kept before it is handed out."""

import asyncio
import signal
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self, TypeVar

from rankmill.errors import ConfigError, Interrupted, Stopped
from rankmill.records import Reply, Request
from rankmill.teachers.asked import AskedTeacher
from rankmill.teachers.budget import Account, Budget, Purse
from rankmill.teachers.call import Call, texts_of
from rankmill.teachers.door import Door
from rankmill.teachers.engine import Answer, Engine, Need, Openable, Surroundings
from rankmill.teachers.holder import Holder
from rankmill.teachers.meter import Meter
from rankmill.teachers.prices import PriceList
from rankmill.teachers.store import ReplyStore, key_of

T = TypeVar("T")
NOTHING: Mapping[str, Mapping[str, Need]] = MappingProxyType({})
_INTERRUPTED = "interrupted; the same command goes on from here"
_PATIENCE, _AFTER_A_FAULT, _A_MOMENT = 30.0, 5.0, 0.2


class TeacherSpec(Openable, Protocol):
    """A teacher's spec."""

    def identity(self) -> dict[str, Any]:
        """What makes this teacher another one than others, as plain JSON values."""
        ...


class Teachers:
    """The teachers of one build, and what they have answered so far.

    A teacher is opened when it is first asked something that the reply store does not know, so a
    build whose answers are all there loads no model. Everything runs on one event loop in a
    thread of its own; `run` may be called from any thread.

    However the desk is left, its door closes: nothing more is sent, and what is in flight is let
    finish and is kept, for half a minute at most, or some seconds after a fault. An interruption
    cuts that short.

    Args:
        specs: Teachers by name.
        replies: Folder of the reply store.
        views: For each teacher, what the views that use it need; it is probed when it is opened.
        budget: What may be spent. Once it is, the door closes, and whoever asks for what is not in
            the store gets `BudgetSpent` as soon as nothing is in flight any more.
        before: What earlier runs spent of it.

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
        before: Meter | None = None,
    ) -> None:
        prices = PriceList.load(where.settings.prices)
        self.accounts = {name: Account(prices.price_of(spec)) for name, spec in specs.items()}
        self._door = Door(Purse(budget, before or Meter(), self.accounts) if budget else None)
        self._identities = {name: spec.identity() for name, spec in specs.items()}
        self._book: dict[str, Call] = {}
        self._running: set[Future[Any]] = set()
        self._interruptions = 0
        self._turning: asyncio.TimerHandle | None = None
        self._replies, self._say = replies, where.say
        inside = replace(where, keep=self._keep_unasked)
        self._teachers = {
            name: AskedTeacher(
                Holder(name, spec, inside, views.get(name, {})),
                self.accounts[name],
                self._door,
                partial(self._keep, self._identities[name]),
                self._go_on,
            )
            for name, spec in specs.items()
        }

    def __enter__(self) -> Self:
        # polars, once imported, has an endless wait go on after Ctrl-C.
        signal.siginterrupt(signal.SIGINT, True)
        self._store = ReplyStore(self._replies)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="teachers", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        fault = isinstance(error, Exception) and not isinstance(error, Stopped)
        try:
            self._wait(self._leave(_AFTER_A_FAULT if fault else _PATIENCE))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._store.close()

    @property
    def meter(self) -> Meter:
        """What all teachers were asked so far."""
        return sum(self.meters.values(), Meter())

    @property
    def meters(self) -> dict[str, Meter]:
        """What each teacher was asked so far."""
        return {name: teacher.meter for name, teacher in self._teachers.items()}

    @property
    def queues(self) -> dict[str, tuple[int, int]]:
        """How many requests of each teacher are in flight, and how many wait for a place."""
        return {name: (one.inside, len(one.waiting)) for name, one in self._teachers.items()}

    @property
    def in_use(self) -> bool:
        """Whether somebody asks, or waits for the answers that are still to come."""
        return bool(self._running)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that asks teachers, and return what it returns.

        Raises:
            Interrupted: `interrupt` was called meanwhile.
        """
        found = self._wait(work)
        if self._interruptions:
            raise Interrupted(_INTERRUPTED)
        return found

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._running.add(running)
        try:
            return running.result()
        finally:
            self._running.discard(running)
            running.cancel()

    def interrupt(self) -> None:
        """Close the door and have whoever asks get `Interrupted`; a signal handler may call this.

        What is in flight is let finish when the desk is left; a second call cuts that short.
        """
        self._interruptions += 1
        if self._interruptions > 1:
            self._loop.call_soon_threadsafe(self._cut)
        else:
            self._loop.call_soon_threadsafe(self._stop, Interrupted(_INTERRUPTED))

    def stop(self, why: Exception) -> None:
        """Close the door, from any thread. Whoever waits for an answer gets `why` at once."""
        self._loop.call_soon_threadsafe(self._stop, why)

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
        teacher = self._teachers.get(name)
        if teacher is None:
            raise ConfigError(f"no teacher {name}; there are {', '.join(sorted(self._teachers))}")
        key = key_of(self._identities[name], request, trial)
        call = self._book.get(key)
        if call:
            return await self._share(teacher, call)
        if (known := self._store.get(key)) is not None:
            teacher.tally.reused += 1
            return Answer(key=key, reply=known)
        call = self._book[key] = Call(self._book, key, request, trial, texts_of(request))
        waiter = call.wait()
        teacher.admit(call)
        if not self._door.open:
            self._go_on()
        return await waiter

    async def _share(self, teacher: AskedTeacher, call: Call) -> Answer:
        """Wait for what somebody else has asked."""
        answer = await call.wait()
        if answer.reply:
            teacher.tally.reused += 1
        else:
            teacher.tally.refused += 1
        return answer

    async def engine(self, name: str) -> Engine:
        """The open teacher called `name`; opens it."""
        return await self._teachers[name].holder.open()

    def _keep(self, identity: Mapping[str, Any], call: Call, reply: Reply) -> None:
        self._store.put(call.key, identity, call.request, call.trial, reply)

    def _keep_unasked(
        self, identity: Mapping[str, Any], request: Request, trial: int, reply: Reply
    ) -> None:
        """Keep a reply that its teacher came by unasked."""
        key = key_of(identity, request, trial)
        if key in self._store:
            return
        for name, account in self.accounts.items():
            if self._identities[name] == identity and key not in self._book:
                account.tally.add(reply, sum(map(len, texts_of(request))))
                break
        self._store.put(key, identity, request, trial, reply)

    def _go_on(self) -> None:
        """A call is over, or none may begin: who waits gets a place, or is turned away."""
        if self._door.open:
            for teacher in self._teachers.values():
                teacher.staff()
        elif not self._door.inside:  # when nobody has come for a moment: the store may know more
            if self._turning:
                self._turning.cancel()
            self._turning = self._loop.call_later(_A_MOMENT, self._turn_away)

    def _turn_away(self) -> None:
        why = self._door.why
        for call in list(self._book.values()):
            call.fail(why)

    def _stop(self, why: Exception) -> None:
        self._door.close(why)
        self._turn_away()

    def _cut(self) -> None:
        for teacher in self._teachers.values():
            teacher.cut()

    async def _leave(self, patience: float) -> None:
        """Let what is in flight finish, and close every teacher."""
        self._stop(Stopped("the build's teachers are closed"))
        if flying := sum(one.inside for one in self._teachers.values() if not one.batched):
            self._say(
                f"{flying} calls in flight are let finish, {patience:.0f} s at most; one more "
                "interruption ends them"
            )
        await asyncio.gather(*(one.leave(patience) for one in self._teachers.values()))
        await self._loop.shutdown_default_executor()
