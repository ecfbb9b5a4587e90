"""The nouns of ranking, as immutable values.

`qid` and `docid` are opaque strings. Ranks count from 1. A list of docids is best first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from rankmill.readings import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One unit of the corpus: a passage once it is split.

    Attributes:
        docid: Stable id, unique in the corpus.
        source: Where it came from, in words a person can follow.
        parent: Docid of the document this was cut from or is a part of, if any.
        licence: SPDX id or the source's own words, if known.
        lang: BCP 47 tag, if known.
        headings: The headings above it in its document, outermost first, joined by " > ".
    """

    docid: str
    text: str
    title: str = ""
    source: str = ""
    parent: str | None = None
    licence: str | None = None
    lang: str | None = None
    headings: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One information need, in words.

    Attributes:
        answer: What is known to answer it, for views that are shown the answer; else empty.
    """

    qid: str
    text: str
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Docids, best first, with the scores that put them there.

    Raises:
        ValueError: A docid repeats, or scores and docids differ in number.
    """

    docids: tuple[str, ...]
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(set(self.docids)) != len(self.docids):
            raise ValueError(f"a ranking repeats a docid: {self.docids}")
        if len(self.docids) != len(self.scores):
            raise ValueError(f"{len(self.docids)} docids but {len(self.scores)} scores")

    @classmethod
    def in_order(cls, docids: Sequence[str]) -> Self:
        """A ranking without scores of its own: a document scores how many others it beats."""
        return cls(docids=tuple(docids), scores=tuple(map(float, range(len(docids) - 1, -1, -1))))

    @classmethod
    def top(cls, ordered: Sequence[str], rest: Sequence[str]) -> Self:
        """The best documents in order, above others that were not told apart and tie at 0."""
        scores = [*range(len(ordered), 0, -1), *(0 for _ in rest)]
        return cls(docids=(*ordered, *rest), scores=tuple(map(float, scores)))

    @classmethod
    def by_score(cls, scores: Mapping[str, float]) -> Self:
        """Sort by score, highest first; equal scores fall back to docid order."""
        docids = sorted(scores, key=lambda docid: (-scores[docid], docid))
        return cls(docids=tuple(docids), scores=tuple(scores[docid] for docid in docids))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why one row was left out. Rules are named for what is true when they fire."""

    id: str
    rule: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A request for the next turn.

    Attributes:
        stop: Texts that end the reply.
        top_logprobs: How many alternatives of the first token come back, 0 for none, at most 20.
        labels: Tokens that are wanted among those alternatives, where the teacher can name them.
        permutes: Where the teacher can be held to it, the reply is a permutation of the
            identifiers [1] to [`permutes`], such as `[2] > [1]`; 0 leaves it free.
        choices: Where the teacher can be held to it, the reply is one of these.
        schema: Where the teacher can be held to it, the reply is JSON that fits this JSON schema.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    top_logprobs: int = 0
    labels: tuple[str, ...] = ()
    permutes: int = 0
    choices: tuple[str, ...] = ()
    schema: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """A request for the log-probability of every token of `text`, given `prefix` before it.

    Nothing is generated, and no chat template is applied. `text` should start with the space or
    line break that separates it from `prefix`, so that tokens do not straddle the border.
    """

    prefix: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """A request for the attention that the tokens of `text` pay to documents before them.

    Nothing is generated. Where the model has a chat template, all of it is the user's turn.
    `text` and `blank` should start with the space that separates them from `prefix`.

    Attributes:
        spans: Where each document stands in `prefix`: its first character, and one past its last.
        blank: What stands in the place of `text` when it says nothing; the attention that it
            pays is subtracted.

    Raises:
        ValueError: A span leaves `prefix`.
    """

    prefix: str
    spans: tuple[tuple[int, int], ...]
    text: str
    blank: str

    def __post_init__(self) -> None:
        if not all(0 <= first <= last <= len(self.prefix) for first, last in self.spans):
            raise ValueError(f"{self.spans} leave a prefix of {len(self.prefix)} characters")


Request = Chat | Continuation | Attention


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of a teacher, as it came.

    Attributes:
        text: The generated turn; empty where nothing is generated.
        reasoning: What the model thought aloud, kept apart from `text`.
        finish_reason: "stop", "length", "content_filter" or what else the server said.
        top_logprobs: Alternatives of the first generated token and their natural
            log-probabilities, most probable first.
        logprobs: Natural log-probabilities of the tokens of `Continuation.text`, in order.
        scores: Attention to each document of `Attention.spans`, in order; it has no unit.
        tokens_in: Tokens of the prompt.
        tokens_out: Tokens generated.
        tokens_cached: Those tokens of the prompt that the teacher did not compute again, because
            it had just read a prompt with the same beginning; as far as it says so.
    """

    text: str = ""
    reasoning: str = ""
    finish_reason: str = "stop"
    top_logprobs: tuple[tuple[str, float], ...] = ()
    logprobs: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0

    @property
    def fault(self) -> Malformed | None:
        """Why this is no answer whatever it says: it was withheld. None for any other reply."""
        if self.finish_reason in {"content_filter", "refusal", "error"}:
            return Malformed(reason="refused", detail=self.finish_reason)
        return None
