"""How a strategy and its teacher talk: the plan yields questions and is sent their readings."""

from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from rankmill.label.presentation import Presentation
from rankmill.prompts import Prompt
from rankmill.records import Malformed, Ranking, Reading, Reply, Request
from rankmill.teachers.engine import Need
from rankmill.together import together


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a teacher is asked: about one document, or about a list in the order shown."""

    docids: tuple[str, ...]


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
    """

    question: Question
    outcome: Reading | Malformed | Refused
    request: str = ""
    reasoning: str = ""


Plan = Generator[Sequence[Question], Sequence[Reading], Ranking]
Ask = Callable[[Question], Coroutine[Any, Any, Asked]]


class LabellingStrategy(Protocol):
    """A way to order a candidate list with a teacher's help.

    Attributes:
        needs: What the teacher must return.
        score_kind: What a `Score` of this strategy means; None when it ranks without scores.
        variables: What its prompt must fill in.
        chat: Whether its prompt is a conversation, rather than a continuation.
    """

    needs: ClassVar[Need]
    score_kind: ClassVar[str | None]
    variables: ClassVar[frozenset[str]]
    chat: ClassVar[bool]

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
        """Questions that one walk through a list of `depth` documents asks."""
        ...

    def request(self, prompt: Prompt, query: str, documents: Sequence[str]) -> Request:
        """Put a question into words, its documents in the order shown."""
        ...

    def read(self, question: Question, reply: Reply) -> Reading | Malformed:
        """Read a reply strictly: nothing is repaired, nothing invented."""
        ...


async def walk(plan: Plan, ask: Ask) -> list[Asked]:
    """Follow one plan to its end, or to the first batch with a question that got no valid reading.

    The questions of a batch are asked together. Returns everything that was asked, in order.
    """
    asked: list[Asked] = []
    batch = next(plan)
    while batch:
        answers = await together(ask(question) for question in batch)
        asked += answers
        readings = valid(answers)
        if len(readings) < len(answers):
            break
        batch = _next(plan, readings)
    return asked


def replay(plan: Plan, outcomes: Iterable[Reading | None]) -> Ranking | None:
    """The ranking that a plan comes to when it is sent readings that were stored.

    Args:
        plan: A fresh plan over the same list in the same order.
        outcomes: Readings in the order the questions were asked, None for one that is not valid.

    Returns:
        None when the readings end, or one is not valid, before the plan does.
    """
    stored = iter(outcomes)
    batch = next(plan)
    while True:
        readings = [reading for reading, _ in zip(stored, batch, strict=False) if reading]
        if len(readings) < len(batch):
            return None
        try:
            batch = plan.send(readings)
        except StopIteration as finished:
            ranking: Ranking = finished.value
            return ranking


def valid(answers: Iterable[Asked]) -> list[Reading]:
    """The valid readings among answers, in order."""
    return [a.outcome for a in answers if not isinstance(a.outcome, Malformed | Refused)]


def _next(plan: Plan, readings: Sequence[Reading]) -> Sequence[Question]:
    try:
        return plan.send(readings)
    except StopIteration:
        return ()
