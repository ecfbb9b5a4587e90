"""The OpenAI protocol as pure functions: a request becomes a body, a body becomes a reply."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson

from rankmill.errors import RequestRefused, TeacherIncapable
from rankmill.records import Chat, Continuation, Reply

_THINKING = ("<think>", "</think>")

Way = Literal["prompt_logprobs", "echo"]
"""How a server is asked for the log-probabilities of a prompt: vLLM's way, or OpenAI's first."""

WAYS: tuple[Way, ...] = ("prompt_logprobs", "echo")


class BadBody(Exception):
    """A body with status 200 that holds no answer; worth another try."""


class NoLogprobs(Exception):
    """An answer that leaves out the log-probabilities that were asked for."""


def chat_body(chat: Chat) -> dict[str, Any]:
    """The body of `/chat/completions`, without the model. It never holds a `seed`."""
    body: dict[str, Any] = {
        "messages": [{"role": turn.role, "content": turn.content} for turn in chat.messages],
        "temperature": chat.temperature,
        "max_tokens": chat.max_tokens,
    }
    if chat.stop:
        body["stop"] = list(chat.stop)
    if chat.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": chat.top_logprobs}
    return body


def continuation_body(prompt: str, way: Way | None = None) -> dict[str, Any]:
    """The body of `/completions`, without the model, that generates one token after `prompt`."""
    body: dict[str, Any] = {"prompt": prompt, "max_tokens": 1, "temperature": 0.0}
    if way == "prompt_logprobs":
        body["prompt_logprobs"] = 0
    elif way == "echo":
        body |= {"echo": True, "logprobs": 1}
    return body


def first_choice(body: object) -> dict[str, Any]:
    """The one choice of a body.

    Raises:
        BadBody: There is none. Some gateways answer an error with status 200.
    """
    match body:
        case {"error": dict() | str() as error}:
            raise BadBody(f"an error with status 200: {message_of(error)}")
        case {"choices": [{"finish_reason": "error"}, *_]}:
            raise BadBody("a choice that ended in an error")
        case {"choices": [dict() as choice, *_]}:
            return choice
        case {"choices": _}:
            raise BadBody("a body without choices")
        case _:
            raise BadBody("a body that is no completion")


def message_in(body: Mapping[str, Any]) -> dict[str, Any]:
    """The message of a body's one choice.

    Raises:
        BadBody: There is none.
    """
    message = first_choice(body).get("message")
    if not isinstance(message, dict):
        raise BadBody("a choice without a message")
    return message


def read_chat(body: Mapping[str, Any], chat: Chat) -> Reply:
    """Read the answer to a conversation.

    Raises:
        BadBody: The body holds no message.
        NoLogprobs: The message has none, and they were asked for.
    """
    choice, message = first_choice(body), message_in(body)
    tokens_in, tokens_out, tokens_cached = _usage(body)
    refused = message.get("refusal") and not message.get("content")
    return Reply(
        text=_text(message.get("content")),
        reasoning=_text(message.get("reasoning_content") or message.get("reasoning")),
        finish_reason="refusal" if refused else choice.get("finish_reason") or "unknown",
        top_logprobs=_alternatives(body, choice, message) if chat.top_logprobs else (),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cached=tokens_cached,
    )


def _text(content: object) -> str:
    match content:
        case None:
            return ""
        case str():
            return content
        case list():  # content in parts, as some gateways have it
            return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
        case _:
            raise BadBody(f"message content of type {type(content).__name__}")


def tokens_of(body: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Alternatives of an answer's first token, most probable first; empty where none came."""
    match first_choice(body).get("logprobs"):
        case {"content": [{"top_logprobs": [_, *_] as alternatives}, *_]}:
            found = [(entry["token"], float(entry["logprob"])) for entry in alternatives]
            return sorted(found, key=lambda pair: -pair[1])
        case _:
            return []


def _alternatives(
    body: Mapping[str, Any], choice: Mapping[str, Any], message: Mapping[str, Any]
) -> tuple[tuple[str, float], ...]:
    if found := tokens_of(body):
        return tuple(found)
    match choice.get("logprobs"):
        case {"content": [] | None} if not message.get("content"):
            return ()  # the model ended its turn at once
        case _:
            raise NoLogprobs


def prompt_tokens(
    body: Mapping[str, Any], way: Way, prompt: str
) -> tuple[list[str], list[float | None]]:
    """The tokens of `prompt` as the server writes them, and the log-probability of each.

    The first token has none, unless the server put a beginning-of-text token before it.

    Raises:
        BadBody: The body holds no choice, or says not how many tokens it generated.
        NoLogprobs: The choice has no log-probabilities of the prompt.
    """
    choice = first_choice(body)
    if way == "prompt_logprobs":
        entries = choice.get("prompt_logprobs", body.get("prompt_logprobs"))
        if not isinstance(entries, list) or not entries:
            raise NoLogprobs
        shown = [next(iter(entry.values())) if entry else {} for entry in entries]
        pieces = [entry.get("decoded_token") or "" for entry in shown]
        return pieces, [entry.get("logprob") for entry in shown]
    logprobs = choice.get("logprobs") or {}
    pieces, values = logprobs.get("tokens") or [], logprobs.get("token_logprobs") or []
    if not pieces or len(values) != len(pieces):
        raise NoLogprobs
    end = _prompt_end(body, choice, pieces, prompt)
    if not end:
        raise NoLogprobs
    return pieces[:end], values[:end]


def _prompt_end(
    body: Mapping[str, Any], choice: Mapping[str, Any], pieces: list[str], prompt: str
) -> int:
    """How many of the echoed tokens are the prompt's. Some servers list the generated one too."""
    asked, told, _ = _usage(body)
    generated = told or 1
    for end in (len(pieces) - generated, len(pieces)):
        if "".join(pieces[:end]).endswith(prompt):
            return end
    # Tokens that hold some bytes of a character only cannot be joined.
    listed = len(pieces) == asked + generated
    answer = str(choice.get("text") or "").removeprefix(prompt)
    return len(pieces) - generated if listed or pieces[-1] == answer else len(pieces)


def tail(pieces: Sequence[str], continuation: Continuation) -> int | None:
    """How many of the last tokens lie in a continuation's text, in whole or in part.

    Tokens are followed from the end. Those that hold only some bytes of a character cannot be
    followed, and some servers take the space from a token's beginning: then the answer is None.
    """
    end = len(continuation.prefix) + len(continuation.text)
    whole = continuation.prefix + continuation.text
    count = 0
    while end > len(continuation.prefix):
        count += 1
        piece = pieces[-count] if count <= len(pieces) else ""
        if not piece or not whole.endswith(piece, 0, end):
            return None
        end -= len(piece)
    return count


def read_continuation(body: Mapping[str, Any], values: Sequence[float | None], count: int) -> Reply:
    """Take the last `count` values of a prompt as those of a continuation's text.

    Raises:
        TeacherIncapable: There are fewer, or it is not known how probable they are.
        RequestRefused: The first of them begins the prompt, so nothing comes before it.
    """
    if not 0 < count <= len(values):
        raise TeacherIncapable(
            f"expected the log-probabilities of {count} tokens, found {len(values)}"
        )
    found = [value for value in values[-count:] if value is not None]
    if len(found) < count:
        raise RequestRefused("the first token of a prompt has no log-probability: empty prefix?")
    tokens_in, tokens_out, tokens_cached = _usage(body)
    return Reply(
        finish_reason=first_choice(body).get("finish_reason") or "unknown",
        logprobs=tuple(map(float, found)),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cached=tokens_cached,
    )


def prompt_length(body: Mapping[str, Any]) -> int:
    """Tokens of the prompt, as the server counts them.

    Raises:
        BadBody: The server does not say.
    """
    length, _, _ = _usage(body)
    if not length:
        raise BadBody("a body that does not say how long the prompt is")
    return length


def _usage(body: Mapping[str, Any]) -> tuple[int, int, int]:
    """Tokens of the prompt, tokens generated, and tokens of the prompt found in a cache."""
    match usage := body.get("usage"):
        case {"prompt_tokens": int() as tokens_in, "completion_tokens": int() as tokens_out}:
            pass
        case _:
            return 0, 0, 0
    match usage:
        case {"prompt_tokens_details": {"cached_tokens": int() as tokens_cached}}:
            return tokens_in, tokens_out, tokens_cached
        case _:
            return tokens_in, tokens_out, 0


def error_of(raw: bytes) -> tuple[str, str]:
    """The code of an error body, empty where it has none, and its words; see `message_of`."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return "", message_of(raw.decode(errors="replace"))
    match body:
        case {"error": {"code": str() as code}}:
            return code, message_of(body)
        case _:
            return "", message_of(body)


def message_of(body: object) -> str:
    """The words of an error body, on one line of at most 300 characters."""
    match body:
        case {"error": {"message": str() as words}} | {"message": str() as words}:
            found = words
        case {"error": str() as words} | {"detail": str() as words} | str(words):
            found = words
        case _:
            found = "" if body is None else str(body)
    flat = " ".join(found.split())
    return flat if len(flat) <= 300 else flat[:299] + "…"


def split_thought(written: str) -> tuple[str, str]:
    """What a model thought aloud, and what it then said."""
    opened, closed = _THINKING
    thought, mark, said = written.partition(closed)
    if mark:
        return thought.strip().removeprefix(opened).strip(), said.strip()
    if written.lstrip().startswith(opened):
        return written.strip().removeprefix(opened).strip(), ""
    return "", written
