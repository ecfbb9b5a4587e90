"""Listwise order from the probabilities of letters."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from rankmill.label.order import ranking_of
from rankmill.label.plans import Asks, Plan, Question, Words
from rankmill.label.presentation import FIXED, Presentation
from rankmill.label.probabilities import LETTERS, log_shares, masses
from rankmill.prompts import Prompt
from rankmill.readings import Malformed, Scores
from rankmill.records import Chat, Reply
from rankmill.spec import Spec
from rankmill.teachers.engine import Need


class FirstToken(Spec):
    """Label the documents A, B, C, … and order them by how probable each letter is as the answer.

    The letter is the first token of the answer, in either case; the paper reads it after an
    opening bracket that it puts into the answer, which chat endpoints do not let one do.

    One token is read instead of a permutation written. The score is the letter's logarithmic
    share of all letters' probability. At most 26 documents; longer lists take a sliding window.

    Paper: Reddy et al., "FIRST: Faster Improved Listwise Reranking with Single Token Decoding",
    EMNLP 2024.
    """

    asks: ClassVar[Asks] = "grade"
    needs: ClassVar[Need] = "top_logprobs"
    score_kind: ClassVar[str] = "label_log_probability"
    variables: ClassVar[frozenset[str]] = frozenset({"query", "documents", "labels"})
    chat: ClassVar[bool] = True

    kind: Literal["first_token"] = "first_token"
    min_mass: float = Field(default=0.5, ge=0, le=1)

    def plan(self, docids: Sequence[str]) -> Plan:
        """Ask once for the best document; sort by every letter's probability.

        Raises:
            ValueError: There are more documents than letters.
        """
        if len(docids) > len(LETTERS):
            raise ValueError(f"{len(docids)} documents, but {len(LETTERS)} letters")
        (scores,) = yield [Question(docids=tuple(docids))]
        return ranking_of(scores)

    def varies(self, presentation: Presentation) -> bool:
        """Whether the order shown differs."""
        return presentation not in FIXED

    def calls(self, depth: int) -> int:
        """One question, however long the list."""
        return min(depth, 1)

    def request(self, prompt: Prompt, words: Words) -> Chat:
        """Ask for one letter, and what the others' probabilities are."""
        labels = LETTERS[: len(words.documents)]
        messages = prompt.messages(query=words.query, documents=words.documents, labels=labels)
        return Chat(messages=messages, max_tokens=1, top_logprobs=20, labels=labels)

    def read(self, question: Question, reply: Reply) -> Scores | Malformed:
        """Read the letters' probabilities."""
        found = masses(reply, LETTERS[: len(question.docids)], min_mass=self.min_mass)
        if isinstance(found, Malformed):
            return found
        return Scores(shown=question.docids, values=tuple(log_shares(found, reply)))
