"""What a disk says when it will not, in one line."""

import errno
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
        if error.errno in _FULL:
            raise StorageError(f"{place}: {_FULL[error.errno]}") from error
        if error.errno in _CLOSED:
            where = error.filename or place
            raise StorageError(f"{where}: cannot be opened: {error.strerror}") from error
        raise
