"""The index of a reply store: every key, sorted, and where its reply is.

The file is a cache of what the journals say, and is believed in blocks of some dozen keys that
carry a checksum each. A look-up reads one block; nothing but the table of blocks, about 12 bytes
for 64 replies, is held in memory.

    keys      24 bytes a reply: 16 of its key, 8 of its place, most significant byte first
    ends      8 bytes a block: how many keys are in it and before it
    checksums 4 bytes a block: its CRC-32
    journals  JSON: what the places refer to
    tail      blocks, length of that JSON, CRC-32 of all between keys and tail, what file this is
"""

import os
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import orjson

from rankmill.teachers.store.draft import draft

KEY, RECORD = 16, 24
PARTS = 256
"""Parts of an index, by the first byte of the key."""
OFFSET = 40
"""Bits of a place that say where in a journal a line begins; those above say in which."""
_BLOCK = 64
_ENTRY = 12
_TAIL = struct.Struct("<QII24s")
_KIND = f"rankmill index 1 {sys.byteorder:7}".encode()


class DamagedIndex(Exception):
    """An index is not what was written."""


class Cover(NamedTuple):
    """What an index knows of one journal: its name, how many of its bytes, and how old it was."""

    name: str
    size: int
    modified: int


class Index:
    """An open index.

    Attributes:
        covers: The journals; a place counts them from 0.

    Raises:
        FileNotFoundError: There is none.
        DamagedIndex: The file is not a whole index. Any method may raise it later.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._descriptor = self._file.fileno()
        try:
            self._read()
        except (DamagedIndex, struct.error, ValueError) as error:
            self._file.close()
            raise DamagedIndex(path) from error

    @property
    def count(self) -> int:
        """How many keys there are."""
        return self._ends[-1]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def find(self, key: bytes) -> int | None:
        """The place of a key, or None."""
        block = self._block(int.from_bytes(key[:8], "big") >> self._shift)
        at = block.find(key)
        while at % RECORD and at >= 0:
            at = block.find(key, at + 1)
        return None if at < 0 else int.from_bytes(block[at + KEY : at + RECORD], "big")

    def between(self, first: bytes, last: bytes) -> Iterator[bytes]:
        """The keys from `first` to `last`, both included."""
        ends = [int.from_bytes(key[:8], "big") >> self._shift for key in (first, last)]
        for number in range(ends[0], ends[1] + 1):
            block = self._block(number)
            keys = (block[at : at + KEY] for at in range(0, len(block), RECORD))
            yield from (key for key in keys if first <= key <= last)

    def part(self, number: int, moved: Sequence[int]) -> bytes:
        """All records of one part.

        Args:
            number: The first byte of their keys.
            moved: How their places shall count the journals, by how they count them now.
        """
        import numpy as np

        width = len(self._ends) // PARTS
        records = b"".join(map(self._block, range(number * width, (number + 1) * width)))
        columns = np.frombuffer(records, ">u8").reshape(-1, 3).copy()
        places = columns[:, 2]
        journals = np.array(moved, np.uint64)[places >> OFFSET]
        columns[:, 2] = journals << OFFSET | places & ((1 << OFFSET) - 1)
        return columns.tobytes()

    def _block(self, number: int) -> bytes:
        start = self._ends[number - 1] if number else 0
        length = (self._ends[number] - start) * RECORD
        block = os.pread(self._descriptor, length, start * RECORD)
        if zlib.crc32(block) != self._sums[number]:
            raise DamagedIndex(self._file.name)
        return block

    def _read(self) -> None:
        size = os.fstat(self._descriptor).st_size - _TAIL.size
        blocks, length, checksum, kind = _TAIL.unpack(
            os.pread(self._descriptor, _TAIL.size, max(0, size))
        )
        start = size - length - _ENTRY * blocks
        table = os.pread(self._descriptor, size - start, start) if start >= 0 else b""
        if kind != _KIND or zlib.crc32(table) != checksum:
            raise DamagedIndex(self._file.name)
        self._ends, self._sums = array("Q"), array("I")
        self._ends.frombytes(table[: 8 * blocks])
        self._sums.frombytes(table[8 * blocks : _ENTRY * blocks])
        self.covers = [Cover(*cover) for cover in orjson.loads(table[_ENTRY * blocks :])]
        self._shift = 64 - (blocks.bit_length() - 1)


def write_index(path: Path, covers: list[Cover], parts: Iterable[bytes], count: int) -> Index:
    """Write an index and open it. It takes its name when it is whole.

    Args:
        path: Where.
        covers: The journals that places refer to.
        parts: For every first byte of a key, in order, the records that begin with it, in any
            order. Of records with one key, that of the lowest place counts.
        count: Of all records, at most.

    Raises:
        OSError: The folder is full or cannot be written; there is no trace then.
    """
    ends, sums = array("Q"), array("I")
    width = 1 << (count // _BLOCK // PARTS).bit_length()
    with draft(path, cache=True) as file:
        for part in parts:
            records, cuts = _arranged(part, width)
            file.write(records)
            before = ends[-1] if ends else 0
            ends.extend(before + cut for cut in cuts)
            blocks = pairwise([0, *cuts])
            sums.extend(zlib.crc32(records[a * RECORD : b * RECORD]) for a, b in blocks)
        journals = orjson.dumps([list(cover) for cover in covers])
        table = ends.tobytes() + sums.tobytes() + journals
        file.write(table + _TAIL.pack(len(ends), len(journals), zlib.crc32(table), _KIND))
        file.flush()
        return Index(Path(file.name))


def _arranged(records: bytes, width: int) -> tuple[bytes, list[int]]:
    """Records of one part sorted, one for each key; and where each of `width` blocks ends."""
    import numpy as np

    whole = np.sort(np.frombuffer(records, f"S{RECORD}"), kind="stable")
    columns = whole.view(">u8").reshape(-1, 3)
    new = np.ones(len(columns), bool)
    new[1:] = (columns[1:, :2] != columns[:-1, :2]).any(axis=1)
    columns = columns[new]
    heads = columns[:, 0].astype(np.uint64) << np.uint64(8) >> np.uint64(32)
    blocks = heads >> np.uint64(32 - (width.bit_length() - 1))
    cuts = np.searchsorted(blocks, np.arange(width), side="right")
    return columns.tobytes(), cuts.tolist()
