"""The store of replies: each is on disk before it is used, and none is asked for again."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import orjson

from rankmill.disk import storage
from rankmill.records import Reply, Request
from rankmill.teachers.store.journal import Journal, is_line_of, keys, line_at, not_a_reply
from rankmill.teachers.store.places import Place, Places

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATACLASS


class ReplyStore:
    """Replies in a folder, by key; each is one line of JSON in a file that only ever grows.

    Every open store appends to a file of its own, so that threads, processes and machines may
    share a folder; it sees what the others had written when it was opened. Where two files hold
    the same key, the older file's reply counts. However many replies there are, few of their keys
    are in memory: an index beside the files finds the others.

    What a crash may cost: `put` returns when the operating system has the reply, so a killed
    process loses none of them. The disk is told to keep them about once a second, so a machine
    that loses its power may lose the replies of its last second or so. A line cut short by
    either is no reply, and its request is asked again. An index that is lost, damaged or does
    not fit the files is made anew; neither it nor `compact` can cost a reply.

    Raises:
        StorageError: The folder cannot be read or written, or a line in it is not a reply.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._journal: Journal | None = None
        self._places: Places | None = None
        with storage(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._places = Places(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        with self._lock, storage(self._folder):
            return self._where.count()

    def __contains__(self, key: str) -> bool:
        return self._find(key) is not None

    @property
    def journals(self) -> dict[Path, int]:
        """The files, oldest first, and how many bytes of each were read or written."""
        with self._lock, storage(self._folder):
            return self._where.sizes

    def named(self, prefix: str, most: int) -> list[str]:
        """The keys that begin with some hex digits, or `most` of them."""
        with self._lock, storage(self._folder):
            return sorted(key.hex() for key in self._where.named(prefix, most))

    def lines(self) -> Iterator[bytes]:
        """Every reply that counts as the line that it is, in the order of the files.

        Raises:
            StorageError: A file was changed since the store was opened.
        """
        for path, size in self.journals.items():
            with storage(path):
                for key, offset, line in keys(path):
                    if offset < size and self._find(key.hex()) == Place(path, offset):
                        yield line

    def record(self, key: str) -> dict[str, Any] | None:
        """All that is known of one request: key, teacher, request, trial and reply.

        Returns:
            Plain JSON values, or None when the request was never answered.

        Raises:
            StorageError: The file was changed since the store was opened.
        """
        with self._lock, storage(self._folder):
            place, line = self._read(bytes.fromhex(key))
        if place is None:
            return None
        try:
            found: dict[str, Any] = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise not_a_reply(*place) from error
        return found

    def get(self, key: str) -> Reply | None:
        """The reply to the request called `key`, or None when it was never answered.

        Raises:
            StorageError: The file was changed since the store was opened.
        """
        found = self.record(key)
        return _reply_of(found) if found else None

    def put(
        self, key: str, teacher: Mapping[str, Any], request: Request, trial: int, reply: Reply
    ) -> None:
        """Keep a reply. When this returns, the operating system has it; a known key stays as is.

        Raises:
            StorageError: The disk is full or the folder cannot be written; the reply is not kept.
        """
        who = {"key": key, "teacher": dict(teacher)}
        record = {**who, "request": request, "trial": trial, "reply": reply}
        line = orjson.dumps(record, default=_fields, option=_OPTIONS)
        with self._lock, storage(self._folder):
            if self._find(key) is None:
                self._journal = self._journal or Journal(self._folder)
                place = Place(self._journal.path, self._journal.append(line))
                self._where.add(bytes.fromhex(key), place, len(line))

    def close(self) -> None:
        """Have the disk keep everything. The store can still be read, and written again.

        Raises:
            StorageError: The disk did not keep a reply.
        """
        with self._lock, storage(self._folder):
            journal, places = self._journal, self._places
            self._journal = self._places = None
            with ExitStack() as last:
                if places:
                    last.callback(places.close)
                    last.callback(places.settle)
                if journal:
                    journal.close()

    @property
    def _where(self) -> Places:
        if self._places is None:
            self._places = Places(self._folder)
        return self._places

    def _find(self, key: str) -> Place | None:
        with self._lock, storage(self._folder):
            return self._where.find(bytes.fromhex(key))

    def _read(self, key: bytes) -> tuple[Place | None, bytes]:
        """The place and the line of a reply, which may have moved to another file."""
        place = self._where.find(key)
        if place is None:
            return None, b""
        try:
            line = line_at(*place)
        except FileNotFoundError:
            line = b""
        if not is_line_of(line, key):
            self._where.look(anew=bool(line))
            place = self._where.find(key) or place
            line = line_at(*place)
            if not is_line_of(line, key):
                raise not_a_reply(*place)
        return place, line


def _reply_of(record: Mapping[str, Any]) -> Reply:
    """The reply in a record of a store. What replies got later may be missing."""
    reply = dict(record["reply"])
    reply["top_logprobs"] = tuple((token, value) for token, value in reply["top_logprobs"])
    reply["logprobs"] = tuple(reply["logprobs"])
    reply["scores"] = tuple(reply.get("scores", ()))
    return Reply(**reply)


def _fields(record: Any) -> dict[str, Any]:  # noqa: ANN401 - a request, a message in it, or a reply
    """The fields of a record; orjson is slower at getting them itself where there are slots."""
    return {name: getattr(record, name) for name in record.__slots__}
