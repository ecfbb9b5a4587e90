"""All exports of a build, in one pass over its corpus and one over its labelled lists."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Self

import polars as pl

from rankmill.export.base import Exported, File
from rankmill.export.files import Growing, Shape
from rankmill.export.parts import Labelled, Part
from rankmill.export.tables import SPLITS
from rankmill.tables import Table

_THREADS = 3
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
    with TemporaryDirectory(dir=folder, prefix=".growing-") as name, ExitStack() as stack:
        scratch = Path(name)
        targets = [
            _Target.of(export, file, split, folder, scratch)
            for export in exports
            for file in export.files()
            for split in (SPLITS if _SPLIT in file.path else ("",))
        ]
        for one in targets:
            stack.enter_context(closing(one.growing))
        _write_all(targets, labelled, scratch)
        for one in targets:
            if not one.is_wanted(targets):
                one.growing.discard()
    found = [
        _written(one.config, one.split, one.growing, folder) for one in targets if one.growing.rows
    ]
    return found + [note for export in exports for note in _notes(export, targets, folder)]


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


def _write_all(targets: Sequence["_Target"], labelled: Labelled, scratch: Path) -> None:
    """The corpus first, which is read for the texts of lists all the same; then the lists."""
    lists = [one for one in targets if one.file.of == "lists"]
    corpora = [one for one in targets if one.file.of == "corpus"]
    with _feeding() as feed:

        def see(documents: pl.DataFrame) -> None:
            rows = {split: documents.filter(split=split) for split in SPLITS} | {"": documents}
            feed({one: rows[one.split] for one in corpora})

        with labelled.texts(scratch, see) as texts:
            for part in labelled.parts(texts):
                feed({one: part for one in lists if one.split in {part.split, ""}})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Target:
    """A file that is to be written."""

    file: File
    folder: str
    config: str
    split: str
    growing: Growing

    @classmethod
    def of(cls, export: Exported, file: File, split: str, folder: Path, scratch: Path) -> Self:
        path = folder / export.folder / file.path.replace(_SPLIT, split)
        shape = Shape(header=file.header, bare=file.bare, around=file.around)
        growing = Growing(path, file.table, shape, scratch=scratch)
        config = config_of(export, file)
        return cls(file=file, folder=export.folder, config=config, split=split, growing=growing)

    def is_wanted(self, others: Iterable[Self]) -> bool:
        """Whether it has lists, or is a corpus to search for lists of its export and split."""
        if self.file.of == "lists" or self.file.alone:
            return True
        lists = (one for one in others if one.file.of == "lists" and one.growing.rows)
        mine = (one for one in lists if one.folder == self.folder)
        return any(self.split in {"", one.split} or not one.split for one in mine)

    def take(self, rows: Any) -> None:  # noqa: ANN401 - what the file's function takes
        """Append what the file is to have of some rows."""
        self.growing.write(self.file.rows(rows))


Rows = Part | pl.DataFrame
"""What a file is cut from: lists, or documents of the corpus."""


@contextmanager
def _feeding() -> Iterator[Callable[[Mapping[_Target, Rows]], None]]:
    """A function that has targets take rows, side by side, while the next rows are got ready.

    No target takes rows before it has taken those before. Those that took longest go first, so
    that none is left at work alone. What one raises comes out of the next call, or of the end.
    """
    busy: list[Future[None]] = []
    spent: defaultdict[_Target, float] = defaultdict(float)

    def take(target: _Target, rows: Rows) -> None:
        began = perf_counter()
        target.take(rows)
        spent[target] += perf_counter() - began

    def finish() -> None:
        for one in busy:
            one.result()
        busy.clear()

    with ThreadPoolExecutor(_THREADS) as threads:

        def feed(work: Mapping[_Target, Rows]) -> None:
            finish()
            slowest_first = sorted(work, key=lambda one: -spent[one])
            busy.extend(threads.submit(take, one, work[one]) for one in slowest_first)

        yield feed
        finish()


def _notes(export: Exported, targets: Sequence[_Target], folder: Path) -> Iterator[Written]:
    """Write an export's small files."""
    mine = [one for one in targets if one.folder == export.folder and one.growing.rows]
    splits = [split for split in SPLITS if any(one.split == split for one in mine)]
    for name, text in export.notes(splits).items():
        path = folder / export.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        yield Written(config="", split="", rows=1, paths=(path.relative_to(folder).as_posix(),))


def _written(config: str, split: str, growing: Growing, folder: Path) -> Written:
    paths = tuple(path.relative_to(folder).as_posix() for path in growing.paths)
    return Written(config=config, split=split, rows=growing.rows, paths=paths)
