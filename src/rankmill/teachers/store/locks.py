"""Locks on open files, which the operating system drops when a process ends, however it ends."""

import errno
import fcntl
import os
from pathlib import Path

_LOCKLESS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


def locked(descriptor: int, path: Path) -> bool:
    """Lock the open file `path` unless somebody else has. False too if it is gone by now.

    Raises:
        OSError: The file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def claimed(descriptor: int, path: Path) -> bool:
    """Lock a file that was just made. Where there are no locks, nobody else takes it."""
    try:
        return locked(descriptor, path)
    except OSError as error:
        if error.errno in _LOCKLESS:
            return True
        raise
