"""What a teacher is to the rest of the package: something that answers one request."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from rankmill.records import Reply, Request
from rankmill.settings import Settings
from rankmill.teachers.serve import Servers

Need = Literal["text", "top_logprobs", "prompt_logprobs", "attention"]
"""What a strategy needs of a teacher: generated text, the alternatives of the first token with
their log-probabilities, the log-probabilities of a given text, or the model's attention."""

NO_ATTENTION = "attention is only read from kind transformers"
"""Why any other teacher cannot answer a request for attention."""


class Engine(Protocol):
    """One open teacher: a model in this process, or endpoints that serve it."""

    @property
    def concurrency(self) -> int:
        """How many requests are worth having in flight at once."""
        ...

    async def answer(self, request: Request, *, trial: int = 0) -> Reply:
        """Answer one request, after as many tries as the teacher's spec allows.

        Args:
            request: What is asked.
            trial: Tells repeated askings of a request apart where chance decides, from 0.

        Raises:
            TeacherUnavailable: No connection, or the tries are used up.
            TeacherRefused: Every such request is rejected: a wrong key, an unknown model.
            TeacherIncapable: The answer came without what the request asked for.
            RequestRefused: This one request is rejected: too long, or filtered.
        """
        ...


@runtime_checkable
class KnowsItself(Protocol):
    """An engine that says itself what is wrong with it: asking it through `answer` takes hours."""

    async def conformance(self, needs: Collection[Need]) -> dict[Need, str]:
        """What is wrong, one line for each need that is not met; else empty."""
        ...


@runtime_checkable
class Describes(Protocol):
    """An engine that can tell what it is able to do."""

    async def describe(self) -> list[str]:
        """One line for each thing worth knowing."""
        ...


Keep = Callable[[Mapping[str, Any], Request, int, Reply], None]
"""Puts a reply of the teacher with some identity to a request and trial into the reply store."""


def _forget(teacher: Mapping[str, Any], request: Request, trial: int, reply: Reply) -> None:
    """Keep nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where a teacher is opened.

    Attributes:
        folder: Log files of managed servers go here.
        say: Takes one line worth reading: a download, a server that starts.
        keep: Keeps replies that nobody is waiting for.
        servers: The servers that teachers opened here share.
    """

    settings: Settings
    folder: Path
    say: Callable[[str], None]
    keep: Keep = _forget
    servers: Servers = field(default_factory=Servers)


class Openable(Protocol):
    """A teacher's spec: it can be opened."""

    def open(self, where: Surroundings) -> AbstractAsyncContextManager[Engine]:
        """Open the teacher; leaving the context ends every process it started."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one request.

    Attributes:
        key: The request's key in the reply store; traces a label to the words behind it.
        reply: The reply, or None when the endpoint refused this one request.
        refusal: The endpoint's words, when it refused.
    """

    key: str
    reply: Reply | None
    refusal: str = ""


Send = Callable[[Request, int], Awaitable[Answer]]
"""Sends a request of the given trial to one teacher."""
