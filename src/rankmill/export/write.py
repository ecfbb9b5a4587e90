"""All exports of a build, in one pass over its labelled lists and one over its corpus."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

import polars as pl

from rankmill.export.base import Exported, File
from rankmill.export.files import Growing
from rankmill.export.parts import Labelled, Part
from rankmill.export.tables import SPLITS
from rankmill.tables import Table

_THREADS = 4
_SPLIT = "{split}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that an export has left, in one shard or several.

    Attributes:
        config: The name by which `load_dataset` knows it; empty if it is not made for that.
        split: The split that it holds; empty if it is one file for all.
        rows: How many it has; without any it is not there.
        paths: Its shards, relative to the dataset's folder.
    """

    config: str
    split: str
    rows: int
    paths: tuple[str, ...]


def write(exports: Sequence[Exported], labelled: Labelled, folder: Path) -> list[Written]:
    """Write every file of every export into `folder`, side by side.

    Memory holds one part of the build at a time, whatever its size.

    Returns:
        The files that have rows, in the order of the exports.

    Raises:
        TableError: An export gave rows that its table does not declare.
    """
    folder.mkdir(parents=True, exist_ok=True)
    targets = [
        _Target.of(export, file, split, folder)
        for export in exports
        for file in export.files()
        for split in (SPLITS if _SPLIT in file.path else ("",))
    ]
    with ThreadPoolExecutor(_THREADS) as threads, ExitStack() as stack:
        for one in targets:
            stack.enter_context(closing(one.growing))

        def feed(of: str, splits: set[str], rows: Part | pl.DataFrame) -> None:
            mine = [one for one in targets if one.file.of == of and one.split in splits]
            list(threads.map(lambda one: one.growing.write(one.file.rows(rows)), mine))

        texts = stack.enter_context(labelled.texts(folder))
        for split in SPLITS:
            for part in labelled.parts(split, texts):
                feed("lists", {split, ""}, part)
        for documents in labelled.corpus():
            feed("corpus", {""}, documents)
            for split in SPLITS:
                feed("corpus", {split}, documents.filter(split=split))
    return [
        _written(one.config, one.split, one.growing, folder) for one in targets if one.growing.rows
    ]


def config_of(export: Exported, file: File) -> str:
    """The name by which `load_dataset` knows a file; empty where it is not made for that."""
    path = PurePosixPath(file.path)
    names = filter(None, (export.folder, *path.parts[:-1]))
    return "-".join(names) if path.suffix == ".parquet" else ""  # one reader for all of a folder


def write_frame(table: Table, split: str, rows: pl.DataFrame, folder: Path) -> list[Written]:
    """Write a table that is neither of lists nor of the corpus, as a config of its own."""
    with closing(Growing(folder / table.name / f"{split}.parquet", table)) as growing:
        growing.write(rows)
    return [_written(table.name, split, growing, folder)] if growing.rows else []


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A file that is to be written."""

    file: File
    config: str
    split: str
    growing: Growing

    @classmethod
    def of(cls, export: Exported, file: File, split: str, folder: Path) -> Self:
        path = folder / export.folder / file.path.replace(_SPLIT, split)
        growing = Growing(path, file.table, header=file.header, bare=file.bare)
        return cls(file=file, config=config_of(export, file), split=split, growing=growing)


def _written(config: str, split: str, growing: Growing, folder: Path) -> Written:
    paths = tuple(path.relative_to(folder).as_posix() for path in growing.paths)
    return Written(config=config, split=split, rows=growing.rows, paths=paths)
