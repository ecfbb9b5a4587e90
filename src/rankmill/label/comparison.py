"""What strategies share that ask for the best of a few documents."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from rankmill.label.parse import parse_label
from rankmill.label.plans import Asks, Question, Words
from rankmill.label.probabilities import LETTERS, log_shares, masses
from rankmill.prompts import Prompt
from rankmill.readings import Choice, Malformed, Scores
from rankmill.records import Chat, Reply
from rankmill.spec import Spec
from rankmill.teachers.engine import Need

_TOKENS = 8


class Comparison(Spec):
    """Label a few documents A, B, … and ask for the best one's letter.

    Attributes:
        read_from: Whether the letter is read in the text, or from the first token's
            probabilities, which also say by how much it is the best.
        min_mass: The letters' probability below which there is no judgment.
        reasoning_tokens: Room for thought before a letter in the text.
    """

    score_kind: ClassVar[str | None] = None
    variables: ClassVar[frozenset[str]] = frozenset({"query", "documents", "labels"})
    chat: ClassVar[bool] = True

    read_from: Literal["text", "probabilities"] = "text"
    min_mass: float = Field(default=0.5, ge=0, le=1)
    reasoning_tokens: int = Field(default=0, ge=0)

    @property
    def asks(self) -> Asks:
        """A choice in the text, or a score of every letter."""
        return "choose" if self.read_from == "text" else "grade"

    @property
    def needs(self) -> Need:
        """Text, or alternatives of the first token."""
        return "text" if self.read_from == "text" else "top_logprobs"

    def request(self, prompt: Prompt, words: Words) -> Chat:
        """Ask for one letter."""
        labels = LETTERS[: len(words.documents)]
        messages = prompt.messages(query=words.query, documents=words.documents, labels=labels)
        if self.read_from == "text":
            choices = () if self.reasoning_tokens else labels
            budget = _TOKENS + self.reasoning_tokens
            return Chat(messages=messages, max_tokens=budget, choices=choices)
        return Chat(messages=messages, max_tokens=1, top_logprobs=20, labels=labels)

    def read(self, question: Question, reply: Reply) -> Choice | Scores | Malformed:
        """Read which document is the best."""
        labels: Sequence[str] = LETTERS[: len(question.docids)]
        if self.read_from == "text":
            return parse_label(reply, question.docids, labels)
        found = masses(reply, labels, min_mass=self.min_mass)
        if isinstance(found, Malformed):
            return found
        return Scores(shown=question.docids, values=tuple(log_shares(found, reply)))
