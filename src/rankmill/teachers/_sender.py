"""Requests on their way: sent to one of several endpoints until one of them answers."""

import random
from asyncio import get_running_loop, sleep
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from rankmill.errors import RequestRefused, TeacherUnavailable
from rankmill.teachers._endpoint import Endpoint
from rankmill.teachers._faults import Fault, Unreachable
from rankmill.teachers._gate import Gate
from rankmill.teachers._pool import Pool, Post
from rankmill.teachers.openai import OpenAI, Place
from rankmill.teachers.protocol import BadBody, message_of

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_JITTER = 0.05
_LIMITS = ("max_tokens", "max_completion_tokens")
Recover = Callable[[], Awaitable[None]]
T = TypeVar("T")


@asynccontextmanager
async def sender(
    spec: OpenAI, places: Sequence[Place], say: Callable[[str], None], recover: Recover | None
) -> AsyncIterator["Sender"]:
    """Open connections to endpoints that all serve one model; see `connect`."""
    async with AsyncExitStack() as stack:
        posts = []
        for place in {place.url: place for place in places}.values():
            endpoint = Endpoint(spec, place.url)
            stack.push_async_callback(endpoint.close)
            gate = Gate(max(1, round(spec.concurrency * place.weight)))
            posts.append(Post(endpoint=endpoint, gate=gate))
        yield Sender(spec, Pool(posts=posts, patience=spec.patience_seconds, say=say), recover)


@dataclass(slots=True)
class _Attempts:
    """What became of one request so far."""

    faults: int = 0
    put_off: float = 0.0


class Sender:
    """Sends requests, and sends them again after failures that may pass.

    Args:
        spec: How.
        pool: Where to.
        recover: See `connect`.
        only: The one endpoint that is asked, of those in the pool.

    Attributes:
        causes: Requests that were sent again, by cause.
    """

    def __init__(
        self, spec: OpenAI, pool: Pool, recover: Recover | None, only: Post | None = None
    ) -> None:
        self.causes: Counter[str] = Counter()
        self._spec, self._pool, self._recover, self._only = spec, pool, recover, only
        self._sleeping = 0
        self._limit = _LIMITS[0]

    @property
    def concurrency(self) -> int:
        """Requests worth having here at once; those that wait to be sent again take no place."""
        return self._pool.places + self._sleeping

    def alone(self) -> list["Sender"]:
        """A sender for each endpoint that answers now, which does not ask it often."""
        spec = self._spec.model_copy(update={"tries": 2})
        awake = [post for post in self._pool.posts if not post.resting_until]
        return [Sender(spec, self._pool, self._recover, only=post) for post in awake]

    async def models(self) -> list[dict[str, Any]]:
        """What an endpoint says of the model; empty when it does not say."""
        every = await self._endpoint.models()
        return [one for one in every if one["id"] == self._spec.model]

    async def tokenize(self, text: str) -> dict[str, Any]:
        """What an endpoint's `/tokenize` says of a text; empty where it has none."""
        body = {"model": self._spec.model, "prompt": text, "add_special_tokens": False}
        return await self._endpoint.beside("/tokenize", orjson.dumps(body))

    @property
    def _endpoint(self) -> Endpoint:
        return (self._only or self._pool.posts[0]).endpoint

    async def ask(
        self, path: str, body: Mapping[str, Any], read: Callable[[Mapping[str, Any]], T]
    ) -> T:
        """Ask until an answer can be read, as often and as long as the spec allows.

        Args:
            path: Below the base URL.
            body: The body, without the model and what the spec adds.
            read: Reads an answer, or raises `BadBody` when it is none.

        Raises:
            TeacherUnavailable: No connection, or the tries are used up.
            TeacherRefused: A wrong key or an unknown model.
            TeacherIncapable: There is no such path for this model.
            RequestRefused: This one request is rejected.
        """
        known, other = _LIMITS
        limit, whole = self._limit, {"model": self._spec.model, **body, **self._spec.extra}
        if limit == other and known in whole:
            whole[other] = whole.pop(known)
        try:
            return await self.deliver(path, whole, read)
        except RequestRefused as error:
            # OpenAI's newer models know the limit by another name only.
            if limit == other or other not in str(error):
                raise
        self._limit = other
        return await self.ask(path, body, read)

    async def deliver(
        self, path: str, body: dict[str, Any], read: Callable[[Mapping[str, Any]], T]
    ) -> T:
        """Ask with a whole body until an answer can be read; see `ask`."""
        raw = orjson.dumps(body)
        kind = (path, body.get(self._limit, 0))
        attempts = _Attempts()
        while True:
            post = await self._pool.take(raw, self._only)
            try:
                return understood(await self._send(post, path, raw, kind), read)
            except BadBody as error:
                fault = Fault("bad body", str(error))
            except Fault as error:
                fault = error
            finally:
                self._pool.leave(post)
            await self._after(post, fault, attempts)

    async def _send(self, post: Post, path: str, raw: bytes, kind: object) -> dict[str, Any]:
        """Send a request once, and note how its endpoint took it."""
        began = get_running_loop().time()
        try:
            body = await post.endpoint.post(path, raw)
        except RequestRefused:
            self._pool.answered(post)
            raise
        self._pool.answered(post)
        post.gate.answered(kind, get_running_loop().time() - began)
        return body

    async def _after(self, post: Post, fault: Fault, attempts: _Attempts) -> None:
        """Return when a request may be sent again.

        Raises:
            TeacherUnavailable: It was tried, or put off, for too long.
        """
        if fault.wait is not None:
            attempts.put_off += fault.wait
            wait = fault.wait * random.uniform(1, 1 + _JITTER)
        else:
            attempts.faults += bool(self._recover) or not isinstance(fault, Unreachable)
            backoff = min(_FIRST_WAIT * 2 ** max(attempts.faults - 1, 0), _LONGEST_WAIT)
            wait = backoff * random.uniform(0.5, 1) if attempts.faults else 0.0
        self._give_up(post, fault, attempts)
        self.causes[fault.cause] += 1
        if self._recover and fault.wait is None:
            await self._recover()
        else:
            self._pool.failed(post, fault)
        if wait:
            self._sleeping += 1
            try:
                await sleep(wait)
            finally:
                self._sleeping -= 1

    def _give_up(self, post: Post, fault: Fault, attempts: _Attempts) -> None:
        url = post.endpoint.url
        if attempts.faults >= self._spec.tries:
            raise TeacherUnavailable(
                f"{url}: no answer after {attempts.faults} tries, the last one: {fault}"
            ) from fault
        if attempts.put_off > self._spec.patience_seconds:
            raise TeacherUnavailable(
                f"{url}: told to come back later for {attempts.put_off:.0f} s: {fault}"
            ) from fault


def understood(body: Mapping[str, Any], read: Callable[[Mapping[str, Any]], T]) -> T:
    """What `read` makes of an answer.

    Raises:
        BadBody: It is none: something in it is missing, or of another kind than it should be.
    """
    try:
        return read(body)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadBody(f"an answer of an unexpected form: {message_of(repr(error))}") from error
