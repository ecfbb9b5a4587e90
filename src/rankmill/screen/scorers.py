"""How well a text answers a query: told by a teacher, or by how near the two lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from rankmill.label.graded import Graded
from rankmill.label.likelihood import Likelihood
from rankmill.label.plans import Question, Words
from rankmill.label.pointwise import Pointwise
from rankmill.prompts import Prompt, as_data
from rankmill.readings import Malformed, Score
from rankmill.records import Request
from rankmill.screen.pair import Tools, Use
from rankmill.space import Embedder
from rankmill.spec import Spec
from rankmill.teachers.engine import Answer

QUERY_LIMIT = 1000
ABOUT = Question(docids=("source",))
_PROMPTS: Mapping[str, str] = {
    "pointwise": "screen/answerable",
    "graded": "labels/graded",
    "likelihood": "labels/likelihood",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Why there is no score."""

    detail: str


_NOTHING = "..."
"""What stands in a prompt in the place of a text that says nothing."""

Asked = tuple[str, str]
"""A query and a text that may answer it."""


class Judge(Spec):
    """A teacher scores query and text, as a labelling strategy that sees one document does.

    Attributes:
        strategy: `pointwise` is the probability of yes in [0, 1], `graded` a grade from 0, and
            `likelihood` the mean log-probability of the query's tokens, in nats, at most 0.
        teacher: Name of a teacher of the recipe.
        prompt: Name of a prompt file; empty for the package's own.
        excerpt: Characters of the text that the teacher sees.
        gain: How much more likely the text makes the query: its likelihood less that after no
            text, in nats a token, so that 0 is a text that says nothing of it. A rare query is
            then no worse than a common one, and a small teacher tells far better what is answered.
            For `likelihood` alone; one more question a query.
    """

    embedders: ClassVar[tuple[Embedder, ...]] = ()

    strategy: Annotated[Pointwise | Graded | Likelihood, Field(discriminator="kind")] = Pointwise()
    teacher: str
    prompt: str = ""
    excerpt: int = Field(default=1200, ge=20)
    gain: bool = False

    @model_validator(mode="after")
    def reads_the_query(self) -> Self:
        """Refuse what needs a known answer: none is known before labelling."""
        if isinstance(self.strategy, Likelihood) and self.strategy.of != "query":
            raise ValueError('a screen knows no answer: take strategy.of = "query"')
        if self.gain and not isinstance(self.strategy, Likelihood):
            raise ValueError(f"gain is of likelihood, found {self.strategy.kind}")
        return self

    @property
    def words(self) -> str:
        """The prompt's name."""
        return self.prompt or _PROMPTS[self.strategy.kind]

    def label(self, tools: Tools) -> str:
        """What its score is, in a rejection."""
        del tools
        gain = "gain of " if self.gain else ""
        return f"{gain}{self.strategy.score_kind} by {self.teacher}"

    def use(self, name: str, *, calls: int = 1) -> Use:
        """How the teacher is used, `calls` times a query."""
        return Use(
            name=f"{name} by {self.strategy.kind}",
            teacher=self.teacher,
            needs=self.strategy.needs,
            prompt=self.words,
            variables=self.strategy.variables,
            chat=self.strategy.chat,
            calls=calls + self.gain,
            request=self.request,
        )

    def request(self, prompt: Prompt, query: str, text: str) -> Request:
        """Ask about one query and one text."""
        shown = as_data(text, limit=self.excerpt)
        words = Words(query=as_data(query, limit=QUERY_LIMIT), documents=[shown])
        return self.strategy.request(prompt, words)

    def scores(self, asked: Sequence[Asked], tools: Tools) -> list[float | Unread]:
        """A score for each query and text; higher is a better answer."""
        if not self.gain:
            return self._read(asked, tools)
        queries = list(dict.fromkeys(query for query, _ in asked))
        found = self._read([*asked, *((query, _NOTHING) for query in queries)], tools)
        alone = dict(zip(queries, found[len(asked) :], strict=True))
        pairs = zip(asked, found[: len(asked)], strict=True)
        return [_less(score, alone[query]) for (query, _), score in pairs]

    def _read(self, asked: Sequence[Asked], tools: Tools) -> list[float | Unread]:
        prompt = tools.prompt(self.words)
        requests = [self.request(prompt, query, text) for query, text in asked]
        return [self._score(answer) for answer in tools.ask(self.teacher, requests)]

    def _score(self, answer: Answer) -> float | Unread:
        if answer.reply is None:
            return Unread(detail=f"refused: {answer.refusal}")
        reading = self.strategy.read(ABOUT, answer.reply)
        if isinstance(reading, Score):
            return reading.value
        fault = reading if isinstance(reading, Malformed) else Malformed(reason="not_a_grade")
        return Unread(detail=f"{fault.reason}: {fault.detail}" if fault.detail else fault.reason)


def _less(score: float | Unread, other: float | Unread) -> float | Unread:
    if isinstance(score, Unread):
        return score
    return other if isinstance(other, Unread) else score - other


class ByTeacher(Judge):
    """A teacher's score as one of several scorers."""

    kind: Literal["teacher"] = "teacher"


class Nearness(Spec):
    """The cosine of query and text, in [-1, 1], under an embedding model.

    Attributes:
        embedder: The model; the recipe's own where none is named.
    """

    embedder: Embedder | None = None

    @property
    def embedders(self) -> tuple[Embedder, ...]:
        """The model, where it is another than the recipe's own."""
        return (self.embedder,) if self.embedder else ()

    def label(self, tools: Tools) -> str:
        """What its score is, in a rejection: the model is named."""
        return f"cosine by {(self.embedder or tools.embedder).model}"

    def use(self, name: str, *, calls: int = 1) -> None:
        """No teacher is asked."""
        del name, calls

    def scores(self, asked: Sequence[Asked], tools: Tools) -> list[float | Unread]:
        """A score for each query and text; higher is a better answer."""
        if not asked:
            return []
        queries, texts = (_numbered(column) for column in zip(*asked, strict=True))
        embedder = self.embedder or tools.embedder
        left = tools.encode(embedder, list(queries), "query")
        right = tools.encode(embedder, list(texts), "document")
        pairs = ((left[queries[query]], right[texts[text]]) for query, text in asked)
        return [float(query @ text) for query, text in pairs]


def _numbered(texts: Sequence[str]) -> dict[str, int]:
    """Every distinct text and its number, in order of first appearance."""
    return {text: number for number, text in enumerate(dict.fromkeys(texts))}


class ByCosine(Nearness):
    """A cosine as one of several scorers."""

    kind: Literal["cosine"] = "cosine"


Scorer = Annotated[ByTeacher | ByCosine, Field(discriminator="kind")]
