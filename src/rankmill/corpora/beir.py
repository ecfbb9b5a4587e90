"""Documents of a BEIR collection."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from rankmill.corpora.columns import Columns
from rankmill.corpora.files import resolve
from rankmill.corpora.jsonl import Jsonl
from rankmill.errors import CorpusError
from rankmill.records import Document, Rejection
from rankmill.spec import Machine, Spec

_NAMES = ("corpus.jsonl", "corpus.jsonl.gz")


class Beir(Spec):
    """The `corpus.jsonl` (or `.gz`) of a BEIR folder: `_id`, `text` and, where given, `title`.

    Paper: Thakur et al., "BEIR: A Heterogenous Benchmark for Zero-shot Evaluation of Information
    Retrieval Models", NeurIPS 2021.

    Attributes:
        path: The folder, relative to the recipe's folder.
    """

    kind: Literal["beir"] = "beir"
    path: Path = Machine(...)

    def __str__(self) -> str:
        return str(self.path)

    def documents(self, base: Path) -> Iterator[Document | Rejection]:
        """Read every line.

        Raises:
            CorpusError: The folder has no corpus, or a line of it is wrong.
        """
        return self._corpus(base).documents(base)

    def origin(self, base: Path) -> str:
        """The SHA-256 over the corpus file; queries and qrels are not read."""
        return self._corpus(base).origin(base)

    def _corpus(self, base: Path) -> Jsonl:
        folder = resolve(self.path, base)
        if not folder.is_dir():
            raise CorpusError(f"{folder}: no such folder")
        for name in _NAMES:
            if (folder / name).is_file():
                return Jsonl(path=folder / name, columns=Columns(docid="_id"))
        found = ", ".join(sorted(entry.name for entry in folder.iterdir())) or "nothing"
        raise CorpusError(f"{folder}: no {' or '.join(_NAMES)}, found {found}")
