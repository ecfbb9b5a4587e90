"""An open teacher behind OpenAI-compatible endpoints: in which words it is asked."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from rankmill.errors import RequestRefused, TeacherIncapable
from rankmill.records import Attention, Chat, Continuation, Message, Reply, Request
from rankmill.teachers import protocol
from rankmill.teachers._abilities import (
    ABOUT,
    Abilities,
    going_on,
    held_to_choices,
    held_to_grammar,
    held_to_regex,
    held_to_schema,
    thinking,
)
from rankmill.teachers._sender import Recover, Sender, sender
from rankmill.teachers.engine import NO_ATTENTION
from rankmill.teachers.held import sequence, unrepeated, written
from rankmill.teachers.openai import OpenAI, Place


@asynccontextmanager
async def connect(
    spec: OpenAI,
    places: Sequence[Place],
    say: Callable[[str], None],
    *,
    recover: Recover | None = None,
) -> AsyncIterator["Client"]:
    """Open a client of endpoints that all serve one model.

    Args:
        spec: How they are asked.
        places: Where they are.
        say: Takes a line when they stop answering, and when they answer again.
        recover: Awaited after a failure, for servers that this process started: returns when they
            answer again, and raises `TeacherUnavailable` when they will not.
    """
    async with sender(spec, places, say, recover) as opened:
        client = Client(spec, opened)
        try:
            yield client
        finally:
            await client.close()


class Client:
    """The engine of `OpenAI`: what is asked becomes a body, and an answer becomes a reply."""

    def __init__(self, spec: OpenAI, sender: Sender) -> None:
        self._spec, self._sender = spec, sender
        self._abilities = Abilities(sender.alone)
        self._way: protocol.Way | None = None

    async def close(self) -> None:
        """Stop finding out what the endpoints can do."""
        await self._abilities.close()

    @property
    def causes(self) -> Counter[str]:
        """Requests that were sent again, by cause."""
        return self._sender.causes

    @property
    def concurrency(self) -> int:
        """Requests worth having here at once: those in flight, and those told to come later."""
        return self._sender.concurrency

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

    async def describe(self) -> list[str]:
        """What the endpoints can do, in words for people; each ability is tried."""
        context, known = await self._abilities.context(), await self._abilities.every()
        words = [ABOUT[ability] for ability in known]
        return [
            f"context: {context:,} tokens" if context else "context: not said",
            f"can be held to, or asked for: {', '.join(words) or 'nothing special'}",
            f"permutations: {'cannot be malformed' if await self._permutes() else 'read strictly'}",
            f"thinking: {await thinking(self._sender)}",
        ]

    async def _chat(self, chat: Chat) -> Reply:
        if chat.permutes and await self._permutes():
            return await self._permutation(chat)
        return await self._turn(chat, await self._held(chat))

    async def _permutes(self) -> bool:
        return await self._abilities.can("regex", "continue")

    async def _held(self, chat: Chat) -> dict[str, Any]:
        """Fields that have the endpoints keep to what a request wants, where they can."""
        can = self._abilities.can
        if chat.choices and await can("choice"):
            return held_to_choices(chat.choices)
        if chat.choices and await can("grammar"):
            return held_to_grammar(chat.choices)
        if chat.schema and await can("json_schema"):
            return held_to_schema(chat.schema)
        if chat.labels and await can("label_tokens"):
            ids = await self._abilities.token_ids(chat.labels)
            return {"logprob_token_ids": ids} if ids else {}
        return {}

    async def _permutation(self, chat: Chat) -> Reply:
        """A permutation, by a decoder that is held to one.

        Servers hold a reply to regular expressions, which cannot forbid that an identifier
        repeats. So what comes before the first repeat is kept, and the rest is asked for again
        without what is taken: each identifier is drawn as if the taken ones were impossible.
        """
        named: list[int] = []
        parts: list[Reply] = []
        while len(named) < chat.permutes:
            left = [place for place in range(1, chat.permutes + 1) if place not in named]
            begun = " > ".join([*(f"[{place}]" for place in named), "["])
            turn = replace(
                chat, messages=(*chat.messages, Message(role="assistant", content=begun))
            )
            part = await self._turn(turn, {**going_on(), **held_to_regex(sequence(left))})
            parts.append(part)
            found = unrepeated(begun + part.text)
            if len(found) == len(named) or part.fault:  # cut short, or withheld
                break
            named = found
        return replace(
            parts[-1],
            text=written(named),
            tokens_in=sum(part.tokens_in for part in parts),
            tokens_out=sum(part.tokens_out for part in parts),
            tokens_cached=sum(part.tokens_cached for part in parts),
        )

    async def _turn(self, chat: Chat, fields: Mapping[str, Any]) -> Reply:
        def read(body: Mapping[str, Any]) -> Reply:
            return protocol.read_chat(body, chat)

        body = {**protocol.chat_body(chat), **fields}
        try:
            return await self._sender.ask("/chat/completions", body, read)
        except protocol.NoLogprobs:
            raise TeacherIncapable(
                f"{self._spec.model} returns no top_logprobs with its answers"
            ) from None

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
        body, pieces, values = await self._sender.ask("/completions", asked, read)
        count = protocol.tail(pieces, wanted)
        if count is not None:
            return protocol.read_continuation(body, values, count)
        before = protocol.continuation_body(wanted.prefix)
        length = await self._sender.ask("/completions", before, protocol.prompt_length)
        count = protocol.prompt_length(body) - length
        reply = protocol.read_continuation(body, values, count)
        return replace(reply, tokens_in=reply.tokens_in + length, tokens_out=reply.tokens_out + 1)
