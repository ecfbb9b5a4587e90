"""Pointwise relevance from the first token's probabilities."""

from typing import ClassVar, Literal

from pydantic import Field

from rankmill.label.alone import Alone
from rankmill.label.plans import Question, Words
from rankmill.label.probabilities import masses
from rankmill.prompts import Prompt
from rankmill.readings import Malformed, Score
from rankmill.records import Chat, Reply
from rankmill.teachers.engine import Need


class Pointwise(Alone):
    """Score each document by the probability of yes against no, read from one token.

    The score is P(yes) / (P(yes) + P(no)) over every spelling of the two words among the first
    token's alternatives.

    Paper: Liang et al., "Holistic Evaluation of Language Models", TMLR 2023 (relevance
    generation). Worked examples come from the prompt file.
    """

    needs: ClassVar[Need] = "top_logprobs"
    score_kind: ClassVar[str] = "yes_probability"
    chat: ClassVar[bool] = True

    kind: Literal["pointwise"] = "pointwise"
    yes: str = "yes"
    no: str = "no"
    min_mass: float = Field(default=0.5, ge=0, le=1)

    def request(self, prompt: Prompt, words: Words) -> Chat:
        """Ask for one token and its twenty most probable alternatives."""
        (document,) = words.documents
        messages = prompt.messages(query=words.query, document=document)
        return Chat(messages=messages, max_tokens=1, top_logprobs=20)

    def read(self, question: Question, reply: Reply) -> Score | Malformed:
        """Read the probability of yes."""
        found = masses(reply, (self.yes, self.no), min_mass=self.min_mass)
        if isinstance(found, Malformed):
            return found
        return Score(docid=question.docids[0], value=found[self.yes] / sum(found.values()))
