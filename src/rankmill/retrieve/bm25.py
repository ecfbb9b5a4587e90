"""Lexical retrieval: BM25 over stemmed words."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rankmill.retrieve.words import Words, read
from rankmill.spec import Spec

_STOPWORDS = frozenset({"danish", "dutch", "english", "french", "german", "italian"})
_STOPWORDS |= {"norwegian", "portuguese", "russian", "spanish", "swedish", "turkish"}
"""Languages with a list of stopwords in bm25s, of those PyStemmer knows."""


class BM25(Spec):
    """Lucene's BM25, as bm25s computes it: every word's share of a score is computed beforehand.

    The words are those of `retrieve.words`. The index is our own, of polars' words and SciPy's
    sparse columns: with the scores of bm25s it is ready sooner than that, and as soon as tantivy
    (bench/lexical.py).

    Attributes:
        k1: How slowly repetition of a word saturates.
        b: How much long documents are held back, in [0, 1].
        language: A Snowball stemmer ("english", "german", "finnish", ...), or "none".
        stopwords: Leave out the language's function words, where bm25s has a list of them.

    Paper: Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009;
    k1 and b as in Anserini; Lù, "BM25S: Orders of magnitude faster lexical search", 2024.
    """

    k1: float = Field(default=0.9, ge=0)
    b: float = Field(default=0.4, ge=0, le=1)
    language: str = "english"
    stopwords: bool = True

    @model_validator(mode="after")
    def _has_a_stemmer(self) -> Self:
        from Stemmer import algorithms

        known = ["none", *algorithms()]
        if self.language not in known:
            raise ValueError(f"language {self.language}: expected one of {', '.join(known)}")
        return self

    def index(self, texts: Iterable[str]) -> "LexicalIndex":
        """Index documents. Their texts are read once, some at a time, and not kept."""
        words = self._read(texts)
        shares = self._shares(words.starts, words.numbers, len(words.ids))
        return LexicalIndex(spec=self, ids=words.ids, shares=shares)

    def words(self, texts: Sequence[str]) -> list[list[str]]:
        """The stemmed words of each text, in order, repeated as often as they stand there."""
        starts, numbers, ids = self._read(texts)
        words = np.array(list(ids), dtype=object)[numbers].tolist()
        return [words[start:end] for start, end in pairwise(starts)]

    def _read(self, texts: Iterable[str]) -> Words:
        from bm25s import stopwords
        from Stemmer import Stemmer

        listed = "en" if self.language == "english" else self.language
        known = self.stopwords and self.language in _STOPWORDS
        return read(
            texts,
            stopwords=getattr(stopwords, f"STOPWORDS_{listed.upper()}") if known else (),
            stem=list if self.language == "none" else Stemmer(self.language).stemWords,
        )

    def _shares(self, starts: NDArray[np.int64], words: NDArray[np.int32], different: int) -> Any:  # noqa: ANN401 - a matrix of SciPy's
        """What every word (column) adds to the score of each document (row).

        Args:
            starts: Where each document's words start, and at last where all end.
            words: The words of all documents, one after the other.
            different: How many different words there are.
        """
        from scipy.sparse import csr_array

        documents, lengths = len(starts) - 1, np.diff(starts)
        whole = np.int32 if starts[-1] < 2**31 else np.int64
        parts = np.ones(len(words), np.float32), words, starts.astype(whole)
        counts = csr_array(parts, shape=(documents, different))
        shares = counts.tocsc()  # in the order of the documents, so that equals are neighbours
        shares.has_sorted_indices = True
        shares.sum_duplicates()
        having = np.diff(shares.indptr)
        weights = np.log(1 + (documents - having + 0.5) / (having + 0.5)).astype(np.float32)
        relative = lengths * documents / max(1, starts[-1])
        held_back = self.k1 * (1 - self.b + self.b * relative)
        shares.data /= shares.data + held_back.astype(np.float32)[shares.indices]
        shares.data *= np.repeat(weights, having)
        return shares


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalIndex:
    """An inverted index in memory.

    Attributes:
        ids: The column of each word.
        shares: What every word (column) adds to the score of each document (row); sparse.
    """

    spec: BM25
    ids: Mapping[str, int]
    shares: Any

    @property
    def size(self) -> int:
        """How many documents there are."""
        return int(self.shares.shape[0])

    def moved(self, places: NDArray[np.intp]) -> Self:
        """The same index with document i at `places[i]`, a permutation."""
        from scipy.sparse import csc_array

        parts = (self.shares.data, places.astype(np.int32)[self.shares.indices], self.shares.indptr)
        return replace(self, shares=csc_array(parts, shape=self.shares.shape))

    def scores(self, words: Sequence[str]) -> NDArray[np.float32]:
        """BM25 of every document for the stemmed words of a query, shape (documents,).

        0 marks a document that shares no word with the query; so does every document when the
        query has no word, or none that the corpus knows.
        """
        from scipy.sparse import csc_array

        asked = Counter(self.ids[word] for word in words if word in self.ids)
        if not asked:
            return np.zeros(self.size, np.float32)
        shares, times = self.shares, np.fromiter(asked.values(), np.float32)
        spans = [slice(*shares.indptr[column : column + 2]) for column in asked]
        parts = (
            np.concatenate([shares.data[span] for span in spans]),
            np.concatenate([shares.indices[span] for span in spans]),
            np.cumsum([0, *(span.stop - span.start for span in spans)], dtype=np.int32),
        )
        scores: NDArray[np.float32] = csc_array(parts, shape=(self.size, len(asked))) @ times
        return scores
