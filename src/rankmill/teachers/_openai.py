"""An open teacher behind OpenAI-compatible endpoints: who is asked, and how often."""

import random
from asyncio import get_running_loop, sleep
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from rankmill.errors import RequestRefused, TeacherIncapable, TeacherUnavailable
from rankmill.records import Attention, Chat, Continuation, Reply, Request
from rankmill.teachers import protocol
from rankmill.teachers._endpoint import Endpoint, Fault, Unreachable
from rankmill.teachers.engine import NO_ATTENTION
from rankmill.teachers.openai import OpenAI

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_REST = 10.0
T = TypeVar("T")


@asynccontextmanager
async def connect(spec: OpenAI, urls: Sequence[str]) -> AsyncIterator["Client"]:
    """Open a client of endpoints that all serve one model."""
    async with AsyncExitStack() as stack:
        endpoints = [Endpoint(spec, url) for url in dict.fromkeys(urls)]
        for endpoint in endpoints:
            stack.push_async_callback(endpoint.close)
        yield Client(spec, endpoints)


class Client:
    """The engine of `OpenAI`.

    Attributes:
        retries: Requests that were sent again.
    """

    def __init__(self, spec: OpenAI, endpoints: Sequence[Endpoint]) -> None:
        self.retries = 0
        self._spec = spec
        self._endpoints = tuple(endpoints)
        self._limit = "max_tokens"
        self._way: protocol.Way | None = None

    @property
    def concurrency(self) -> int:
        """Requests in flight at all endpoints together."""
        return self._spec.concurrency * len(self._endpoints)

    async def answer(self, request: Request, *, trial: int = 0) -> Reply:
        """Answer one request; see `Engine.answer`. The server's own chance tells trials apart."""
        del trial
        match request:
            case Chat():
                return await self._chat(request)
            case Continuation():
                return await self._continuation(request)
            case Attention():
                raise TeacherIncapable(NO_ATTENTION)

    async def _chat(self, chat: Chat) -> Reply:
        def read(body: Mapping[str, Any]) -> Reply:
            return protocol.read_chat(body, chat)

        limit = self._limit
        try:
            return await self._ask("/chat/completions", protocol.chat_body(chat, limit=limit), read)
        except protocol.NoLogprobs:
            raise TeacherIncapable(
                f"{self._spec.model} returns no top_logprobs with its answers"
            ) from None
        except RequestRefused as error:
            # OpenAI's newer models know the limit by another name only.
            if limit != "max_tokens" or "max_completion_tokens" not in str(error):
                raise
        self._limit = "max_completion_tokens"
        return await self._chat(chat)

    async def _continuation(self, wanted: Continuation) -> Reply:
        ways = (self._way,) if self._way else protocol.WAYS
        refusals: list[RequestRefused] = []
        for way in ways:
            try:
                reply = await self._score(wanted, way)
            except RequestRefused as error:
                refusals.append(error)
            except protocol.NoLogprobs:
                continue
            else:
                self._way = way
                return reply
        if len(refusals) == len(ways):
            raise refusals[-1]
        raise TeacherIncapable(
            f"{self._spec.model} returns no log-probabilities of its prompt, "
            "neither as prompt_logprobs nor with echo"
        )

    async def _score(self, wanted: Continuation, way: protocol.Way) -> Reply:
        prompt = wanted.prefix + wanted.text

        def read(
            body: Mapping[str, Any],
        ) -> tuple[Mapping[str, Any], list[str], list[float | None]]:
            return body, *protocol.prompt_tokens(body, way, prompt)

        asked = protocol.continuation_body(prompt, way)
        body, pieces, values = await self._ask("/completions", asked, read)
        count = protocol.tail(pieces, wanted)
        if count is None:
            before = protocol.continuation_body(wanted.prefix)
            count = protocol.prompt_length(body) - await self._ask(
                "/completions", before, protocol.prompt_length
            )
        return protocol.read_continuation(body, values, count)

    async def _ask(
        self, path: str, body: dict[str, Any], read: Callable[[Mapping[str, Any]], T]
    ) -> T:
        """Ask until a body can be read, as often as the spec allows."""
        whole = {"model": self._spec.model, **body, **self._spec.extra}
        unreachable: set[Endpoint] = set()
        faults: list[Exception] = []
        while len(faults) < self._spec.tries:
            endpoint = self._least_loaded(unreachable)
            try:
                return read(await endpoint.post(path, whole))
            except Unreachable as error:
                unreachable.add(endpoint)
                self._rest(endpoint, unreachable, error)
            except (Fault, protocol.BadBody) as fault:
                faults.append(fault)
                await self._wait(faults)
        raise TeacherUnavailable(
            f"{endpoint.url}: no answer after {len(faults)} tries, the last one: {faults[-1]}"
        ) from faults[-1]

    def _least_loaded(self, unreachable: Collection[Endpoint]) -> Endpoint:
        now = get_running_loop().time()
        return min(
            (endpoint for endpoint in self._endpoints if endpoint not in unreachable),
            key=lambda endpoint: (endpoint.resting_until > now, endpoint.in_flight),
        )

    def _rest(
        self, endpoint: Endpoint, unreachable: Collection[Endpoint], why: Unreachable
    ) -> None:
        """Leave an endpoint alone for a while, or give up when it was the last one."""
        endpoint.resting_until = get_running_loop().time() + _REST
        if len(unreachable) == len(self._endpoints):
            urls = ", ".join(one.url for one in self._endpoints)
            raise TeacherUnavailable(f"no teacher answers at {urls}: {why}") from why
        self.retries += 1

    async def _wait(self, faults: Sequence[Exception]) -> None:
        """Wait before the next try: as long as the server says, else longer each time."""
        if len(faults) == self._spec.tries:
            return
        self.retries += 1
        told = faults[-1].wait if isinstance(faults[-1], Fault) else None
        backoff = min(_FIRST_WAIT * 2 ** (len(faults) - 1), _LONGEST_WAIT)
        await sleep(backoff * random.uniform(0.5, 1) if told is None else told)
