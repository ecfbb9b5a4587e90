"""Texts to words, as BM25 counts them: found by polars, and each different one stemmed once."""

from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice, pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_RUN = rf"[{_SPACELESS}]+|[\w--{_SPACELESS}]{{2,}}"
"""Letters, digits and underscores of one kind; one alone counts only in a spaceless script."""

Stem = Callable[[list[str]], list[str]]
"""Stems words, in order."""

_BATCH = 20_000  # texts that a thread takes apart at a time
_THREADS = 2
Numbers = NDArray[np.int32]


class Words(NamedTuple):
    """The words of some texts, numbered from 0 in the order in which they come.

    Attributes:
        starts: Where the words of each text start, and at last where all end.
        numbers: The words of all texts, one after the other.
        ids: The number of each word.
    """

    starts: NDArray[np.int64]
    numbers: Numbers
    ids: Mapping[str, int]


def read(texts: Iterable[str], *, stopwords: Iterable[str], stem: Stem) -> Words:
    """The words of texts, which are read once, some at a time, and not kept.

    A word is in lower case, and of two or more letters, digits or underscores. Text in a script
    without spaces between words (Han, Kana, Hangul, Thai, Lao, Khmer, Burmese) counts as its
    overlapping pairs of characters, as in Lucene's analyzer for Chinese, Japanese and Korean.
    """
    import pyarrow as pa

    left, taken = iter(texts), [_runs([])]
    with ThreadPoolExecutor(_THREADS) as threads:
        while some := [part for _ in range(_THREADS) if (part := list(islice(left, _BATCH)))]:
            taken += threads.map(_runs, some)
        runs, each = zip(*taken, strict=True)
        unified = pa.chunked_array(runs).unify_dictionaries().chunks
        spelled, ids = _spelled(unified[0].dictionary.to_pylist(), frozenset(stopwords), stem)
        found = [*threads.map(partial(_numbered, spelled), unified, each)]
    lengths, numbers = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Words(np.concatenate([[0], lengths.cumsum()]), numbers, ids)


class _Spelled(NamedTuple):
    """The numbers of the words of every different run, one after the other."""

    first: NDArray[np.int64]
    sizes: NDArray[np.int64]
    words: Numbers


def _runs(texts: list[str]) -> tuple[Any, NDArray[np.int64]]:
    """The runs of letters in texts, as an Arrow array of places among the different ones.

    Beside it, how many each text has.
    """
    found = pl.Series(texts, dtype=pl.String).str.to_lowercase().str.extract_all(_RUN)
    runs = found.explode().drop_nulls().to_arrow(compat_level=pl.CompatLevel.oldest())
    return runs.dictionary_encode(), found.list.len().to_numpy().astype(np.int64)


def _spelled(
    runs: list[str], stopwords: Set[str], stem: Stem
) -> tuple[_Spelled, Mapping[str, int]]:
    """Number the words of runs, and of each different word give the number."""
    ids = dict[str, int]()
    spaceless = pl.Series(runs, dtype=pl.String).str.contains(f"^[{_SPACELESS}]")
    words = [
        () if run in stopwords else _pairs(run) if apart else (stemmed,)
        for run, stemmed, apart in zip(runs, stem(runs), spaceless, strict=True)
    ]
    flat = (ids.setdefault(word, len(ids)) for some in words for word in some)
    numbers = np.fromiter(flat, np.int32)
    sizes = np.fromiter(map(len, words), np.int64, len(words))
    return _Spelled(first=sizes.cumsum() - sizes, sizes=sizes, words=numbers), ids


def _numbered(
    spelled: _Spelled,
    runs: Any,  # noqa: ANN401 - an Arrow array
    each: NDArray[np.int64],
) -> tuple[NDArray[np.int64], Numbers]:
    """How many words each text has, and all of them."""
    which = runs.indices.to_numpy()
    count = spelled.sizes[which]
    ends = np.concatenate([np.zeros(1, np.int64), count.cumsum()])
    places = np.repeat(spelled.first[which] - ends[:-1], count) + np.arange(ends[-1])
    bounds = np.concatenate([np.zeros(1, np.int64), each.cumsum()])
    return np.diff(ends[bounds]), spelled.words[places]


def _pairs(run: str) -> list[str]:
    """Every two neighbours, or the one character that there is."""
    return [first + second for first, second in pairwise(run)] or [run]
