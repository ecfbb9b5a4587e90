"""The desk where a build asks its teachers: every answer is kept before it is handed out."""

import asyncio
import threading
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

from rankmill.errors import ConfigError, RequestRefused, TeacherUnavailable
from rankmill.records import Reply, Request
from rankmill.teachers.engine import Answer, Engine, Need, Openable, Surroundings
from rankmill.teachers.openai import OpenAI
from rankmill.teachers.probe import probe
from rankmill.teachers.store import ReplyStore, key_of

T = TypeVar("T")
NOTHING: Mapping[str, Mapping[str, Need]] = MappingProxyType({})


class TeacherSpec(Openable, Protocol):
    """A teacher's spec."""

    def identity(self) -> dict[str, Any]:
        """What makes this teacher another one than others, as plain JSON values."""
        ...


@runtime_checkable
class CountsRetries(Protocol):
    """An engine that knows how many of its requests were sent again."""

    @property
    def retries(self) -> int:
        """Requests sent again since it was opened."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What was asked so far.

    Attributes:
        calls: Requests that a teacher answered.
        reused: Requests that the reply store answered.
        refused: Requests that an endpoint rejected.
        tokens_in: Tokens of prompt that were sent.
        tokens_out: Tokens that were generated.
        retries: Requests that were sent again.
        money: What the tokens cost, where the teacher's spec has prices.
    """

    calls: int = 0
    reused: int = 0
    refused: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    retries: int = 0
    money: float = 0.0

    def __add__(self, other: "Meter") -> "Meter":
        """Both together."""
        return Meter(
            calls=self.calls + other.calls,
            reused=self.reused + other.reused,
            refused=self.refused + other.refused,
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            retries=self.retries + other.retries,
            money=self.money + other.money,
        )


class Teachers:
    """The teachers of one build, and what they have answered so far.

    A teacher is opened when it is first asked something that the reply store does not know, so a
    build whose answers are all there loads no model. Everything runs on one event loop in a
    thread of its own; `run` may be called from any thread.

    Args:
        specs: Teachers by name.
        replies: Folder of the reply store.
        views: For each teacher, what the views that use it need; it is probed when it is opened.
    """

    def __init__(
        self,
        specs: Mapping[str, TeacherSpec],
        replies: Path,
        where: Surroundings,
        *,
        views: Mapping[str, Mapping[str, Need]] = NOTHING,
    ) -> None:
        self._teachers = {
            name: _Teacher(name, spec, where, views.get(name, {})) for name, spec in specs.items()
        }
        self._replies = replies
        self._flights: dict[str, asyncio.Future[Answer | None]] = {}
        self._asking: set[asyncio.Task[Any] | None] = set()

    def __enter__(self) -> Self:
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
        try:
            asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result()
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

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that asks teachers, and return what it returns.

        An interruption of the calling thread cancels it.
        """
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result()
        finally:
            running.cancel()

    def cancel(self) -> None:
        """Give up everything that is being asked, from any thread; whoever waits is cancelled."""
        self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> list[asyncio.Task[Any]]:
        asking = [task for task in self._asking if task]
        for task in asking:
            task.cancel()
        return asking

    async def ask(self, name: str, request: Request, *, trial: int = 0) -> Answer:
        """Answer a request from the store, or else by the teacher called `name`.

        The answer is on disk before this returns. Requests are sent in the order in which they
        are asked; one that is on its way already is not sent again.

        Args:
            name: A teacher of the recipe.
            request: What is asked.
            trial: Tells repeated askings of one request apart, from 0.

        Raises:
            ConfigError: There is no such teacher.
            TeacherError: The teacher could not answer. A request that an endpoint rejects is no
                error but an `Answer` without a reply, and is not kept.
            StorageError: The answer could not be kept.
        """
        if name not in self._teachers:
            raise ConfigError(f"no teacher {name}; there are {', '.join(sorted(self._teachers))}")
        asking = asyncio.current_task()
        self._asking.add(asking)
        try:
            return await self._ask(self._teachers[name], request, trial)
        finally:
            self._asking.discard(asking)

    async def _ask(self, teacher: "_Teacher", request: Request, trial: int) -> Answer:
        key = key_of(teacher.identity, request, trial)
        while key in self._flights:
            answer = await asyncio.shield(self._flights[key])
            if answer:
                teacher.counts["reused" if answer.reply else "refused"] += 1
                return answer
        if (known := self._store.get(key)) is not None:
            teacher.counts["reused"] += 1
            return Answer(key=key, reply=known)
        landing = self._flights[key] = self._loop.create_future()
        try:
            answer = await self._fetch(teacher, key, request, trial)
            landing.set_result(answer)
        finally:
            del self._flights[key]
            if not landing.done():  # whoever waits for it asks for itself
                landing.set_result(None)
        return answer

    async def _fetch(self, teacher: "_Teacher", key: str, request: Request, trial: int) -> Answer:
        try:
            reply = await teacher.answer(request, trial)
        except RequestRefused as error:
            teacher.counts["refused"] += 1
            return Answer(key=key, reply=None, refusal=str(error))
        self._store.put(key, teacher.identity, request, trial, reply)
        return Answer(key=key, reply=reply)

    async def engine(self, name: str) -> Engine:
        """The open teacher called `name`; opens it."""
        return await self._teachers[name].engine()

    async def _leave(self) -> None:
        """Cancel what is still asked, then close every teacher."""
        await asyncio.gather(*self._cancel(), return_exceptions=True)
        for teacher in self._teachers.values():
            await teacher.close()
        await self._loop.shutdown_default_executor()


class _Teacher:
    """One teacher: closed until it is first asked, then open until told to leave."""

    def __init__(
        self, name: str, spec: TeacherSpec, where: Surroundings, views: Mapping[str, Need]
    ) -> None:
        self.identity = spec.identity()
        self.counts: Counter[str] = Counter()
        self._name, self._spec, self._where, self._views = name, spec, where, views
        self._engine: Engine | None = None
        self._holder: asyncio.Task[None] | None = None
        self._opened, self._leave = asyncio.Event(), asyncio.Event()
        self._places = asyncio.Semaphore(0)

    @property
    def meter(self) -> Meter:
        """What it was asked so far."""
        counts = dict(self.counts)
        retries = self._engine.retries if isinstance(self._engine, CountsRetries) else 0
        return Meter(retries=retries, money=self._money(counts), **counts)

    def _money(self, counts: Mapping[str, int]) -> float:
        if not isinstance(self._spec, OpenAI):
            return 0.0
        spent_in = counts.get("tokens_in", 0) * (self._spec.price_in or 0.0)
        spent_out = counts.get("tokens_out", 0) * (self._spec.price_out or 0.0)
        return (spent_in + spent_out) / 1_000_000

    async def answer(self, request: Request, trial: int) -> Reply:
        """Answer one request when its turn comes."""
        engine = self._engine or await self.engine()
        async with self._places:
            reply = await engine.answer(request, trial=trial)
        self.counts.update(calls=1, tokens_in=reply.tokens_in, tokens_out=reply.tokens_out)
        return reply

    async def engine(self) -> Engine:
        """The open teacher. Whoever comes first has it opened, and all wait for that.

        One that could not be opened is tried again by whoever asks after those who waited.
        """
        if self._holder is None:
            self._opened.clear()
            self._holder = asyncio.create_task(self._hold())
            self._holder.add_done_callback(lambda _: self._opened.set())
        holder = self._holder
        await self._opened.wait()
        if self._engine is None:
            if self._holder is holder:
                self._holder = None
            holder.result()  # raises why it could not be opened
            raise TeacherUnavailable(f"teacher {self._name} is closed")
        return self._engine

    async def close(self) -> None:
        """Close the teacher, and end every process that it started."""
        if self._holder is None:
            return
        if self._engine is None:
            self._holder.cancel()
            await asyncio.wait([self._holder])
        else:
            self._leave.set()
            await self._holder

    async def _hold(self) -> None:
        """Keep the teacher open; it is closed by the task that opened it."""
        async with self._spec.open(self._where) as engine:
            await probe(self._name, engine, self._views)
            for _ in range(engine.concurrency):
                self._places.release()
            self._engine = engine
            self._opened.set()
            await self._leave.wait()
