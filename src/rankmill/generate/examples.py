"""Worked examples of the user's own: queries with the documents that answer them."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from rankmill.corpora.files import SourceFile, fingerprint, resolve
from rankmill.generate.rows import rows
from rankmill.generate.writing import Cell, Example
from rankmill.records import Document

_DOCUMENT = ("document", "text", "passage", "pos", "positive")
_QUERY = ("query", "question", "anchor")


def read_examples(path: Path, base: Path) -> list[Example]:
    """Read pairs: JSON Lines with `document` and `query`, or documents and queries between tabs.

    A line may say more of its query: `title`, `kind`, `difficulty`, `length`, `lang`, `persona`.

    Raises:
        CorpusError: The file cannot be read, or a line lacks its document or its query.
    """
    return list(_examples(resolve(path, base)))


def digest_of(path: Path, base: Path) -> str:
    """The SHA-256 of a file.

    Raises:
        CorpusError: It cannot be read.
    """
    return fingerprint([SourceFile(path=resolve(path, base), name="")])


def _examples(path: Path) -> Iterator[Example]:
    for row in rows(path, columns=(_DOCUMENT, _QUERY)):
        yield Example(
            document=row.text(_DOCUMENT),
            query=row.text(_QUERY),
            title=row.maybe(("title",)),
            cell=Cell(**{name: row.maybe((name,)) for name in Cell._fields}),
        )


def drawn(pool: Sequence[Example], document: Document, many: int, seed: str) -> tuple[Example, ...]:
    """Some examples for a document, at random; never one of the document itself.

    Paper: Dai et al., "Promptagator", ICLR 2023: examples of the target task; InPars draws three
    for each document.
    """
    others = [one for one in pool if one.document.split() != document.text.split()]
    chance = random.Random(f"{seed}/{document.docid}")
    return tuple(chance.sample(others, min(many, len(others))))
