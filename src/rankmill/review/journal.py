"""What was decided: a log that only grows, and the table that it comes to."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Literal, Self

import polars as pl
from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from rankmill.disk import storage
from rankmill.errors import StageError, TableError
from rankmill.tables import REVIEWS
from rankmill.teachers.store.draft import draft

LOG, TABLE = "reviews.jsonl", "reviews.parquet"
Verdict = Literal["accepted", "rejected"]
Key = tuple[str, str, str | None, str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One decision of one person about a list, or about a document of one.

    Attributes:
        docid: The document; None for the list as a whole.
        verdict: On a list. A review with neither verdict nor grade takes back an earlier one.
        grade: Given to a document.
        teacher_grade: What the teachers' labels gave that document at the time.
        blind: Whether it was decided before grades and order were shown.
        docids: Of a list, its documents as the labels ordered them, best first.
        shown: Digest of what a person saw; another one is a review of something else.
        note: The reason, in the reviewer's words.
        at: When, in UTC.
    """

    reviewer: str
    qid: str
    docid: str | None = None
    verdict: Verdict | None = None
    grade: int | None = None
    teacher_grade: int | None = None
    blind: bool
    docids: tuple[str, ...] | None = None
    shown: str
    note: str = ""
    at: datetime

    @property
    def key(self) -> Key:
        """What a later review has in common with the one that it replaces."""
        return (self.reviewer, self.qid, self.docid, self.shown, self.blind)

    @property
    def stands(self) -> bool:
        """Whether it says anything, rather than taking something back."""
        return self.verdict is not None or self.grade is not None


_LINE = TypeAdapter(Review)


def read(folder: Path) -> list[Review]:
    """Every review in a build's folder, the oldest first; what was taken back is among them.

    A last line without an end was never said to be saved, and is passed over.

    Raises:
        TableError: A line is no review.
    """
    path = folder / LOG
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    return [_review(path, n, line) for n, line in enumerate(lines, 1) if line.endswith(b"\n")]


def latest(folder: Path) -> dict[Key, Review]:
    """The last word on everything, also where it takes back an earlier one; see `read`."""
    return {review.key: review for review in read(folder)}


def _review(path: Path, number: int, line: bytes) -> Review:
    try:
        return _LINE.validate_json(line)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the line"
        raise TableError(f"{path}:{number}: no review: {where}: {fault['msg']}") from error


def table(reviews: Iterable[Review]) -> pl.DataFrame:
    """REVIEWS: the last word on everything, in the order of its key."""
    rows = map(attrgetter(*REVIEWS.columns), (review for review in reviews if review.stands))
    frame = pl.DataFrame(list(rows), schema=REVIEWS.columns, orient="row")
    return REVIEWS.check(frame).sort(REVIEWS.key)


class Reviews:
    """The reviews of one build, open to be added to by one process at a time.

    Attributes:
        latest: The last word on everything, also where it takes back an earlier one.
    """

    def __init__(self, folder: Path) -> None:
        self._log, self._table = folder / LOG, folder / TABLE
        self.latest = latest(folder)

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Self]:
        """Open the reviews in a build's folder, and bring their table up to their log.

        Raises:
            StageError: Another process has them open.
            TableError: A line of the log is no review.
        """
        with storage(folder):
            lock = FileLock(folder / ".reviews.lock", timeout=0)
            try:
                lock.acquire()
            except Timeout as error:
                raise StageError(f"{folder}: another process reviews {folder.name}") from error
        try:
            reviews = cls(folder)
            reviews._mend()
            yield reviews
        finally:
            lock.release()

    def _mend(self) -> None:
        """Cut off a line whose writer was killed, and write the table if the log is ahead of it."""
        with storage(self._log):
            if self._log.is_file():
                written = self._log.read_bytes()
                os.truncate(self._log, written.rfind(b"\n") + 1)
        if self.latest:
            self._write_table()

    def add(self, review: Review) -> None:
        """Put a review on disk, in the log and in the table, before returning.

        Raises:
            StorageError: The disk did not take it; the log is as it was.
        """
        line = _LINE.dump_json(review) + b"\n"
        with storage(self._log), self._log.open("ab", buffering=0) as log:
            end = log.seek(0, os.SEEK_END)
            try:
                while line:  # a disk that fills up takes a part, and refuses the next
                    line = line[log.write(line) :]
                os.fsync(log.fileno())
            except OSError:
                log.truncate(end)
                raise
        self.latest[review.key] = review
        self._write_table()

    def _write_table(self) -> None:
        from pyarrow import parquet  # polars hides the disk's own error number

        rows = table(self.latest.values()).to_arrow(compat_level=pl.CompatLevel.oldest())
        with storage(self._table), draft(self._table) as file:
            parquet.write_table(rows, file, compression="zstd")
