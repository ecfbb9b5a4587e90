"""Pointwise relevance as an integer grade."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from rankmill.label.alone import Alone
from rankmill.label.parse import parse_grade
from rankmill.label.plans import Question, Words
from rankmill.label.presentation import Presentation
from rankmill.label.probabilities import masses
from rankmill.prompts import Prompt
from rankmill.readings import Malformed, Score
from rankmill.records import Chat, Reply
from rankmill.teachers.engine import Need

_TOKENS = 8


class Graded(Alone):
    """Ask for a grade from 0 to `highest` for each document alone.

    With `how = "expectation"` the score is the mean of the grades under the probabilities of
    their digits as the first token. With `how = "text"` the grade is written, after reasoning if
    `reasoning_tokens` allow; repeated as trials at a temperature, `mean_score` averages them and
    the reading nearest the mean is marked (ERank's consensus).

    Papers: Zhuang et al., "Beyond Yes and No", NAACL 2024 (expected value); Upadhyay et al.,
    "UMBRELA", 2024 (0 to 3); Cai et al., "ERank", 2025 (0 to 10, reasoning, nearest the mean).
    """

    score_kind: ClassVar[str] = "grade"
    chat: ClassVar[bool] = True

    kind: Literal["graded"] = "graded"
    how: Literal["expectation", "text"] = "expectation"
    highest: int = Field(default=3, ge=1, le=100)
    min_mass: float = Field(default=0.5, ge=0, le=1)
    temperature: float = Field(default=0.0, ge=0, le=2)
    reasoning_tokens: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def grades_are_tokens(self) -> Self:
        """Refuse an expectation over grades that no single token spells."""
        if self.how == "expectation" and self.highest > 9:
            raise ValueError('grades above 9 are several tokens: take how = "text"')
        if self.how == "expectation" and (self.temperature or self.reasoning_tokens):
            raise ValueError("an expectation is read from the first token: nothing is drawn")
        return self

    @property
    def variables(self) -> frozenset[str]:
        """What its prompt must fill in."""
        return super().variables | {"highest"}

    @property
    def needs(self) -> Need:
        """Alternatives of the first token, or only text."""
        return "top_logprobs" if self.how == "expectation" else "text"

    def varies(self, presentation: Presentation) -> bool:
        """Only by chance."""
        del presentation
        return self.temperature > 0

    def request(self, prompt: Prompt, words: Words) -> Chat:
        """Ask for one grade."""
        (document,) = words.documents
        messages = prompt.messages(query=words.query, document=document, highest=self.highest)
        if self.how == "expectation":
            return Chat(messages=messages, max_tokens=1, top_logprobs=20)
        grades = tuple(map(str, range(self.highest + 1)))
        return Chat(
            messages=messages,
            max_tokens=_TOKENS + self.reasoning_tokens,
            temperature=self.temperature,
            choices=() if self.reasoning_tokens else grades,
        )

    def read(self, question: Question, reply: Reply) -> Score | Malformed:
        """Read the expected grade, or the one written."""
        (docid,) = question.docids
        if self.how == "text":
            return parse_grade(reply, docid, self.highest)
        found = masses(reply, map(str, range(self.highest + 1)), min_mass=self.min_mass)
        if isinstance(found, Malformed):
            return found
        total = sum(found.values())
        return Score(docid=docid, value=sum(int(g) * mass for g, mass in found.items()) / total)
