"""Where documents come from, and how they become clean passages."""

from typing import Annotated

from pydantic import Field

from rankmill.corpora.beir import Beir
from rankmill.corpora.columns import Columns
from rankmill.corpora.folder import Folder
from rankmill.corpora.huggingface import HuggingFace
from rankmill.corpora.ingest import ingest
from rankmill.corpora.jsonl import Jsonl
from rankmill.corpora.parquet import ParquetFiles
from rankmill.corpora.passages import Passages
from rankmill.corpora.pydoc import Pydoc
from rankmill.corpora.warc import Warc

Corpus = Annotated[
    Folder | Warc | Jsonl | ParquetFiles | Beir | HuggingFace | Pydoc,
    Field(discriminator="kind"),
]

__all__ = [
    "Beir",
    "Columns",
    "Corpus",
    "Folder",
    "HuggingFace",
    "Jsonl",
    "ParquetFiles",
    "Passages",
    "Pydoc",
    "Warc",
    "ingest",
]
