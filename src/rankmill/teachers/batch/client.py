"""The client of a teacher that is asked in batches: it says the same, and waits for longer."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

import orjson

from rankmill.errors import TeacherError, TeacherUnavailable
from rankmill.records import Reply, Request
from rankmill.spec import Spec
from rankmill.teachers._faults import Fault, Words
from rankmill.teachers._openai import Client
from rankmill.teachers._pool import Pool
from rankmill.teachers._sender import Sender, understood
from rankmill.teachers.batch.ledger import Ledger, Line
from rankmill.teachers.batch.rounds import Body, Rounds, Service
from rankmill.teachers.batch.spec import Batch
from rankmill.teachers.engine import Need, Surroundings
from rankmill.teachers.openai import OpenAI
from rankmill.teachers.probe import conformance
from rankmill.teachers.protocol import BadBody
from rankmill.teachers.store import key_of

T = TypeVar("T")
Form = Callable[[str, dict[str, Any]], tuple[str, dict[str, Any]]]
"""Puts a path and a body in the form that a batch of some service wants."""


@asynccontextmanager
async def batches(
    engine: "Batched", how: Batch, service: Service, where: Surroundings
) -> AsyncIterator["Batched"]:
    """Have an engine ask in batches; those of earlier builds are gone on with.

    Raises:
        TeacherUnavailable: Another build waits for batches of the same teacher.
        StorageError: The ledger cannot be read or written.
    """
    ledger = Ledger(where.settings.data, engine.fingerprint)
    with ledger.alone():
        rounds = Rounds(how, service, ledger, engine.keep, where.say)
        engine.mail.rounds = rounds
        try:
            await rounds.resume()
            yield engine
        finally:
            await engine.close()
            await rounds.close()


@dataclass(slots=True, kw_only=True)
class _Talk:
    """All that is asked to answer one request.

    Attributes:
        key: The request's key in the reply store.
        given: The body that answers the first question; None when it has to be asked.
        asked: Questions so far.
    """

    key: str
    request: Request
    trial: int
    given: Body | None = None
    asked: int = 0

    def line(self, path: str, raw: bytes) -> Line:
        """The next question. The first has the request's own key, whatever its words are."""
        self.asked += 1
        more = f".{sha256(path.encode() + raw).hexdigest()[:8]}" if self.asked > 1 else ""
        name = self.key + more
        return Line(custom_id=name, request=self.request, trial=self.trial, path=path, raw=raw)


_talk: ContextVar[_Talk | None] = ContextVar("talk", default=None)


class _MoreToAsk(Exception):
    """One body is not enough to read a reply."""


class Mail(Sender):
    """Sends what is asked as part of a talk in batches, and anything else at once.

    Args:
        spec: Who is asked.
        pool: Where live questions go.
        form: How a path and a body are put in a batch.

    Attributes:
        rounds: What batches are made of.
    """

    rounds: Rounds

    def __init__(self, spec: OpenAI, pool: Pool, form: Form) -> None:
        super().__init__(spec, pool, None)
        self._form, self._words = form, Words(spec, "")

    @property
    def concurrency(self) -> int:
        """All that anybody wants to ask."""
        return 1_000_000

    async def deliver(
        self, path: str, body: dict[str, Any], read: Callable[[Mapping[str, Any]], T]
    ) -> T:
        """Ask in one round after the other until an answer can be read; see `Sender.ask`."""
        talk = _talk.get()
        if talk is None:
            return await super().deliver(path, body, read)
        path, body = self._form(path, body)
        line = talk.line(path, orjson.dumps(body))
        if talk.given is None:
            return await self._ask(line, read)
        if talk.asked > 1:
            raise _MoreToAsk
        return understood(talk.given, read)

    async def _ask(self, line: Line, read: Callable[[Mapping[str, Any]], T]) -> T:
        for _ in range(self._spec.tries):
            try:
                return understood(await self.rounds.body(line), read)
            except BadBody as error:
                fault = Fault("bad body", str(error))
            except Fault as error:
                fault = error
            except TeacherError as error:
                raise type(error)(self._words.scrub(str(error))) from None
            self.causes[fault.cause] += 1
        last = self._words.scrub(str(fault))
        raise TeacherUnavailable(f"no answer in {self._spec.tries} batches, the last one: {last}")


class Batched(Client):
    """The engine of a teacher that is asked in batches.

    Args:
        spec: Who is asked, and how.
        pool: Where live questions go.
        teacher: The identity that replies are kept under, and its fingerprint.
        where: Whose reply store.
        lacks: What cannot be asked for in batches, and why; None when it can be found out live.
        form: How a path and a body are put in a batch; as they are, unless it says otherwise.
    """

    batched = True

    def __init__(
        self,
        spec: OpenAI,
        pool: Pool,
        *,
        teacher: Spec,
        where: Surroundings,
        lacks: Mapping[Need, str] | None = None,
        form: Form = lambda path, body: (path, body),
    ) -> None:
        self.mail = Mail(spec, pool, form)
        super().__init__(spec, self.mail)
        if lacks is not None:
            self._abilities.assume("choice", "regex", "json_schema")
        self.fingerprint = teacher.fingerprint
        self._teacher, self._keep, self._lacks = teacher.identity(), where.keep, lacks
        self._asked: set[str] = set()
        self._early: dict[str, Reply] = {}

    async def answer(self, request: Request, *, trial: int = 0) -> Reply:
        """Answer one request by the next batch; see `Engine.answer`."""
        key = key_of(self._teacher, request, trial)
        if key in self._early:  # a batch of before brought it while the question was on its way
            return self._early.pop(key)
        self._asked.add(key)
        try:
            return await self._about(_Talk(key=key, request=request, trial=trial))
        finally:
            self._asked.discard(key)

    async def at_once(self, request: Request, *, trial: int = 0) -> Reply:
        """Answer one request without a batch; see `Engine.answer`."""
        return await super().answer(request, trial=trial)

    async def conformance(self, needs: Collection[Need]) -> dict[Need, str]:
        """What is wrong with the teacher, found out at once where it has an endpoint."""
        if self._lacks is None:
            return await conformance(_AtOnce(self), needs)
        return {need: why for need, why in self._lacks.items() if need in needs}

    async def describe(self) -> list[str]:
        """What the teacher can do, found out at once where it has an endpoint."""
        if self._lacks is None:
            return await super().describe()
        return ["answers by the file; nothing is tried beforehand"]

    async def _permutes(self) -> bool:
        """No: what repeats an identifier would need one batch after the other."""
        return False

    async def keep(self, line: Line, body: Body) -> bool:
        """Keep the reply that a body holds; False if it holds none, or no whole one."""
        key = key_of(self._teacher, line.request, line.trial)
        talk = _Talk(key=key, request=line.request, trial=line.trial, given=body)
        try:
            reply = await self._about(talk)
        except (TeacherError, BadBody, _MoreToAsk):
            return False
        self._keep(self._teacher, line.request, line.trial, reply)
        if key not in self._asked:
            self._early[key] = reply
        return True

    async def _about(self, talk: _Talk) -> Reply:
        _talk.set(talk)
        try:
            return await super().answer(talk.request, trial=talk.trial)
        finally:
            _talk.set(None)


class _AtOnce:
    """A batched engine that does not wait for batches."""

    concurrency = 1

    def __init__(self, engine: Batched) -> None:
        self._engine = engine

    async def answer(self, request: Request, *, trial: int = 0) -> Reply:
        return await self._engine.at_once(request, trial=trial)
