"""Listwise order from the attention that the query pays to each document."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import isfinite
from typing import ClassVar, Literal

from rankmill.errors import PromptError
from rankmill.label.order import ranking_of
from rankmill.label.plans import Asks, Plan, Question, Words
from rankmill.label.presentation import FIXED, Presentation
from rankmill.prompts import Prompt
from rankmill.readings import Malformed, Scores
from rankmill.records import Attention, Reply
from rankmill.spec import Spec
from rankmill.teachers.engine import Need

_CONTENT_FREE = "N/A"
_MARK = "\x1e"  # white space to Python, so no text that went through `as_data` has it


class InContext(Spec):
    """Order the documents of one prompt by the attention that the query's tokens pay to them.

    Nothing is generated. From a document's attention is taken what it gets from the query "N/A";
    the score has no unit and compares documents of one prompt only. As in the paper the prompt
    shows the list in reverse, so that what is presented first stands nearest to the query.

    Paper: Chen et al., "Attention in Large Language Models Yields Efficient Zero-Shot
    Re-Rankers", ICLR 2025 (ICR).
    """

    asks: ClassVar[Asks] = "grade"
    needs: ClassVar[Need] = "attention"
    score_kind: ClassVar[str] = "attention"
    variables: ClassVar[frozenset[str]] = frozenset({"query", "documents"})
    chat: ClassVar[bool] = False

    kind: Literal["in_context"] = "in_context"

    def plan(self, docids: Sequence[str]) -> Plan:
        """Ask once about the reversed list; sort by attention."""
        (scores,) = yield [Question(docids=tuple(reversed(docids)))]
        return ranking_of(scores)

    def varies(self, presentation: Presentation) -> bool:
        """Whether the order shown differs."""
        return presentation not in FIXED

    def calls(self, depth: int) -> int:
        """One question, however long the list."""
        return min(depth, 1)

    def request(self, prompt: Prompt, words: Words) -> Attention:
        """Ask for the attention of the query, and of one without content in its place.

        Raises:
            PromptError: The prompt's prefix names the query, or not every document once.
        """
        documents = [f"{_MARK}{document}{_MARK}" for document in words.documents]
        asked = prompt.continuation(query=words.query, documents=documents)
        blank = prompt.continuation(query=_CONTENT_FREE, documents=documents)
        parts = asked.prefix.split(_MARK)
        if asked.prefix != blank.prefix or parts[1::2] != list(words.documents):
            raise PromptError(
                f"prompt {prompt.name}: the prefix must hold every document once, in order, and "
                "never the query"
            )
        ends = list(accumulate(map(len, parts)))
        return Attention(
            prefix="".join(parts),
            spans=tuple(pairwise(ends))[::2],
            text=asked.text,
            blank=blank.text,
        )

    def read(self, question: Question, reply: Reply) -> Scores | Malformed:
        """Read every document's attention."""
        if len(reply.scores) != len(question.docids) or not all(map(isfinite, reply.scores)):
            return Malformed(reason="no_attention")
        return Scores(shown=question.docids, values=reply.scores)
