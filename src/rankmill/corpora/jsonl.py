"""Documents from JSON Lines files."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

import orjson
from pydantic import Field

from rankmill.corpora.columns import Columns
from rankmill.corpora.files import (
    Place,
    SourceFile,
    decoded,
    find_files,
    fingerprint,
    readable,
    unpacked,
)
from rankmill.errors import CorpusError
from rankmill.records import Document, Rejection
from rankmill.spec import Machine, Spec

_NEXT = 1 << 20


class Jsonl(Spec):
    """One JSON object a line, in UTF-8, plain or compressed with gzip. Empty lines are skipped.

    Attributes:
        path: A file, a glob, or a folder that means every `.jsonl` and `.jsonl.gz` below it;
            relative to the recipe's folder.
        columns: Which fields hold what.
        max_megabytes: A longer line is rejected as `too_large`, and never held in memory whole.
    """

    kind: Literal["jsonl"] = "jsonl"
    path: Path = Machine(...)
    columns: Columns = Columns()
    max_megabytes: int = Field(default=64, ge=1)

    def __str__(self) -> str:
        return str(self.path)

    def documents(self, base: Path) -> Iterator[Document | Rejection]:
        """Read every line, file by file in the order of their names.

        Raises:
            CorpusError: A file is missing or cannot be read, or a line is not UTF-8, not JSON,
                not an object, or lacks a named field.
        """
        for file in self._files(base):
            for number, line in _lines(file, self.max_megabytes << 20):
                place = Place(within=str(file.path), name=file.name, row=number)
                if line is None:
                    detail = f"a line of more than {self.max_megabytes} MiB"
                    yield Rejection(id=place.source, rule="too_large", detail=detail)
                else:
                    yield self.columns.document(json_object(line, place), place)

    def origin(self, base: Path) -> str:
        """The SHA-256 over the names and bytes of the files."""
        return fingerprint(self._files(base))

    def _files(self, base: Path) -> tuple[SourceFile, ...]:
        return find_files(self.path, base, endings=(".jsonl", ".jsonl.gz"))


def _lines(file: SourceFile, most: int) -> Iterator[tuple[int, bytes | None]]:
    """The lines that hold something, with their numbers from 1; None for one of over `most` bytes.

    Raises:
        CorpusError: The file cannot be read.
    """
    with readable(file.path), unpacked(file.path) as stream:
        for number, line in enumerate(iter(lambda: stream.readline(most), b""), start=1):
            if len(line) == most and not line.endswith(b"\n"):
                _skip_line(stream)
                yield number, None
                continue
            content = line.strip()
            if number == 1:
                content = content.removeprefix(BOM_UTF8)
            if content:
                yield number, content


def _skip_line(stream: BinaryIO) -> None:
    while (read := stream.readline(_NEXT)) and not read.endswith(b"\n"):
        pass


def json_object(line: bytes | str, place: Place | str) -> dict[str, Any]:
    """What a line of JSON Lines holds.

    Raises:
        CorpusError: It is not UTF-8, not JSON, or no object.
    """
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        if isinstance(line, bytes):
            decoded(line, place)
        raise CorpusError(f"{place}: not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(value, dict):
        raise CorpusError(f"{place}: a JSON {type(value).__name__}, expected an object")
    return value
