"""Listwise permutations in text."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from rankmill.label.order import ordered
from rankmill.label.parse import parse_permutation
from rankmill.label.plans import Asks, Plan, Question, Words
from rankmill.label.presentation import FIXED, Presentation
from rankmill.prompts import Prompt
from rankmill.readings import Malformed, Permutation
from rankmill.records import Chat, Ranking, Reply
from rankmill.spec import Spec
from rankmill.teachers.engine import Need

_TOKENS_PER_IDENTIFIER = 6


class Listwise(Spec):
    """Show the whole candidate list in one prompt and ask for its order.

    A reply that is no permutation is no judgment, unless `repair` names RankGPT's way of making
    it one; what was repaired is counted. A teacher whose decoding can be held to a permutation is
    (`constrained`), when it is not to reason first.

    Papers: Sun et al., "Is ChatGPT Good at Search?", EMNLP 2023 (permutation generation); Liu et
    al., "ReasonRank", 2025 and Abdallah et al., "DeAR", 2025 (with reasoning: other prompts).
    """

    asks: ClassVar[Asks] = "rank"
    needs: ClassVar[Need] = "text"
    score_kind: ClassVar[str | None] = None
    variables: ClassVar[frozenset[str]] = frozenset({"query", "documents"})
    chat: ClassVar[bool] = True

    kind: Literal["listwise"] = "listwise"
    temperature: float = Field(default=0.0, ge=0, le=2)
    reasoning_tokens: int = Field(default=0, ge=0)
    constrained: bool = True
    repair: Literal["none", "rankgpt"] = "none"

    def plan(self, docids: Sequence[str]) -> Plan:
        """Ask once for the order of the whole list."""
        (permutation,) = yield [Question(docids=tuple(docids))]
        return Ranking.in_order(ordered(permutation))

    def varies(self, presentation: Presentation) -> bool:
        """Whether trials can differ: by the order shown, or by chance."""
        return presentation not in FIXED or self.temperature > 0

    def calls(self, depth: int) -> int:
        """One question, however long the list."""
        return min(depth, 1)

    def request(self, prompt: Prompt, words: Words) -> Chat:
        """Number the documents from 1 in the order shown."""
        count = len(words.documents)
        return Chat(
            messages=prompt.messages(query=words.query, documents=words.documents),
            max_tokens=_TOKENS_PER_IDENTIFIER * count + self.reasoning_tokens,
            temperature=self.temperature,
            permutes=count if self.constrained and not self.reasoning_tokens else 0,
        )

    def read(self, question: Question, reply: Reply) -> Permutation | Malformed:
        """Read a complete permutation, or why the reply is none."""
        return parse_permutation(reply, question.docids, repair=self.repair == "rankgpt")
