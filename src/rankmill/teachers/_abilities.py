"""What endpoints can do beyond the common protocol: learnt by asking for it, never assumed."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Literal

import orjson

from rankmill.errors import TeacherError, TeacherUnavailable
from rankmill.teachers._sender import Sender
from rankmill.teachers.protocol import message_in, tokens_of

Ability = Literal["choice", "regex", "json_schema", "grammar", "continue", "label_tokens"]
"""Holding a reply to one of several texts, to a regular expression, a JSON schema or a GBNF
grammar; going on with a turn that was begun; naming tokens whose log-probability is wanted."""

ABOUT: Mapping[Ability, str] = {
    "choice": "one of several texts",
    "regex": "a regular expression",
    "json_schema": "a JSON schema",
    "grammar": "a grammar",
    "continue": "a turn that was begun",
    "label_tokens": "log-probabilities of chosen tokens",
}
_GREETING = [{"role": "user", "content": "Say hello."}]
_SCHEMA = {
    "type": "object",
    "properties": {"zebra": {"type": "integer"}},
    "required": ["zebra"],
    "additionalProperties": False,
}


class Abilities:
    """The abilities of all endpoints of a teacher: what one lacks, the teacher lacks.

    Each is tried when it is first needed, with a question that no model answers by itself as it
    must be answered here, so that a server that ignores what it does not know is found out.

    Args:
        alone: Gives a sender for each endpoint that answers now.
    """

    def __init__(self, alone: Callable[[], Sequence[Sender]]) -> None:
        self._alone = alone
        self._learning: dict[Ability, asyncio.Task[bool]] = {}
        self._known: dict[Ability, bool] = {}
        self._tokens: dict[str, int] = {}

    async def can(self, *abilities: Ability) -> bool:
        """Whether every endpoint has all of these abilities."""
        for ability in abilities:
            if ability not in self._known and ability not in self._learning:
                self._learning[ability] = asyncio.create_task(self._learn(_TRIALS[ability]))
        for ability in abilities:
            if ability not in self._known:
                self._known[ability] = await asyncio.shield(self._learning[ability])
        return all(self._known[ability] for ability in abilities)

    async def every(self) -> list[Ability]:
        """All that every endpoint can do."""
        await self.can(*_TRIALS)
        return [ability for ability in _TRIALS if self._known[ability]]

    async def context(self) -> int | None:
        """Tokens of a prompt and its reply together, where an endpoint says so; the least."""
        found = [_context(model) for one in self._alone() for model in await one.models()]
        return min(filter(None, found), default=None)

    def assume(self, *abilities: Ability) -> None:
        """Take abilities for granted, of a server that cannot be asked before it is used."""
        self._known |= dict.fromkeys(_TRIALS, False) | dict.fromkeys(abilities, True)

    async def close(self) -> None:
        """Stop learning."""
        for trial in self._learning.values():
            trial.cancel()
        await asyncio.gather(*self._learning.values(), return_exceptions=True)

    async def token_ids(self, labels: Collection[str]) -> list[int]:
        """The tokens that labels are for these endpoints; those that are several are left out."""
        for label in set(labels) - self._tokens.keys():
            ids = await _tokenized(self._alone()[0], label)
            self._tokens[label] = ids[0] if len(ids) == 1 else -1
        return sorted({self._tokens[label] for label in labels} - {-1})

    async def _learn(self, trial: Callable[[Sender], Awaitable[bool]]) -> bool:
        async def passes(one: Sender) -> bool | None:
            try:
                return await trial(one)
            except TeacherUnavailable:
                return None  # what does not answer is not asked either
            except TeacherError:
                return False

        every = await asyncio.gather(*map(passes, self._alone()))
        found = [passed for passed in every if passed is not None]
        return bool(found) and all(found)


async def thinking(sender: Sender) -> str:
    """Whether the model thinks before it answers, and whether it can be kept from it."""

    async def thinks(fields: Mapping[str, Any]) -> bool:
        body = {"messages": _GREETING, "max_tokens": 24, **fields}
        message = await sender.ask("/chat/completions", body, message_in)
        aloud = message.get("reasoning_content") or message.get("reasoning")
        return bool(aloud) or "<think>" in str(message.get("content"))

    try:
        if not await thinks({}):
            return "none"
    except TeacherError as error:
        return f"not known ({error})"
    try:
        still = await thinks({"chat_template_kwargs": {"enable_thinking": False}})
    except TeacherError:
        still = True
    return "always" if still else "on; extra.chat_template_kwargs.enable_thinking = false ends it"


async def _said(one: Sender, fields: Mapping[str, Any], begun: str = "") -> str:
    """What an endpoint says to a greeting, with fields added to the request."""
    messages = [*_GREETING, {"role": "assistant", "content": begun}] if begun else _GREETING
    body = {"messages": messages, "max_tokens": 24, "temperature": 0.0, **fields}
    return str((await one.ask("/chat/completions", body, message_in)).get("content") or "")


async def _choice(one: Sender) -> bool:
    return await _said(one, held_to_choices(["zebra", "walrus"])) in {"zebra", "walrus"}


async def _regex(one: Sender) -> bool:
    pattern = "zebra [0-9]{3}"
    return bool(re.fullmatch(pattern, await _said(one, held_to_regex(pattern))))


async def _json_schema(one: Sender) -> bool:
    try:
        found = orjson.loads(await _said(one, held_to_schema(orjson.dumps(_SCHEMA).decode())))
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict) and isinstance(found.get("zebra"), int)


async def _grammar(one: Sender) -> bool:
    return await _said(one, held_to_grammar(["zebra", "walrus"])) in {"zebra", "walrus"}


async def _continue(one: Sender) -> bool:
    pattern = sorted("13579")
    said = await _said(one, {**going_on(), **held_to_choices(pattern)}, begun="zebra [")
    return said in pattern


async def _label_tokens(one: Sender) -> bool:
    ids = await _tokenized(one, " zebra")
    asked = {"logprobs": True, "top_logprobs": 1, "logprob_token_ids": ids[:1], "max_tokens": 1}
    if not ids:
        return False
    body = {"messages": _GREETING, **asked}
    return len(await one.ask("/chat/completions", body, tokens_of)) > 1


async def _tokenized(one: Sender, text: str) -> Sequence[int]:
    """The ids of a text's tokens, from servers that have vLLM's `/tokenize`."""
    found = await one.tokenize(text)
    ids = found.get("tokens")
    return [token for token in ids if isinstance(token, int)] if isinstance(ids, list) else []


def _context(model: Mapping[str, Any]) -> int | None:
    """What vLLM or OpenRouter say of a model's context; llama.cpp tells that of its training."""
    found = model.get("max_model_len") or model.get("context_length")
    return found if isinstance(found, int) else None


def held_to_choices(choices: Sequence[str]) -> dict[str, Any]:
    """Fields that hold a reply to one of several texts."""
    return {"structured_outputs": {"choice": list(choices)}}


def held_to_regex(pattern: str) -> dict[str, Any]:
    """Fields that hold a reply to a regular expression."""
    return {"structured_outputs": {"regex": pattern}}


def held_to_schema(schema: str) -> dict[str, Any]:
    """Fields that hold a reply to a JSON schema."""
    form = {"name": "answer", "strict": True, "schema": orjson.loads(schema)}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


def held_to_grammar(choices: Sequence[str]) -> dict[str, Any]:
    """Fields that hold a reply to one of several texts, by a grammar as llama.cpp has them."""
    quoted = " | ".join(orjson.dumps(choice).decode() for choice in choices)
    return {"grammar": f"root ::= {quoted}"}


def going_on() -> dict[str, Any]:
    """Fields that have the last turn, the assistant's, gone on with."""
    return {"add_generation_prompt": False, "continue_final_message": True}


_TRIALS: Mapping[Ability, Callable[[Sender], Awaitable[bool]]] = {
    "choice": _choice,
    "regex": _regex,
    "json_schema": _json_schema,
    "grammar": _grammar,
    "continue": _continue,
    "label_tokens": _label_tokens,
}
