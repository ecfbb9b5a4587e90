"""One teacher at a desk: what it is asked, by whom, and in which order."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from rankmill.errors import RequestRefused
from rankmill.records import Reply
from rankmill.teachers.budget import Account
from rankmill.teachers.call import Call
from rankmill.teachers.door import Door
from rankmill.teachers.elevator import Elevator
from rankmill.teachers.engine import Answer, Engine
from rankmill.teachers.holder import Holder
from rankmill.teachers.meter import Meter

Keep = Callable[[Mapping[str, Any], Call, Reply], None]
"""Puts the reply to a call on disk, under the identity of its teacher."""


@runtime_checkable
class CountsRetries(Protocol):
    """An engine that knows why its requests were sent again."""

    @property
    def causes(self) -> Mapping[str, int]:
        """Requests sent again since it was opened, by cause."""
        ...


class AskedTeacher:
    """Asks one teacher: as much at once as its engine wants, in the order of an elevator.

    Workers do it, each one call after another. They belong to nobody who waits: a call that went
    out is paid for, so its answer is kept even when all who waited for it have gone.

    Args:
        identity: What makes it another teacher than others.
        holder: Opens the teacher when there is a first call.
        account: What is spent is written here.
        door: Where calls come in.
        keep: Keeps a reply before it is handed out.
        left: Called whenever a worker has ended.

    Attributes:
        tally: What it was asked so far.
        waiting: Calls that wait for a worker.
        workers: Those who ask.
        inside: Calls in flight.
    """

    def __init__(
        self,
        identity: Mapping[str, Any],
        holder: Holder,
        account: Account,
        door: Door,
        keep: Keep,
        left: Callable[[], None],
    ) -> None:
        self.identity, self.tally = identity, account.tally
        self.waiting: Elevator[Call] = Elevator()
        self.workers: set[asyncio.Task[None]] = set()
        self.inside = 0
        self.holder = holder
        self._account = account
        self._door, self._keep, self._left = door, keep, left
        self._since = 0.0

    @property
    def meter(self) -> Meter:
        """What it was asked so far."""
        engine = self.holder.engine
        return Meter.of(
            self.tally,
            running=time.monotonic() - self._since if self.inside else 0.0,
            retries=dict(engine.causes) if isinstance(engine, CountsRetries) else {},
            money=self._account.money,
        )

    @property
    def batched(self) -> bool:
        """Whether what is in flight lies in batches, which go on when nobody waits for them."""
        return bool(getattr(self.holder.engine, "batched", False))

    def admit(self, call: Call) -> None:
        """Have a call wait for its turn."""
        self.waiting.push(call.texts, call)
        self.staff()

    def staff(self) -> None:
        """Have as many workers as there are calls for, and places."""
        engine = self.holder.engine
        places = engine.concurrency if engine else 1  # who opens the teacher finds out
        spare = places - len(self.workers)
        if spare > 0 and self._door.lets_in():
            for _ in range(min(len(self.waiting), spare)):
                worker = asyncio.create_task(self._work())
                self.workers.add(worker)
                worker.add_done_callback(self._ended)

    async def _work(self) -> None:
        """Ask one call after another while there is one to ask, and a place to do so."""
        engine = self.holder.engine
        if engine is None:
            engine = await self.holder.open()
            self.staff()
        while call := self._next():
            await self._ask(engine, call)
            spare = engine.concurrency - len(self.workers)
            if spare < 0:
                break
            if spare:
                self.staff()

    def _next(self) -> Call | None:
        """The call whose turn it is, unless nothing may begin now."""
        while self.waiting and self._door.lets_in():
            call = self.waiting.pop()
            if call.wanted:
                return call
            call.strike()
        return None

    async def _ask(self, engine: Engine, call: Call) -> None:
        self._come()
        try:
            call.land(await self._answer(engine, call))
        except BaseException as error:
            cut = isinstance(error, asyncio.CancelledError) and not self._door.open
            call.fail(self._door.why if cut else error)
            raise
        finally:
            self._go()

    async def _answer(self, engine: Engine, call: Call) -> Answer:
        try:
            reply = await engine.answer(call.request, trial=call.trial)
        except RequestRefused as error:
            self.tally.refused += 1
            return Answer(key=call.key, reply=None, refusal=str(error))
        self.tally.add(reply, sum(map(len, call.texts)))
        self._keep(self.identity, call, reply)
        return Answer(key=call.key, reply=reply)

    def _come(self) -> None:
        if not self.inside:
            self._since = time.monotonic()
        self.inside += 1
        self._door.inside += 1

    def _go(self) -> None:
        self.inside -= 1
        self._door.inside -= 1
        if not self.inside:
            self.tally.seconds += time.monotonic() - self._since

    def cut(self) -> None:
        """Give up what is in flight."""
        for worker in self.workers:
            worker.cancel()

    async def leave(self, patience: float) -> None:
        """Let what is in flight finish, for so many seconds at most, and close the teacher."""
        if self.inside and not self.batched:
            await asyncio.wait(self.workers, timeout=patience)
        if late := set(self.workers):
            self.cut()
            await asyncio.wait(late)
        await self.holder.close()

    def _ended(self, worker: asyncio.Task[None]) -> None:
        """A worker is done. One that could not open the teacher says why to all who wait."""
        self.workers.discard(worker)
        fault = None if worker.cancelled() else worker.exception()
        if fault and self.holder.engine is None:
            while self.waiting:
                self.waiting.pop().fail(fault)
        self._left()
