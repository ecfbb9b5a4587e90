"""Evaluation collections, as what must not be trained on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rankmill.corpora import Beir, Jsonl
from rankmill.corpora.columns import Columns
from rankmill.records import Document
from rankmill.spec import digest

_PART = 100_000
_UNITS = {"what": pl.String, "id": pl.String, "text": pl.String}


@dataclass(frozen=True)
class Evaluation:
    """A collection in BEIR's layout: `corpus.jsonl` and `queries.jsonl`, or both with `.gz`."""

    folder: Path

    @property
    def digest(self) -> str:
        """Changes with any document or query.

        Raises:
            CorpusError: There is no such collection.
        """
        return digest(f"{self._corpus.origin(self.folder)} {self._queries.origin(self.folder)}")

    def units(self) -> Iterator[pl.DataFrame]:
        """Its queries and documents, some at a time: what, id, text.

        Raises:
            CorpusError: A line is wrong.
        """
        rows: list[tuple[str, str, str]] = []
        for what, one in self._all():
            rows.append((what, one.docid, f"{one.title} {one.text}"))
            if len(rows) == _PART:
                yield pl.DataFrame(rows, schema=_UNITS, orient="row")
                rows = []
        if rows:
            yield pl.DataFrame(rows, schema=_UNITS, orient="row")

    def documents(self) -> Iterator[Document]:
        """Its documents.

        Raises:
            CorpusError: A line is wrong.
        """
        return (one for one in self._corpus.documents(self.folder) if isinstance(one, Document))

    def queries(self) -> pl.DataFrame:
        """Its queries: id and text.

        Raises:
            CorpusError: A line is wrong.
        """
        found = self._queries.documents(self.folder)
        rows = [(one.docid, one.text) for one in found if isinstance(one, Document)]
        return pl.DataFrame(rows, schema={"id": pl.String, "text": pl.String}, orient="row")

    def _all(self) -> Iterator[tuple[str, Document]]:
        for one in self._queries.documents(self.folder):
            if isinstance(one, Document):
                yield "query", one
        for document in self.documents():
            yield "document", document

    @property
    def _corpus(self) -> Beir:
        return Beir(path=self.folder)

    @property
    def _queries(self) -> Jsonl:
        packed = self.folder / "queries.jsonl.gz"
        path = packed if packed.is_file() else self.folder / "queries.jsonl"
        return Jsonl(path=path, columns=Columns(docid="_id", title="", licence="", lang=""))
