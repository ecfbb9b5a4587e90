"""The ledger of batches: what was sent to whom, on disk before it is sent.

`<data>/batches/<teacher>/<token>/` holds one batch until its replies are in the reply store:

    requests.jsonl   what was asked, to be read as a reply some day
    input.jsonl      the same as the server reads it
    state.json       who has it, under which id
    answers.jsonl    what the server said, once all of it is here
"""

import json
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout
from pydantic import TypeAdapter

from rankmill.disk import storage
from rankmill.errors import StorageError, TeacherUnavailable
from rankmill.records import Chat, Continuation, Request

_KINDS: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind) for kind in (Chat, Continuation)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One request in a batch.

    Attributes:
        custom_id: The request's key in the reply store; what has to be asked besides, before an
            answer can be read, has more after the key.
        request: What a strategy asked.
        path: Below the base URL, such as `/chat/completions`.
        raw: The body that asks it; empty for one that is sent already.
    """

    custom_id: str
    request: Request
    trial: int
    path: str
    raw: bytes = b""

    @property
    def is_first(self) -> bool:
        """Whether its answer alone can be read as a reply."""
        return "." not in self.custom_id

    @property
    def sent(self) -> bytes:
        """The line of the file that a server reads."""
        head = {"custom_id": self.custom_id, "method": "POST", "url": f"/v1{self.path}"}
        return orjson.dumps(
            {**head, "body": orjson.Fragment(self.raw)}, option=orjson.OPT_APPEND_NEWLINE
        )

    @property
    def kept(self) -> bytes:
        """The line of `requests.jsonl`."""
        kind = type(self.request).__name__
        head = {"custom_id": self.custom_id, "kind": kind, "trial": self.trial}
        return orjson.dumps({**head, "request": self.request}, option=orjson.OPT_APPEND_NEWLINE)


@dataclass(slots=True, kw_only=True)
class State:
    """What is known of a batch.

    Attributes:
        place: Who has it: a base URL, or a program.
        path: What all its requests ask for, below the base URL.
        requests: How many there are.
        created: Unix time.
        id: The server's name for it; empty until it said one.
        status: The last that the server said.
    """

    place: str
    path: str
    requests: int
    created: float
    id: str = ""
    status: str = ""


@dataclass(slots=True, kw_only=True)
class Entry:
    """One batch in its folder, whose name is the token that it is found by at the server."""

    folder: Path
    state: State

    @property
    def token(self) -> str:
        """What the server is told to remember it by."""
        return self.folder.name

    @property
    def name(self) -> str:
        """What people call it."""
        return self.state.id or f"batch {self.token}"

    @property
    def waits(self) -> str:
        """What is there to be collected, in words."""
        return f"{self.name}: {self.state.requests:,} requests wait at {self.state.place}"

    @property
    def input(self) -> Path:
        """The file that a server reads."""
        return self.folder / "input.jsonl"

    @property
    def answers(self) -> Path:
        """What the server said; there only when whole."""
        return self.folder / "answers.jsonl"

    def note(self, **changes: Any) -> None:  # noqa: ANN401 - any field of State
        """Change the state, on disk first."""
        state = State(**{**asdict(self.state), **changes})
        _write(self.folder / "state.json", [json.dumps(asdict(state)).encode()])
        self.state = state

    def lines(self) -> Iterator[Line]:
        """The requests, without their bodies.

        Raises:
            StorageError: The file was changed since it was written.
        """
        place = self.folder / "requests.jsonl"
        with storage(place), place.open("rb") as rows:
            for number, row in enumerate(rows, 1):
                try:
                    found = orjson.loads(row)
                    request = _KINDS[found["kind"]].validate_python(found["request"])
                    name, trial = found["custom_id"], found["trial"]
                except (ValueError, KeyError, TypeError) as error:
                    raise StorageError(
                        f"{place}, line {number}: expected a request, found something else"
                    ) from error
                yield Line(custom_id=name, request=request, trial=trial, path=self.state.path)

    def drop(self) -> None:
        """Forget the batch: its replies are elsewhere, or it came to nothing."""
        gone = self.folder.with_name(f"{self.token}.gone")
        with storage(self.folder):
            self.folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


class Ledger:
    """The batches of one teacher.

    Args:
        data: Folder of tables, replies and builds.
        teacher: Fingerprint of the teacher.
    """

    def __init__(self, data: Path, teacher: str) -> None:
        self.folder = data / "batches" / teacher

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from waiting for the same batches.

        Raises:
            TeacherUnavailable: One does already.
        """
        with storage(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock", timeout=0)
            try:
                lock.acquire()
            except Timeout as error:
                raise TeacherUnavailable(
                    f"{self.folder}: another build waits for batches of the same teacher; "
                    "run this one when that is done"
                ) from error
        try:
            for half in (*self.folder.glob("*.partial"), *self.folder.glob("*.gone")):
                shutil.rmtree(half, ignore_errors=True)
            yield
        finally:
            lock.release()

    def entries(self) -> list[Entry]:
        """Every batch whose replies are not in the reply store yet, oldest first.

        Raises:
            StorageError: A state cannot be read.
        """
        found = []
        for place in self.folder.glob("*/state.json"):
            if place.parent.suffix:
                continue  # half written, or half dropped
            try:
                state = State(**json.loads(place.read_bytes()))
            except (ValueError, TypeError) as error:
                raise StorageError(f"{place}: expected the state of a batch: {error}") from error
            found.append(Entry(folder=place.parent, state=state))
        return sorted(found, key=lambda entry: (entry.state.created, entry.token))

    def enter(self, place: str, lines: Sequence[Line]) -> Entry:
        """Write down a batch that is to be sent to `place`; all its lines have one path."""
        token = secrets.token_hex(8)
        partial = self.folder / f"{token}.partial"
        state = State(place=place, path=lines[0].path, requests=len(lines), created=time.time())
        with storage(partial):
            partial.mkdir(parents=True)
            _write(partial / "requests.jsonl", (line.kept for line in lines))
            _write(partial / "input.jsonl", (line.sent for line in lines))
            _write(partial / "state.json", [json.dumps(asdict(state)).encode()])
            partial.rename(self.folder / token)
        return Entry(folder=self.folder / token, state=state)


def _write(place: Path, rows: Iterable[bytes]) -> None:
    """Write a file whole."""
    partial = place.with_name(f"{place.name}.partial")
    with storage(place):
        with partial.open("wb") as file:
            file.writelines(rows)
        partial.replace(place)
