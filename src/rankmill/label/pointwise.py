"""Pointwise relevance from the first token's probabilities."""

from collections.abc import Sequence
from math import exp
from typing import ClassVar, Literal

from pydantic import Field

from rankmill.label.plans import Plan, Question
from rankmill.label.presentation import Presentation
from rankmill.prompts import Prompt
from rankmill.records import Chat, Malformed, Ranking, Reply, Score
from rankmill.spec import Spec
from rankmill.teachers.engine import Need


class Pointwise(Spec):
    """Score each document by the probability of yes against no, read from one token.

    The score is P(yes) / (P(yes) + P(no)) over every spelling of the two words among the first
    token's alternatives. A reply that gives both words together less than `min_mass` is no
    judgment: the model was about to say something else.

    Paper: Liang et al., "Holistic Evaluation of Language Models", TMLR 2023 (relevance
    generation). Worked examples come from the prompt file.
    """

    needs: ClassVar[Need] = "top_logprobs"
    score_kind: ClassVar[str | None] = "yes_probability"
    variables: ClassVar[frozenset[str]] = frozenset({"query", "document"})
    chat: ClassVar[bool] = True

    kind: Literal["pointwise"] = "pointwise"
    yes: str = "yes"
    no: str = "no"
    min_mass: float = Field(default=0.5, ge=0, le=1)

    def plan(self, docids: Sequence[str]) -> Plan:
        """Ask about every document at once; sort by score."""
        scores = yield [Question(docids=(docid,)) for docid in docids]
        return Ranking.by_score({s.docid: s.value for s in scores if isinstance(s, Score)})

    def varies(self, presentation: Presentation) -> bool:
        """Never: each document is asked about alone, and the answer is read, not drawn."""
        del presentation
        return False

    def calls(self, depth: int) -> int:
        """One question per document."""
        return depth

    def request(self, prompt: Prompt, query: str, documents: Sequence[str]) -> Chat:
        """Ask for one token and its twenty most probable alternatives."""
        (document,) = documents
        messages = prompt.messages(query=query, document=document)
        return Chat(messages=messages, max_tokens=1, top_logprobs=20)

    def read(self, question: Question, reply: Reply) -> Score | Malformed:
        """Read the probability of yes."""
        if reply.fault:
            return reply.fault
        if not reply.top_logprobs:
            return Malformed(reason="no_log_probabilities")
        yes, no = self._mass(reply, self.yes), self._mass(reply, self.no)
        if yes + no < max(self.min_mass, 1e-9):
            detail = f"yes {yes:.3f} + no {no:.3f} < {self.min_mass}"
            return Malformed(reason="low_label_mass", detail=detail)
        return Score(docid=question.docids[0], value=yes / (yes + no))

    @staticmethod
    def _mass(reply: Reply, word: str) -> float:
        return sum(
            exp(logprob)
            for token, logprob in reply.top_logprobs
            if token.strip().casefold() == word.casefold()
        )
