"""How a strategy and its teacher talk: the plan yields questions and is sent their readings."""

from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, Protocol

from rankmill.label.presentation import Presentation
from rankmill.prompts import Prompt
from rankmill.readings import Malformed, Reading
from rankmill.records import Ranking, Reply, Request
from rankmill.teachers.engine import Need
from rankmill.together import together


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a teacher is asked: about one document, or about a list in the order shown."""

    docids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a question looks like to a teacher.

    Attributes:
        documents: Texts in the order shown.
        answer: What is known to answer the query, for strategies that show it.
    """

    query: str
    documents: Sequence[str]
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The endpoint would not answer this one question."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question and what came of it.

    Attributes:
        request: Key of the request in the reply store.
        reasoning: What the teacher thought aloud.
        again: Whether the teacher was shown its error and asked again, by the question after.
    """

    question: Question
    outcome: Reading | Malformed | Refused
    request: str = ""
    reasoning: str = ""
    again: bool = False


Plan = Generator[Sequence[Question], Sequence[Reading], Ranking]
Ask = Callable[[Question], Coroutine[Any, Any, Sequence[Asked]]]
Asks = Literal["score", "rank", "choose", "grade"]
"""What a strategy asks: to score one document, to rank, to choose from, or to grade a group."""


class LabellingStrategy(Protocol):
    """A way to order a candidate list with a teacher's help."""

    @property
    def asks(self) -> Asks:
        """What every question of its plans asks for."""
        ...

    @property
    def needs(self) -> Need:
        """What the teacher must return."""
        ...

    @property
    def score_kind(self) -> str | None:
        """What the scores of its readings mean; None when it reads no scores."""
        ...

    @property
    def variables(self) -> frozenset[str]:
        """What its prompt must fill in."""
        ...

    @property
    def chat(self) -> bool:
        """Whether its prompt is a conversation, rather than a continuation."""
        ...

    def plan(self, docids: Sequence[str]) -> Plan:
        """Yield batches of questions, be sent their readings in the same order, return a ranking.

        Args:
            docids: The candidate list in the order of presentation.
        """
        ...

    def varies(self, presentation: Presentation) -> bool:
        """Whether repeated trials in these orders of presentation can come out differently."""
        ...

    def calls(self, depth: int) -> int:
        """Questions that one walk through a list of `depth` documents asks at most."""
        ...

    def request(self, prompt: Prompt, words: Words) -> Request:
        """Put a question into words, its documents in the order shown."""
        ...

    def read(self, question: Question, reply: Reply) -> Reading | Malformed:
        """Read a reply strictly: nothing is invented, and nothing repaired unless it says so."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A plan that was followed.

    Attributes:
        asked: Everything that was asked, in order.
        ranking: What the plan came to, or None when a question got no valid reading.
    """

    asked: Sequence[Asked]
    ranking: Ranking | None


async def walk(plan: Plan, ask: Ask) -> Walk:
    """Follow one plan to its end, or to the first batch with a question that got no valid reading.

    The questions of a batch are asked together; one whose reply is malformed may be asked again.
    """
    asked: list[Asked] = []
    try:
        batch = next(plan)
        while True:
            answers = list(chain.from_iterable(await together(map(ask, batch))))
            asked += answers
            readings = valid(answers)
            if len(readings) < len(batch):
                return Walk(asked=asked, ranking=None)
            batch = plan.send(readings)
    except StopIteration as end:
        return Walk(asked=asked, ranking=end.value)


def replay(plan: Plan, outcomes: Iterable[Reading | None]) -> Ranking | None:
    """The ranking that a plan comes to when it is sent readings that were stored.

    Args:
        plan: A fresh plan over the same list in the same order.
        outcomes: Readings in the order the questions were asked, None for one that is not valid.

    Returns:
        None when the readings end, or one is not valid, before the plan does.
    """
    stored = iter(outcomes)
    try:
        batch = next(plan)
        while True:
            readings = [reading for _, reading in zip(batch, stored, strict=False) if reading]
            if len(readings) < len(batch):
                return None
            batch = plan.send(readings)
    except StopIteration as end:
        ranking: Ranking = end.value
        return ranking


def valid(answers: Iterable[Asked]) -> list[Reading]:
    """The valid readings among answers, in order."""
    return [a.outcome for a in answers if not isinstance(a.outcome, Malformed | Refused)]
