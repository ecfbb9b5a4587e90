"""The files a corpus is read from: found, named and fingerprinted."""

import gzip
import hashlib
import os
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO, cast

from rankmill.errors import CorpusError

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file of a corpus.

    Attributes:
        name: What tables call it: its path below the folder that was asked for, so that no
            table depends on where a machine keeps its files.
    """

    path: Path
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a row stands, counted from 1. As a string it is what an error message names.

    Attributes:
        within: The file or dataset, as the user would open it.
        name: The same, as tables call it.
    """

    within: str
    name: str
    row: int

    def __str__(self) -> str:
        return f"{self.within}:{self.row}"

    @property
    def source(self) -> str:
        """The `source` of a document read here."""
        return f"{self.name}:{self.row}"


def resolve(path: Path, base: Path) -> Path:
    """Make a recipe's path absolute: `~` is the user's home, the rest is relative to `base`."""
    return base / path.expanduser()


def find_files(path: Path, base: Path, *, endings: tuple[str, ...]) -> tuple[SourceFile, ...]:
    """Find the files meant by a file, a folder or a glob, sorted by name.

    A folder means every file below it whose name has one of the `endings`, hidden ones left out.

    Raises:
        CorpusError: There is no such file.
    """
    place = resolve(path, base)
    if place.is_file():
        return (SourceFile(path=place, name=spelled(place.name)),)
    if place.is_dir():
        found = [file for ending in endings for file in place.rglob(f"*{ending}")]
        wanted = f"no file{' named *' if any(endings) else ''}{' or *'.join(endings)} below it"
    else:
        place, pattern = _glob(place)
        found = list(place.glob(pattern)) if pattern and place.is_dir() else []
        wanted = f"no file matches {pattern}" if pattern else _missing(place)
    named = {file.relative_to(place): file for file in found if file.is_file()}
    files = [
        SourceFile(path=named[name], name=spelled(name.as_posix()))
        for name in sorted(named)
        if not any(part.startswith(".") for part in name.parts)
    ]
    if not files:
        raise CorpusError(f"{place}: {wanted}")
    return tuple(files)


def spelled(name: str) -> str:
    """A name that tables can hold: bytes of it that are no UTF-8 stand there by their numbers."""
    return os.fsencode(name).decode(errors="backslashreplace")


def fingerprint(files: Iterable[SourceFile]) -> str:
    """The SHA-256 over the names and bytes of `files`, as 64 hex digits.

    Raises:
        CorpusError: A file cannot be read.
    """
    total = hashlib.sha256()
    for file in files:
        with readable(file.path), file.path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        total.update(f"{content}  {file.name}\n".encode())
    return total.hexdigest()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn the errors of the disk, and of a packed file, while reading `path` into one line.

    Raises:
        CorpusError: `path` cannot be read.
    """
    try:
        yield
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise CorpusError(f"{path}: broken gzip file: {error}") from error


def unpacked(path: Path) -> BinaryIO:
    """Open a file to read its bytes, those of a `.gz` as they were before."""
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""The lines of a file that hold something, with their numbers from 1.

    Only \n ends a line, or \r\n: JSON may hold whatever else Unicode ends one with. Those of a
    `.gz` are as they were before; a byte order mark is left out.

    Raises:
        CorpusError: The file cannot be read, or a line is not UTF-8.
    """
    with readable(path), unpacked(path) as stream:
        for number, raw in enumerate(stream, start=1):
            line = raw.removeprefix(BOM_UTF8) if number == 1 else raw
            text = decoded(line, f"{path}:{number}").removesuffix("\n").removesuffix("\r")
            if text.strip():
                yield number, text


def decoded(line: bytes, place: Place | str) -> str:
    """The text of a line.

    Raises:
        CorpusError: It is not UTF-8.
    """
    try:
        return line.decode()
    except UnicodeDecodeError as wrong:
        if line.startswith(_UTF16):
            raise CorpusError(f"{place}: UTF-16, expected UTF-8") from wrong
        byte = f"byte 0x{line[wrong.start]:02x} at byte {wrong.start + 1} of the line"
        raise CorpusError(f"{place}: not UTF-8: {byte}") from wrong


def _glob(place: Path) -> tuple[Path, str]:
    """Split a path before its first part with a wildcard; no pattern when it has none."""
    for position, part in enumerate(place.parts):
        if any(sign in part for sign in "*?["):
            return Path(*place.parts[:position]), "/".join(place.parts[position:])
    return place, ""


def _missing(place: Path) -> str:
    folder = place.parent
    if not folder.is_dir():
        return "no such file or folder"
    nearest = get_close_matches(place.name, [entry.name for entry in folder.iterdir()], n=1)
    return "no such file or folder" + (f", the nearest name is {nearest[0]}" if nearest else "")
