"""Selections: which of these documents are of use?"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from rankmill.label.order import ranking_of
from rankmill.label.parse import parse_selection
from rankmill.label.plans import Asks, Plan, Question, Words
from rankmill.label.presentation import FIXED, Presentation
from rankmill.prompts import Prompt
from rankmill.readings import Choice, Malformed
from rankmill.records import Chat, Reply
from rankmill.spec import Spec
from rankmill.teachers.engine import Need

_TOKENS_PER_IDENTIFIER, _TOKENS = 6, 12


class Selection(Spec):
    """Show the whole list and ask which documents are of use; those chosen tie above the others.

    A prompt may have the teacher write its own answer first (utility judgments; repeated in
    random orders and averaged by `mean_score` this is k-sampling), or show it the known answer
    and ask which documents help derive it, or which look relevant and do not (ReasonRank's
    positives and hard negatives).

    Papers: Zhang et al., "Are Large Language Models Good at Utility Judgments?", SIGIR 2024; Liu
    et al., "ReasonRank", 2025.

    Attributes:
        shows_answer: Whether the prompt shows the known answer.
        answer_tokens: Room for an answer that the teacher writes first.
    """

    asks: ClassVar[Asks] = "choose"
    needs: ClassVar[Need] = "text"
    score_kind: ClassVar[str] = "selected"
    chat: ClassVar[bool] = True

    kind: Literal["selection"] = "selection"
    shows_answer: bool = False
    answer_tokens: int = Field(default=0, ge=0)
    temperature: float = Field(default=0.0, ge=0, le=2)

    @property
    def variables(self) -> frozenset[str]:
        """What its prompt must fill in."""
        known = {"answer"} if self.shows_answer else set()
        return frozenset({"query", "documents"} | known)

    def plan(self, docids: Sequence[str]) -> Plan:
        """Ask once about the whole list."""
        (choice,) = yield [Question(docids=tuple(docids))]
        return ranking_of(choice)

    def varies(self, presentation: Presentation) -> bool:
        """Whether trials can differ: by the order shown, or by chance."""
        return presentation not in FIXED or self.temperature > 0

    def calls(self, depth: int) -> int:
        """One question, however long the list."""
        return min(depth, 1)

    def request(self, prompt: Prompt, words: Words) -> Chat:
        """Number the documents from 1 in the order shown."""
        known = {"answer": words.answer} if self.shows_answer else {}
        budget = _TOKENS_PER_IDENTIFIER * len(words.documents) + _TOKENS + self.answer_tokens
        return Chat(
            messages=prompt.messages(query=words.query, documents=words.documents, **known),
            max_tokens=budget,
            temperature=self.temperature,
        )

    def read(self, question: Question, reply: Reply) -> Choice | Malformed:
        """Read what was selected; nothing may be."""
        return parse_selection(reply, question.docids)
