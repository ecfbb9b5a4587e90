"""Files that take their name only when they are whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from rankmill.teachers.store.locks import claimed, locked

_BUFFER = 1 << 18


@contextmanager
def draft(path: Path, *, cache: bool = False) -> Iterator[BinaryIO]:
    """A file to be written, beside `path` until it is whole. If that fails, there is no trace.

    Args:
        path: Its name; it takes it when it is on disk, where no loss of power can undo it.
        cache: It can be made again, so nobody waits for the disk.
    """
    partial = path.with_name(f"{path.name}.{token_hex(4)}.partial")
    try:
        with partial.open("xb", _BUFFER) as file:
            claimed(file.fileno(), partial)
            yield file
            file.flush()
            if not cache:
                os.fsync(file.fileno())
            partial.replace(path)
        if not cache:
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
