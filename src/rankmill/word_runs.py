"""Runs of words, hashed: what exact duplicates, contamination and MinHash compare texts by."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

_PRIME = np.uint64(0x9E3779B97F4A7C15)
# Scripts that put no space between words: every character counts as a word of its own.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"

Hashes = NDArray[np.uint64]
Rows = NDArray[np.int64]


def words_of(texts: pl.Series) -> pl.Series:
    """The words of every text, whatever their case, as lists.

    In scripts without spaces, such as Chinese or Thai, a word is a character.
    """
    pattern = rf"[{_UNSPACED}]|[\w--[{_UNSPACED}]]+"
    return texts.str.normalize("NFKC").str.to_lowercase().str.extract_all(pattern)


def whole(words: pl.Series) -> tuple[Hashes, Rows]:
    """A hash of all words of every row that has any, and which row it is."""
    rows = np.flatnonzero((words.list.len() > 0).to_numpy())
    return words[rows].list.join(" ").hash().to_numpy(), rows


def runs(words: pl.Series, length: int) -> tuple[Hashes, Rows]:
    """A hash of every run of `length` words inside a row, and which row it is of."""
    rows = np.repeat(np.arange(len(words)), words.list.len().to_numpy())
    hashes = words.explode(empty_as_null=False).hash().to_numpy()
    last = len(hashes) - length + 1
    if last <= 0:
        return hashes[:0], rows[:0]
    found = np.zeros(last, np.uint64)
    for place in range(length):
        found = found * _PRIME + hashes[place : place + last]
    inside = rows[:last] == rows[length - 1 :]
    return found[inside], rows[:last][inside]


def shingles(words: pl.Series, length: int) -> tuple[Hashes, Rows]:
    """As `runs`, in order of rows; all the words of a row that has fewer are one run."""
    found, rows = runs(words, length)
    short = words.list.len().is_between(1, length - 1).to_numpy()
    alone, places = whole(words.filter(short))
    hashes = np.concatenate([found, alone])
    owners = np.concatenate([rows, np.flatnonzero(short)[places]])
    order = np.argsort(owners, kind="stable")
    return hashes[order], owners[order]


class Sorted:
    """Hashes, and which row each is of."""

    def __init__(self, hashes: Hashes, rows: Rows) -> None:
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._rows = hashes[order], rows[order]

    def find(self, hashes: Hashes, rows: Rows) -> tuple[Rows, Rows]:
        """Rows whose hashes are here, and the first row here of each."""
        if not len(self._hashes):
            return rows[:0], rows[:0]
        order = np.argsort(hashes)  # in order, neighbours are looked up beside each other
        places = np.searchsorted(self._hashes, hashes[order])
        np.minimum(places, len(self._hashes) - 1, out=places)
        hit = self._hashes[places] == hashes[order]
        mine, theirs = order[hit], places[hit]
        back = np.argsort(mine)
        return rows[mine[back]], self._rows[theirs[back]]
