"""Documents cut into passages."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Self

from pydantic import Field, model_validator

from rankmill.records import Document, Rejection
from rankmill.spec import Spec

_LONGEST_LINE = 10_000
_BLOCK = re.compile(
    r"(?s).{5000,10000}(?:(?<=\n)|(?<=[.!?]\s)|(?<=[。\uff01\uff1f]))|.{5000,10000}(?<=\s)|.{1,10000}"
)


class Passages(Spec):
    """How long a passage may be, in characters.

    A document of at most `max_chars` stays whole and keeps its docid. A longer one is cut where
    paragraphs end, else sentences, else words; its passages are `<docid>#<n>`, counted from 1,
    and share its title and headings; their parent is its parent, or else itself. A piece shorter
    than `min_chars` joins a neighbour that has room for it.

    Attributes:
        min_chars: What is shorter is rejected as `too_short`.
        max_chars: At least twice `min_chars`.
    """

    min_chars: int = Field(default=40, ge=1)
    max_chars: int = Field(default=1000, ge=2)

    @model_validator(mode="after")
    def _room_for_two(self) -> Self:
        if self.max_chars < 2 * self.min_chars:
            raise ValueError(
                f"max_chars {self.max_chars} is less than twice min_chars {self.min_chars}"
            )
        return self

    def cut(self, document: Document) -> Iterator[Document | Rejection]:
        """Cut one document. Every character but white space is in exactly one piece."""
        if len(document.text) <= self.max_chars:
            yield self._accept(document)
            return
        parent = document.parent or document.docid
        for number, text in enumerate(self._pieces(document.text), start=1):
            docid = f"{document.docid}#{number}"
            yield self._accept(replace(document, docid=docid, text=text, parent=parent))

    def _accept(self, passage: Document) -> Document | Rejection:
        length = len(passage.text)
        if length >= self.min_chars:
            return passage
        detail = f"{length} characters < {self.min_chars}"
        return Rejection(id=passage.docid, rule="too_short", detail=detail)

    def _pieces(self, text: str) -> list[str]:
        from semantic_text_splitter import TextSplitter

        room = self.max_chars - self.min_chars + 1  # leaves space to join one short piece
        pieces: list[str] = []
        splitter = TextSplitter(room, trim=False)
        for piece in (piece for block in _blocks(text) for piece in splitter.chunks(block)):
            short = pieces and min(len(pieces[-1].strip()), len(piece.strip())) < self.min_chars
            if short and len((pieces[-1] + piece).strip()) <= self.max_chars:
                pieces[-1] += piece
            else:
                pieces.append(piece)
        return [piece.strip() for piece in pieces if piece.strip()]


def _blocks(text: str) -> Sequence[str]:
    """The whole text; or stretches of it, if a line is so long that it cannot be prose.

    The splitter's time grows with the square of what has neither a line's end nor a sentence's.
    """
    longest = max(map(len, text.split("\n")), default=0)
    return [text] if longest <= _LONGEST_LINE else _BLOCK.findall(text)
