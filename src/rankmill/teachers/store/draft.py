"""Files that take their name only when they are whole and on disk."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from rankmill.teachers.store.locks import claimed, locked

_BUFFER = 1 << 18


@contextmanager
def draft(path: Path) -> Iterator[BinaryIO]:
    """A file to be written, beside `path` until then. If that fails, there is no trace of it."""
    partial = path.with_name(f"{path.name}.{token_hex(4)}.partial")
    try:
        with partial.open("xb", _BUFFER) as file:
            claimed(file.fileno(), partial)
            yield file
            file.flush()
            os.fsync(file.fileno())
            partial.replace(path)
        sync_folder(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Have the disk keep which files there are."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove the drafts of processes that were killed."""
    for partial in folder.glob("*.partial"):
        with suppress(FileNotFoundError), partial.open("rb+") as file:
            if locked(file.fileno(), partial):
                partial.unlink()
