"""Listwise permutations in text."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from rankmill.label.parse import parse_permutation
from rankmill.label.plans import Plan, Question
from rankmill.label.presentation import Presentation
from rankmill.prompts import Prompt
from rankmill.records import Chat, Malformed, Permutation, Ranking, Reply
from rankmill.spec import Spec
from rankmill.teachers.engine import Need

_TOKENS_PER_IDENTIFIER = 6


class Listwise(Spec):
    """Show the whole candidate list in one prompt and ask for its order.

    Paper: Sun et al., "Is ChatGPT Good at Search?", EMNLP 2023 (permutation generation), without
    its repair of broken replies: a reply that is no permutation is no judgment.
    """

    needs: ClassVar[Need] = "text"
    score_kind: ClassVar[str | None] = None
    variables: ClassVar[frozenset[str]] = frozenset({"query", "documents"})
    chat: ClassVar[bool] = True

    kind: Literal["listwise"] = "listwise"
    temperature: float = Field(default=0.0, ge=0, le=2)
    reasoning_tokens: int = Field(default=0, ge=0)

    def plan(self, docids: Sequence[str]) -> Plan:
        """Ask once for the order of the whole list."""
        (permutation,) = yield [Question(docids=tuple(docids))]
        if not isinstance(permutation, Permutation):
            raise TypeError(f"a listwise plan was sent {permutation}")
        return Ranking.in_order(permutation.ranked)

    def varies(self, presentation: Presentation) -> bool:
        """Whether trials can differ: by the order shown, or by chance."""
        return presentation != "retrieved" or self.temperature > 0

    def calls(self, depth: int) -> int:
        """One question, however long the list."""
        return min(depth, 1)

    def request(self, prompt: Prompt, query: str, documents: Sequence[str]) -> Chat:
        """Number the documents from 1 in the order shown."""
        messages = prompt.messages(query=query, documents=documents)
        budget = _TOKENS_PER_IDENTIFIER * len(documents) + self.reasoning_tokens
        return Chat(messages=messages, max_tokens=budget, temperature=self.temperature)

    def read(self, question: Question, reply: Reply) -> Permutation | Malformed:
        """Read a complete permutation, or why the reply is none."""
        return parse_permutation(reply, question.docids)
