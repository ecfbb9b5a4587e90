"""What a disk says when it will not, in one line."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rankmill.errors import StorageError

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than this process may write",
}
_CLOSED = {errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOENT, errno.ENOTDIR}


@contextmanager
def storage(place: Path) -> Iterator[None]:
    """Turn the disk's own errors into one line.

    Raises:
        StorageError: The disk is full, or `place` cannot be written.
    """
    try:
        yield
    except OSError as error:
        if (number := _number(error)) in _FULL:
            raise StorageError(f"{place}: {_FULL[number]}") from error
        if number in _CLOSED:
            where = error.filename or place
            raise StorageError(f"{where}: cannot be opened: {os.strerror(number)}") from error
        raise


def _number(error: OSError) -> int | None:
    """The disk's own error number; polars keeps it among the words of its errors."""
    told = re.search(r"\(os error (\d+)\)", str(error))
    return int(told[1]) if error.errno is None and told else error.errno
