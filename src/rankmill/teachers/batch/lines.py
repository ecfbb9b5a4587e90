"""The lines that a batch comes back in: which request, and what became of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from rankmill.errors import RequestRefused, TeacherError, TeacherRefused
from rankmill.teachers._faults import ONE_REQUEST, Fault
from rankmill.teachers.protocol import message_of

_EVERY_REQUEST = {401, 403, 404}
Outcome = dict[str, Any] | Fault | TeacherError
"""The body that answers a request; a fault that may pass; or what will not pass."""


@dataclass(slots=True, kw_only=True)
class Answers:
    """What a batch came back with.

    Attributes:
        outcomes: What became of each request, by custom_id.
        unreadable: Lines that are no answer to anything.
        foreign: Lines that answer what was not asked.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    unreadable: int = 0
    foreign: int = 0


def read_answers(lines: Iterable[bytes], asked: set[str]) -> Answers:
    """Read the lines of a batch, in any order.

    Of several lines about one request the first with an answer counts, and else the last.

    Args:
        lines: Those of the output file, and of the error file.
        asked: Every custom_id of the batch; one without a line is missing from the outcomes.
    """
    answers = Answers()
    for raw in lines:
        match _parsed(raw):
            case {"custom_id": str() as name, **rest} if name in asked:
                if not isinstance(answers.outcomes.get(name), dict):
                    answers.outcomes[name] = outcome(rest)
            case {"custom_id": str()}:
                answers.foreign += 1
            case _:
                answers.unreadable += bool(raw.strip())
    return answers


def _parsed(raw: bytes) -> object:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def outcome(line: Mapping[Any, Any]) -> Outcome:
    """What became of one request."""
    error = line.get("error")
    match line.get("response"):
        case {"status_code": 200, "body": dict() as body} if not error:
            return body
        case {"status_code": int() as status, **rest}:
            words = message_of(rest.get("body")) or message_of(error)
        case _:
            code = error.get("code") if isinstance(error, dict) else None
            return Fault(str(code or "bad line"), message_of(error) or "a line without a response")
    if status in ONE_REQUEST:
        return RequestRefused(words or f"answered {status}")
    if status in _EVERY_REQUEST:
        return TeacherRefused(f"a request of the batch was answered {status}: {words}")
    cause = "bad line" if status == 200 else str(status)
    return Fault(cause, f"answered {status}: {words}")
