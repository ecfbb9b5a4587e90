"""The rows of a file, one after another, whatever it is written as."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from rankmill.parquet import opened
from rankmill.validate.row import Row

_BATCH = 1024


class Unreadable(Exception):
    """A line, or a whole file, is not even written as its name says.

    Attributes:
        line: Which, from 1; 0 for the whole file.
        found: What is there.
        expected: What should be.
    """

    def __init__(self, line: int, found: str, expected: str) -> None:
        super().__init__(line, found, expected)
        self.line, self.found, self.expected = line, found, expected


def rows(path: Path, row: type[Row]) -> Iterator[tuple[int, Any]]:
    """The rows of a file and their numbers from 1: of lines, where it has lines.

    Raises:
        Unreadable: It cannot be read on.
    """
    try:
        match path.suffix:
            case ".parquet":
                yield from enumerate(_parquet(path), start=1)
            case ".json":
                yield from enumerate(_array(path), start=1)
            case ".jsonl":
                yield from _json_lines(path)
            case _:
                yield from _values(path, row)
    except UnicodeDecodeError as error:
        raise Unreadable(0, f"byte {error.start} that is none", "UTF-8") from error
    except OSError as error:
        raise Unreadable(0, str(error.strerror or error), "a file that can be read") from error


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa

    try:
        with opened(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise Unreadable(0, str(error).partition("\n")[0], "a Parquet file") from error


def _array(path: Path) -> list[Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Unreadable(error.lineno, error.msg, "JSON") from error
    rows = found.get("data") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise Unreadable(1, type(found).__name__, "an array, or an object with one called data")
    return rows


def _json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield number, orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise Unreadable(number, error.msg, "one JSON value a line") from error


def _values(path: Path, row: type[Row]) -> Iterator[tuple[int, Any]]:
    """Lines with tabs, or, of a `.txt`, with spaces between values.

    Files with a header are BEIR's, whose reader knows quotes; the others have texts in them.
    """
    names = row.names()
    with path.open(encoding="utf-8", newline="" if row.header else "\n") as file:
        tabs = path.suffix == ".tsv"
        lines: Iterable[list[str]] = csv.reader(file, delimiter="\t")
        if not row.header:
            lines = (line.rstrip("\r\n").split("\t" if tabs else None) for line in file)
        for number, values in enumerate(lines, start=1):
            if number == 1 and row.header:
                if values != names:
                    found = " ".join(values)
                    raise Unreadable(1, found, f"the header {' '.join(names)}: it is skipped")
            elif len(values) != len(names):
                raise Unreadable(number, f"{len(values)} values", f"{len(names)}: {names}")
            else:
                yield number, dict(zip(names, values, strict=True))
