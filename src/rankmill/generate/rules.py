"""Rules that leave a generated query out, each with its number."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rankmill.records import Rejection, Reply
from rankmill.spec import Spec

_WORD = re.compile(r"\w+")
_MENTION = re.compile(
    r"\b(?:the|this|that|above|given|provided|following)\s+"
    r"(?:passage|document|text|paragraph|excerpt|article|snippet|description|documentation)\b",
    re.IGNORECASE,
)
_CHATTER = re.compile(
    r"^(?:sure|certainly|of course|okay|here(?:'s| is| are)|i(?:'m| am) sorry"
    r"|as an ai|query:|question:|answer:)\b|```|<\|",
    re.IGNORECASE,
)
_BLOCK = 1024


class QueryRules(Spec):
    """What a query must be to be kept.

    Attributes:
        min_words: Fewer words are no query.
        max_words: More words are not what people type.
        max_copied: Longest run of words that may stand in the document too.
        max_similarity: Cosine similarity to an earlier query from which on it is a near-duplicate.
    """

    min_words: int = Field(default=3, ge=1)
    max_words: int = Field(default=24, ge=1)
    max_copied: int = Field(default=6, ge=1)
    max_similarity: float = Field(default=0.95, ge=0, le=1)

    def judge(self, reply: Reply, document: str) -> tuple[str, str] | None:
        """The rule that leaves out a query written for `document`, and its number; None if kept.

        Duplicates are another matter: they need the other queries.
        """
        text = clean(reply.text)
        if reply.fault:
            return reply.fault.reason, reply.fault.detail
        if verdict := self._length(reply, _WORD.findall(text)):
            return verdict
        if match := _CHATTER.search(reply.text.strip()):
            return "not_a_query", f"says {match.group()!r}"
        if match := _MENTION.search(text):
            return "refers_to_document", f"says {match.group()!r}"
        copied = longest_common_run(text, document)
        if copied > self.max_copied:
            return "copied", f"{copied} words in a row > {self.max_copied}"
        return None

    def _length(self, reply: Reply, words: Sequence[str]) -> tuple[str, str] | None:
        if not words:
            return "empty", f"0 words in {reply.text!r}"
        if reply.finish_reason == "length":
            return "too_long", f"no end after {reply.tokens_out} tokens"
        if len(words) > self.max_words:
            return "too_long", f"{len(words)} words > {self.max_words}"
        if len(words) < self.min_words:
            return "not_a_query", f"{len(words)} words < {self.min_words}"
        return None


def clean(text: str) -> str:
    """A reply's text as a query: outer white space, quotes and Markdown emphasis taken off."""
    return " ".join(text.split()).strip("\"'`*“” ")


def longest_common_run(text: str, document: str) -> int:
    """Words in the longest run that stands, in the same order, in both texts, in any case."""
    words, others = _words(text), _words(document)
    longest, above = 0, [0] * (len(others) + 1)
    for word in words:
        row = [0] * (len(others) + 1)
        for place, other in enumerate(others, start=1):
            if word == other:
                row[place] = above[place - 1] + 1
        longest, above = max(longest, *row), row
    return longest


def near_duplicates(
    ids: Sequence[str], vectors: NDArray[np.float32], *, max_similarity: float
) -> Iterator[Rejection]:
    """Reject every query too similar to an earlier one that is kept.

    Args:
        ids: Of the queries, in the order they are considered.
        vectors: Unit-length rows, shape (queries, dimensions).
        max_similarity: Cosine from which on two queries are near-duplicates.
    """
    kept = np.zeros(len(ids), dtype=bool)
    for start in range(0, len(ids), _BLOCK):
        stop = min(start + _BLOCK, len(ids))
        similarities = vectors[start:stop] @ vectors[:stop].T
        for place in range(start, stop):
            earlier = np.where(kept[:place], similarities[place - start, :place], -1.0)
            nearest = int(earlier.argmax()) if place else place
            kept[place] = not place or earlier[nearest] < max_similarity
            if not kept[place]:
                detail = f"cosine {earlier[nearest]:.3f} to {ids[nearest]} >= {max_similarity}"
                yield Rejection(id=ids[place], rule="near_duplicate", detail=detail)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
