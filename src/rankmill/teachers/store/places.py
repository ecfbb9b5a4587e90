"""Where every reply of a folder is: an index on disk, and in memory what is newer."""

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from itertools import chain, islice
from pathlib import Path
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

from rankmill.teachers.store.index import (
    KEY,
    OFFSET,
    PARTS,
    Cover,
    DamagedIndex,
    Index,
    write_index,
)
from rankmill.teachers.store.journal import journals, keys

P = ParamSpec("P")
T = TypeVar("T")
_MANY, _WORTH_IT = 200_000, 10_000
"""Keys in memory that are moved to the index at once, and when there is time."""
_NAME = "index"
_TRIES = 10


class Place(NamedTuple):
    """A journal, and where in it a line begins. Of two places the one in the older is less."""

    path: Path
    offset: int


class _Journals:
    """The journals of a folder, and how much of each was read.

    A place is also one number: which journal it is in, and where.
    """

    def __init__(self, sizes: Mapping[Path, int]) -> None:
        self._paths: list[Path] = []
        self._ordinals: dict[Path, int] = {}
        self.sizes: dict[Path, int] = {}
        for path, size in sizes.items():
            self.enter(path, size)

    def enter(self, path: Path, size: int) -> None:
        """Count one more journal, unless it is there."""
        if path not in self.sizes:
            self.sizes[path] = size
            self._ordinals[path] = len(self._paths)
            self._paths.append(path)

    def number(self, place: Place) -> int:
        """The number of a place."""
        return self._ordinals[place.path] << OFFSET | place.offset

    def place(self, number: int) -> Place:
        """The place of a number."""
        return Place(self._paths[number >> OFFSET], number & (1 << OFFSET) - 1)

    def ordinals_in(self, others: "_Journals") -> list[int]:
        """How others that know these journals count them."""
        return [others._ordinals[path] for path in self._paths]


def _mended(method: Callable[Concatenate["Places", P], T]) -> Callable[Concatenate["Places", P], T]:
    """Look again, and try again, where something is not as the index says."""

    @wraps(method)
    def again(self: "Places", /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except DamagedIndex:
            self.look(anew=True)
        except FileNotFoundError:
            self.look()
        return method(self, *args, **kwargs)

    return again


class Places:
    """Where every reply of a folder is, as far as its journals were read.

    Keys that the index on disk does not know are held in memory, 200,000 of them (40 MB) at most:
    then an index is written that knows them. It tells how far it knows each journal, and is not
    believed when one of those is gone, shorter, or as long but of another time. Of two processes
    that write one, the last has its way; what it leaves out is read from the journals again. Where
    none can be written, everything is held in memory.

    Raises:
        StorageError: A line of a journal is no reply.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index: Index | None = None
        self.look()

    @_mended
    def count(self) -> int:
        """How many replies count."""
        if self._index is None:
            return len(self._fresh)
        return self._index.count + sum(self._index.find(key) is None for key in self._fresh)

    @property
    def sizes(self) -> dict[Path, int]:
        """The journals, oldest first, and how many bytes of each were read."""
        return dict(sorted(self._journals.sizes.items()))

    @_mended
    def find(self, key: bytes) -> Place | None:
        """Where the reply that counts is; None when there is none."""
        old = self._index.find(key) if self._index else None
        new = self._fresh.get(key)
        if old is None or new is None:
            number = new if old is None else old
            return None if number is None else self._journals.place(number)
        return min(self._journals.place(old), self._journals.place(new))

    @_mended
    def named(self, prefix: str, most: int) -> set[bytes]:
        """The keys that begin with some hex digits, or `most` of them."""
        first, last = (bytes.fromhex(prefix.ljust(2 * KEY, digit)) for digit in "0f")
        old = self._index.between(first, last) if self._index else ()
        new = (key for key in self._fresh if first <= key <= last)
        return set(islice(chain((key for key in old if key not in self._fresh), new), most))

    def add(self, key: bytes, place: Place, length: int) -> None:
        """Remember a reply that was just written."""
        self._journals.enter(place.path, 0)
        if self._remember(key, place, length):
            self.settle()

    @_mended
    def settle(self) -> None:
        """Write an index if that is worth it."""
        if len(self._fresh) >= _WORTH_IT:
            self._write()

    def look(self, *, anew: bool = False) -> None:
        """Find out again where everything is; `anew`: from the journals alone."""
        for left in reversed(range(_TRIES)):
            try:
                self._read(self._trusted() if not anew else None)
                break
            except DamagedIndex:
                anew = True
            except FileNotFoundError:  # a journal became part of another
                if not left:
                    raise

    def close(self) -> None:
        """Let go of the index."""
        if self._index:
            self._index.close()
            self._index = None

    def _trusted(self) -> Index | None:
        """The index on disk, if there is one that may be believed."""
        try:
            index = Index(self._folder / _NAME)
        except (OSError, DamagedIndex):
            return None
        if all(self._holds(cover) for cover in index.covers):
            return index
        index.close()
        return None

    def _holds(self, cover: Cover) -> bool:
        try:
            now = (self._folder / cover.name).stat()
        except FileNotFoundError:
            return False
        same_age = now.st_mtime_ns == cover.modified
        return now.st_size > cover.size or (now.st_size == cover.size and same_age)

    def _read(self, index: Index | None) -> None:
        """Read what an index does not know."""
        self._begin(index)
        for path in journals(self._folder):
            self._journals.enter(path, 0)
        for path, size in self.sizes.items():
            for key, offset, line in keys(path, size):
                if self._remember(key, Place(path, offset), len(line)):
                    self._write()
        if len(self._fresh) >= _WORTH_IT:
            self._write()

    def _begin(self, index: Index | None) -> None:
        """Know what an index knows, and have nothing in memory."""
        self.close()
        self._index, self._limit = index, _MANY
        self._fresh: dict[bytes, int] = {}
        covers = index.covers if index else []
        self._journals = _Journals({self._folder / cover.name: cover.size for cover in covers})

    def _remember(self, key: bytes, place: Place, length: int) -> bool:
        """Have a key in memory. True if there are too many now."""
        self._fresh.setdefault(key, self._journals.number(place))
        self._journals.sizes[place.path] = place.offset + length
        return len(self._fresh) >= self._limit

    def _write(self) -> None:
        """Write an index that knows everything, and go on with it."""
        sizes = self.sizes
        covers = [Cover(path.name, size, path.stat().st_mtime_ns) for path, size in sizes.items()]
        moved = self._journals.ordinals_in(_Journals(sizes))
        count = len(self._fresh) + (self._index.count if self._index else 0)
        try:
            index = write_index(self._folder / _NAME, covers, self._parts(moved), count)
        except OSError:  # full, or read only: an index is not worth a build
            self._limit = 2 * len(self._fresh)
        else:
            self._begin(index)

    def _parts(self, moved: list[int]) -> Iterator[bytes]:
        """All records by the first byte of their keys; `moved` says how journals are counted."""
        fresh = [bytearray() for _ in range(PARTS)]
        for key, number in self._fresh.items():
            place = moved[number >> OFFSET] << OFFSET | number & (1 << OFFSET) - 1
            fresh[key[0]] += key + place.to_bytes(8, "big")
        for first, part in enumerate(fresh):
            yield (self._index.part(first, moved) if self._index else b"") + part
