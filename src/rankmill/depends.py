"""What the tables of a stage depend on, by name."""

import polars as pl

from rankmill.build import Build
from rankmill.records import Document
from rankmill.tables import DOCUMENTS
from rankmill.tablestore import Output

REVISION = "2"
"""Raised when the same settings and inputs would give other tables than they used to."""


def inputs(*outputs: Output) -> dict[str, str]:
    """The tables that were read, and the revision of the code."""
    return {"revision": REVISION, **{output.stage: output.key for output in outputs}}


def teacher_of(build: Build, name: str) -> dict[str, str]:
    """A teacher of the recipe."""
    return {f"teachers.{name}": build.recipe.teachers[name].fingerprint}


def prompt_of(build: Build, name: str) -> dict[str, str]:
    """A prompt file."""
    return {f"prompt {name}": build.prompt(name).fingerprint}


def documents_of(documents: Output, docids: pl.Series) -> list[Document]:
    """The documents of some ids, sorted by id."""
    frame = (
        pl.scan_parquet(documents.path(DOCUMENTS))
        .filter(pl.col("docid").is_in(docids.implode()))
        .select("docid", "title", "text")
        .sort("docid")
        .collect()
    )
    return [Document(**row) for row in frame.iter_rows(named=True)]
