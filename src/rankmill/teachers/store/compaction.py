"""Many journals of a reply store made into few."""

import os
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from filelock import FileLock, Timeout

from rankmill.disk import storage
from rankmill.errors import StorageError
from rankmill.teachers.store.draft import draft, sweep, sync_folder
from rankmill.teachers.store.journal import journals, keys
from rankmill.teachers.store.locks import locked
from rankmill.teachers.store.places import Place, Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What came of it.

    Attributes:
        before: Journals that were there.
        after: Journals that are there now.
        living: Those of them that somebody writes.
        dropped: Replies that did not count, for there was an older one to the same request.
    """

    before: int
    after: int
    living: int
    dropped: int


def compact(folder: Path, *, seen: Callable[[int], None] = lambda _: None) -> Compacted:
    """Merge the journals that nobody writes any more, and drop replies that do not count.

    Which reply counts stays as it was: neighbours are merged, and a journal that is still written
    stays between its own. Builds may go on meanwhile; what they look for they find again. A merged
    journal gets its name, which sorts where the old ones did, when it is whole and on disk; only
    then they are deleted. Killed in between, both hold the same replies, of which the older count.
    The disk needs room for a second copy.

    Args:
        folder: A reply store.
        seen: Told how many bytes more were read.

    Raises:
        StorageError: Somebody else does it already; the disk is full, cannot be written or has no
            locks; or a line of a journal is no reply.
    """
    with storage(folder), _alone(folder):
        sweep(folder)
        there = [path for path in journals(folder) if path.stat().st_size]
        finished = {path for path in there if _is_finished(path)}
        rows = [tuple(paths) for done, paths in groupby(there, finished.__contains__) if done]
        merging = [row for row in rows if len(row) > 1]
        with closing(Places(folder)) as places:
            dropped = sum(_merge(row, finished, places, seen) for row in merging)
            if merging:
                places.look()
    living = len(there) - len(finished)
    return Compacted(before=len(there), after=living + len(rows), living=living, dropped=dropped)


def _alone(folder: Path) -> AbstractContextManager[object]:
    try:
        return FileLock(folder / ".compact.lock", timeout=0).acquire()
    except Timeout as error:
        raise StorageError(f"{folder}: another process compacts it") from error


def _is_finished(path: Path) -> bool:
    """Whether nobody writes a journal; what was written of it is on disk then.

    Who writes a journal has locked it before its first line, and never opens it again.
    """
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        return locked(file.fileno(), path)


def _merge(
    row: Sequence[Path], finished: Collection[Path], places: Places, seen: Callable[[int], None]
) -> int:
    """Make neighbours one, and return how many of their replies were dropped."""
    dropped = 0
    with draft(row[0].with_name(f"{row[0].stem}+.jsonl")) as merged:
        for path in row:
            for key, offset, line in keys(path):
                counts = places.find(key)
                if counts and counts.path in finished and counts != Place(path, offset):
                    dropped += 1
                else:
                    merged.write(line)
                seen(len(line))
    for path in row:
        path.unlink()
    sync_folder(row[0].parent)
    return dropped
