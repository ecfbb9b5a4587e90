"""The reply store: every answer of a teacher, on disk before it is used."""

import os
import re
import threading
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson

from rankmill.errors import StorageError
from rankmill.records import Reply, Request
from rankmill.tablestore import storage

_LINE = re.compile(rb'\{"key":"([0-9a-f]{32})",.*\}\n', re.DOTALL)
_SYNC_SECONDS = 1.0
_LATER = {"labels", "permutes"}
"""Fields that requests got later; unused, they leave the names of earlier requests as they were."""


def key_of(teacher: Mapping[str, Any], request: Request, trial: int) -> str:
    """The name of one request in a reply store: 32 hex digits over everything that is asked.

    Args:
        teacher: A teacher's identity, `Spec.identity()`; the order of its keys is of no account.
        request: What is asked.
        trial: Tells repeated askings of one request apart, from 0.
    """
    asked = orjson.loads(orjson.dumps(request))
    asked = {name: value for name, value in asked.items() if value or name not in _LATER}
    whole = [dict(teacher), type(request).__name__, asked, trial]
    return sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


class _Place(NamedTuple):
    file: Path
    offset: int


class ReplyStore:
    """Replies in a folder, by key; each is one line of JSON in a file that only ever grows.

    Every open store appends to a file of its own, so that threads, processes and machines may
    share a folder; it sees what the others had written when it was opened. Where two files hold
    the same key, the older file's reply counts. Memory is about 250 bytes a reply.

    What a crash may cost: `put` returns when the operating system has the reply, so a killed
    process loses none of them. The disk is told to keep them about once a second, so a machine
    that loses its power may lose the replies of its last second or so. A line cut short by
    either is no reply, and its request is asked again.

    Raises:
        StorageError: The folder cannot be read or written, or a line in it is not a reply.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._file: _Journal | None = None
        with storage(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._places: dict[bytes, _Place] = {}
            for path in sorted(folder.glob("*.jsonl")):
                for key, offset in _keys(path):
                    self._places.setdefault(key, _Place(path, offset))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return bytes.fromhex(key) in self._places

    def record(self, key: str) -> dict[str, Any] | None:
        """All that is known of one request: key, teacher, request, trial and reply.

        Returns:
            Plain JSON values, or None when the request was never answered.

        Raises:
            StorageError: The file was changed since the store was opened.
        """
        place = self._places.get(bytes.fromhex(key))
        if place is None:
            return None
        with storage(place.file), place.file.open("rb") as lines:
            lines.seek(place.offset)
            line = lines.readline()
        try:
            found: dict[str, Any] = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise _not_a_reply(place.file, place.offset) from error
        if found["key"] != key:
            raise _not_a_reply(place.file, place.offset)
        return found

    def get(self, key: str) -> Reply | None:
        """The reply to the request called `key`, or None when it was never answered.

        Raises:
            StorageError: The file was changed since the store was opened.
        """
        found = self.record(key)
        if found is None:
            return None
        reply = found["reply"]
        reply["top_logprobs"] = tuple((token, value) for token, value in reply["top_logprobs"])
        reply["logprobs"] = tuple(reply["logprobs"])
        reply["scores"] = tuple(reply.get("scores", ()))  # replies got them later
        return Reply(**reply)

    def put(
        self, key: str, teacher: Mapping[str, Any], request: Request, trial: int, reply: Reply
    ) -> None:
        """Keep a reply. When this returns, the operating system has it; a known key stays as is.

        Raises:
            StorageError: The disk is full or the folder cannot be written; the reply is not kept.
        """
        record = {
            "key": key,
            "teacher": dict(teacher),
            "request": request,
            "trial": trial,
            "reply": reply,
        }
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        with self._lock, storage(self._folder):
            if bytes.fromhex(key) not in self._places:
                self._file = self._file or _Journal(self._folder)
                offset = self._file.append(line)
                self._places[bytes.fromhex(key)] = _Place(self._file.path, offset)

    def close(self) -> None:
        """Have the disk keep everything. The store can still be read, and written again.

        Raises:
            StorageError: The disk did not keep a reply.
        """
        with self._lock, storage(self._folder):
            if self._file:
                self._file.close()
                self._file = None


class _Journal:
    """A file of one writer, created at its first line and never opened by another writer."""

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
            written = 0
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
        except OSError as error:
            self._failed = error
        self._synced = end

    def _check(self) -> None:
        if self._failed:
            raise StorageError(
                f"{self.path}: the disk did not keep what was written: {self._failed.strerror}"
            ) from self._failed


def _new_file(folder: Path) -> tuple[Path, int]:
    """Open a file that no one else has, whose name sorts after those that are there."""
    taken = [path.name.partition("-")[0] for path in folder.glob("*.jsonl")]
    number = max((int(name) for name in taken if name.isdigit()), default=0) + 1
    while True:
        path = folder / f"{number:06d}-{os.getpid()}.jsonl"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
            return path, os.open(path, flags, 0o644)
        except FileExistsError:
            number += 1


def _keys(path: Path) -> Iterator[tuple[bytes, int]]:
    """Key and offset of every whole line. A last line that does not end was never written."""
    offset = 0
    with path.open("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                return
            match = _LINE.fullmatch(line)
            if not match:
                raise _not_a_reply(path, offset)
            yield bytes.fromhex(match.group(1).decode()), offset
            offset += len(line)


def _not_a_reply(path: Path, offset: int) -> StorageError:
    with path.open("rb") as lines:
        number = lines.read(offset).count(b"\n") + 1
    return StorageError(
        f"{path}, line {number}: expected a reply with its key, found something else"
    )
