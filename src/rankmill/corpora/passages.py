"""Documents cut into passages."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Self

from pydantic import Field, model_validator

from rankmill.records import Document, Rejection
from rankmill.spec import Spec


class Passages(Spec):
    """How long a passage may be, in characters.

    A document of at most `max_chars` stays whole and keeps its docid. A longer one is cut where
    paragraphs end, else sentences, else words; its passages are `<docid>#<n>`, counted from 1,
    and share its title. A piece shorter than `min_chars` joins a neighbour that has room for it.

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
        for number, text in enumerate(self._pieces(document.text), start=1):
            docid = f"{document.docid}#{number}"
            yield self._accept(replace(document, docid=docid, text=text, parent=document.docid))

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
        for piece in TextSplitter(room, trim=False).chunks(text):
            short = pieces and min(len(pieces[-1].strip()), len(piece.strip())) < self.min_chars
            if short and len((pieces[-1] + piece).strip()) <= self.max_chars:
                pieces[-1] += piece
            else:
                pieces.append(piece)
        return [piece.strip() for piece in pieces if piece.strip()]
