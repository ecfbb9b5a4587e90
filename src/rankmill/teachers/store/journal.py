"""The journals of a reply store: files of one line per reply, which only ever grow."""

import errno
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from rankmill.errors import StorageError
from rankmill.teachers.store.locks import claimed

_LINE = re.compile(rb'\{"key":"([0-9a-f]{32})",.*\}\n', re.DOTALL)
_SYNC_SECONDS = 1.0
_READ, _BUFFER = 1 << 12, 1 << 18


class Journal:
    """A journal of one writer, created at its first line and never opened by another writer.

    As long as it is open it is locked; when its process ends, however it ends, the operating
    system drops the lock, so whoever can lock a journal knows that it is finished.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self._descriptor = _new_file(folder)
        self._end = 0
        self._synced = 0
        self._failed: OSError | None = None
        self._leave = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="reply store", daemon=True)
        self._keeper.start()

    def append(self, line: bytes) -> int:
        """Write one line, and return where it begins. A line that does not fit leaves no trace."""
        self._check()
        try:
            written = os.write(self._descriptor, line)
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError as error:
            self._failed = error  # nothing may follow half a line
            os.ftruncate(self._descriptor, self._end)
            self._failed = None
            raise
        start, self._end = self._end, self._end + len(line)
        return start

    def close(self) -> None:
        """Sync what is left and let go of the file."""
        self._leave.set()
        self._keeper.join()
        self._sync()
        os.close(self._descriptor)
        self._check()

    def _keep(self) -> None:
        while not self._leave.wait(_SYNC_SECONDS):
            self._sync()

    def _sync(self) -> None:
        end = self._end
        if end == self._synced:
            return
        try:
            os.fsync(self._descriptor)
            if os.fstat(self._descriptor).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "the file was deleted")
        except OSError as error:
            self._failed = error
        self._synced = end

    def _check(self) -> None:
        if self._failed:
            raise StorageError(
                f"{self.path}: the disk did not keep what was written: {self._failed.strerror}"
            ) from self._failed


def journals(folder: Path) -> list[Path]:
    """The journals in a folder, oldest first."""
    return sorted(folder.glob("*.jsonl"))


def keys(path: Path, start: int = 0) -> Iterator[tuple[bytes, int, bytes]]:
    """Key, offset and whole line of every reply in a journal, from offset `start` on.

    A last line that does not end was never written.

    Raises:
        StorageError: A line is no reply.
    """
    with path.open("rb", _BUFFER) as lines:
        offset = lines.seek(start)
        for line in lines:
            if not line.endswith(b"\n"):
                return
            match = _LINE.fullmatch(line)
            if not match:
                raise not_a_reply(path, offset)
            yield bytes.fromhex(match[1].decode()), offset, line
            offset += len(line)


def line_at(path: Path, offset: int) -> bytes:
    """The line that begins at `offset`; what is left of it if it does not end."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        line = os.pread(descriptor, _READ, offset)
        while (end := line.find(b"\n")) < 0:
            more = os.pread(descriptor, len(line) + _READ, offset + len(line))
            if not more:
                return line
            line += more
        return line[: end + 1]
    finally:
        os.close(descriptor)


def is_line_of(line: bytes, key: bytes) -> bool:
    """Whether a line begins as that of `key` does."""
    return line.startswith(b'{"key":"%b",' % key.hex().encode())


def not_a_reply(path: Path, offset: int) -> StorageError:
    """The error of a line that begins at `offset` and is no reply."""
    number, begins = 1, 0
    with path.open("rb") as lines:
        while begins < offset and (line := lines.readline()):
            number, begins = number + 1, begins + len(line)
    return StorageError(
        f"{path}, line {number}: expected a reply with its key, found something else; without that "
        "line the store opens, and what it answered is asked again"
    )


def _new_file(folder: Path) -> tuple[Path, int]:
    """Open a file that no one else has, whose name sorts after those that are there."""
    taken = [path.name.partition("-")[0] for path in journals(folder)]
    number = max((int(name) for name in taken if name.isdigit()), default=0) + 1
    while True:
        path = folder / f"{number:06d}-{os.getpid()}.jsonl"
        number += 1
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except FileExistsError:
            continue
        if claimed(descriptor, path):
            return path, descriptor
        os.close(descriptor)  # it was taken for a finished one
