"""What the tables of a stage depend on, by name."""

from pathlib import Path

import polars as pl

from rankmill.build import Build
from rankmill.contamination import Evaluation
from rankmill.corpora import read
from rankmill.records import Document
from rankmill.space import Embedder
from rankmill.tables import DOCUMENTS
from rankmill.tablestore import Output

REVISION = "5"
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


def embedder_of(spec: Embedder) -> dict[str, str]:
    """An embedding model; of one in a folder, what is in there now, for it may be trained anew."""
    return {"embed": spec.fingerprint, **({"weights": spec.weights} if spec.weights else {})}


def evaluation_of(build: Build) -> dict[str, Path]:
    """The folders of the evaluation collections that a recipe names, by name."""
    return {path.name: build.base / path.expanduser() for path in build.recipe.assemble.evaluation}


def decontamination_of(build: Build) -> dict[str, str]:
    """What is kept apart from evaluation collections, and those; nothing where there is none."""
    collections = evaluation_of(build)
    said = {f"evaluation {name}": Evaluation(at).digest for name, at in collections.items()}
    how = build.recipe.curate.decontaminate.fingerprint
    return {**said, "curate.decontaminate": how} if said else {}


def documents_of(documents: Output, docids: pl.Series) -> list[Document]:
    """The documents of some ids, sorted by id."""
    return read.documents_of(documents.path(DOCUMENTS), docids)
