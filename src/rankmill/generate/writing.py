"""How a writer and its teacher talk: a plan yields requests and is sent their answers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rankmill.prompts import Prompt, as_data
from rankmill.records import Chat, Document, Message, Rejection, Reply
from rankmill.space import text_of
from rankmill.spec import Spec

LIKELY = "how to find the longest common beginning of several texts"
"""A query such as may be written, for estimates."""

TITLE = 200
"""Characters of a title that a teacher sees."""

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Embeds queries as unit-length rows, shape (texts, dimensions)."""

Prompts = Mapping[str, Prompt]
Variables = Mapping[str, frozenset[str]]
"""Prompts by name, and what each must fill in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A document that gets queries.

    Attributes:
        segment: Which part is to answer them, if that matters: "begin", "middle" or "end".
        start: First character of that part in the document's text.
        end: One past its last.
    """

    document: Document
    cluster: int
    segment: str | None = None
    start: int | None = None
    end: int | None = None


class Cell(NamedTuple):
    """What is asked of one query; empty where it is left to the writer.

    Attributes:
        lang: BCP 47 tag.
    """

    kind: str = ""
    difficulty: str = ""
    length: str = ""
    lang: str = ""
    persona: str = ""


ANYTHING = Cell()


class Example(NamedTuple):
    """A query that somebody wrote for a document."""

    document: str
    query: str
    title: str = ""
    cell: Cell = ANYTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One query to be written.

    Attributes:
        number: Which of its writer's queries for the seed this is, from 0.
        cell: What it is to be like.
        personas: Who may ask it, where the teacher is to choose.
        neighbour: The document that says who asks, where that is not the seed itself.
        related: A second document that the query is to need.
        examples: Worked examples.
    """

    seed: Seed
    number: int = 0
    cell: Cell = ANYTHING
    personas: tuple[str, ...] = ()
    neighbour: Document | None = None
    related: Document | None = None
    examples: tuple[Example, ...] = field(default=())

    @property
    def text(self) -> str:
        """All that a query is not to be copied from."""
        documents = (self.seed.document, self.related)
        return "\n".join(text_of(one.title, one.text) for one in documents if one)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request of a plan.

    Attributes:
        likely: A reply such as may come, for estimates.
        attempt: Tells repeated requests for the same thing apart, from 0.
        shared: Whether other queries may get the same answer to the same request.
    """

    chat: Chat
    likely: str = LIKELY
    attempt: int = 0
    shared: bool = False


class Answered(NamedTuple):
    """What came of it.

    Attributes:
        request: Key of the reply in the reply store.
    """

    reply: Reply
    request: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A query that a plan came to, before any rule has looked at it.

    Attributes:
        answer: The reply it stands in.
        text: The query.
        cell: What it is like.
        rewrite: The query with its reasoning.
    """

    answer: Answered
    text: str
    cell: Cell
    rewrite: str | None = None


class Unusable(NamedTuple):
    """Why a reply gives no query: the rule, and what was found."""

    rule: str
    detail: str


Plan = Generator[Ask, Answered, Draft | Unusable]


class Ground(Protocol):
    """What the corpus says to who writes queries."""

    @property
    def base(self) -> Path:
        """The recipe's folder."""
        ...

    def nearest(self, texts: Sequence[str], seeds: Sequence[Seed], most: int) -> list[list[int]]:
        """For each seed the places of the texts nearest to it, `most` at most, nearest first."""
        ...

    def related(
        self, seeds: Sequence[Seed], between: tuple[float, float], most: int
    ) -> list[list[Document]]:
        """For each seed documents of its split, nearest first, `most` at most.

        Args:
            seeds: Documents that are in the corpus.
            between: Least cosine similarity to the seed, and the one from which on a document
                says the same.
            most: How many are wanted.
        """
        ...


class Writing(Spec, ABC):
    """What every way to write queries has.

    Attributes:
        teacher: Name of a teacher of the recipe.
        prompt: Name of a prompt file; its last turn is filled in.
        per_document: Queries asked for per seed document.
        excerpt: Characters of a document that the teacher sees.
        max_tokens: Longest query.
        temperature: 0 for greedy decoding; raise it when `per_document` is more than 1.
    """

    marks: ClassVar[bool] = False
    """Whether a query is asked of the seed's segment, where it has one."""

    teacher: str
    prompt: str
    per_document: int = Field(default=1, ge=1)
    excerpt: int = Field(default=800, ge=20)
    max_tokens: int = Field(default=48, ge=4)
    temperature: float = Field(default=0.0, ge=0, le=2)

    @property
    def calls(self) -> int:
        """Requests per query, at most."""
        return 1

    @property
    @abstractmethod
    def prompts(self) -> Variables:
        """Its prompts."""

    def tasks(self, seeds: Sequence[Seed], ground: Ground) -> list[Task | Rejection]:
        """Every query that is to be written, and why one is not; seed by seed."""
        return [Task(seed=seed, number=n) for seed in seeds for n in range(self.per_document)]

    @abstractmethod
    def plan(self, prompts: Prompts, task: Task) -> Plan:
        """Write one query."""

    def reads(self, base: Path) -> dict[str, str]:
        """Digests of the files that its queries depend on, by what they are.

        Raises:
            CorpusError: One cannot be read.
        """
        return {}

    def ask(self, messages: tuple[Message, ...], *, likely: str = LIKELY) -> Ask:
        """Ask for one line."""
        chat = Chat(
            messages=messages,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            stop=("\n",),
        )
        return Ask(chat=chat, likely=likely)

    def shown(self, one: Document | Example) -> dict[str, str]:
        """Title and text of a document as a prompt has them."""
        text = one.text if isinstance(one, Document) else one.document
        return {
            "title": as_data(one.title, limit=TITLE),
            "document": as_data(text, limit=self.excerpt),
        }


def conversation(
    prompt: Prompt, values: Mapping[str, str], examples: Sequence[tuple[Mapping[str, str], str]]
) -> tuple[Message, ...]:
    """A prompt whose worked examples are these, as turns; without any, the file's own.

    Args:
        prompt: Its last turn is what is asked; a turn of the system may come first.
        values: What is filled in.
        examples: What is filled in for each, and the query that was written for it.
    """
    asked = prompt.messages(**values)
    if not examples:
        return asked
    turns = []
    for shown, query in examples:
        turns += [prompt.messages(**shown)[-1], Message(role="assistant", content=query)]
    return (*(turn for turn in asked if turn.role == "system"), *turns, asked[-1])
