"""Texts to words, as BM25 counts them: found by polars, and each different one stemmed once."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_RUN = rf"[{_SPACELESS}]+|[\w--{_SPACELESS}]{{2,}}"
"""Letters, digits and underscores of one kind; one alone counts only in a spaceless script."""

Stem = Callable[[list[str]], list[str]]
"""Stems words, in order."""


class Vocabulary:
    """The words of all texts read so far, numbered from 0 in the order in which they came.

    A word is in lower case, and of two or more letters, digits or underscores. Text in a script
    without spaces between words (Han, Kana, Hangul, Thai, Lao, Khmer, Burmese) counts as its
    overlapping pairs of characters, as in Lucene's analyzer for Chinese, Japanese and Korean.

    Attributes:
        ids: The number of each word.
    """

    def __init__(self, *, stopwords: Iterable[str], stem: Stem) -> None:
        self.ids: dict[str, int] = {}
        self._stem = stem
        self._known: dict[str, list[int]] = {word: [] for word in stopwords}

    def read(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The numbers of the words of some texts, in order.

        Returns:
            Where the words of each text start, and at last where all end; and the words.
        """
        found = pl.Series(texts, dtype=pl.String).str.to_lowercase().str.extract_all(_RUN)
        runs = found.explode().drop_nulls().to_arrow().dictionary_encode()
        different: list[str] = runs.dictionary.to_pylist()
        self._learn([run for run in different if run not in self._known])
        numbers = [self._known[run] for run in different]
        sizes = np.fromiter(map(len, numbers), np.int64, len(numbers))
        flat = np.fromiter(chain.from_iterable(numbers), np.int32)
        which = runs.indices.to_numpy()
        starts = np.cumsum([0, *sizes])[which]
        ends = np.concatenate([[0], np.cumsum(sizes[which])])
        words = flat[np.repeat(starts - ends[:-1], sizes[which]) + np.arange(ends[-1])]
        bounds = np.concatenate([[0], np.cumsum(found.list.len().to_numpy(), dtype=np.int64)])
        return ends[bounds].astype(np.int32), words

    def _learn(self, runs: list[str]) -> None:
        """Number the words of runs of letters that were never met."""
        spaceless = pl.Series(runs, dtype=pl.String).str.contains(f"^[{_SPACELESS}]")
        words = [
            _pairs(run) if apart else [stem]
            for run, stem, apart in zip(runs, self._stem(runs), spaceless, strict=True)
        ]
        for run, spelled in zip(runs, words, strict=True):
            self._known[run] = [self.ids.setdefault(word, len(self.ids)) for word in spelled]


def _pairs(run: str) -> list[str]:
    """Every two neighbours, or the one character that there is."""
    return [first + second for first, second in pairwise(run)] or [run]
