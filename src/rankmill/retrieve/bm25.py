"""Lexical retrieval: BM25 over stemmed words."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rankmill.spec import Spec

_STOPWORDS = frozenset({"danish", "dutch", "english", "french", "german", "italian"})
_STOPWORDS |= {"norwegian", "portuguese", "russian", "spanish", "swedish", "turkish"}
"""Languages with a list of stopwords in bm25s, of those PyStemmer knows."""


class BM25(Spec):
    """Lucene's BM25, as bm25s computes it.

    A word is a run of two or more letters or digits, in lower case.

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
        """Index documents. Their texts are read once and not kept."""
        from bm25s import BM25 as Scorer

        logging.getLogger("bm25s").setLevel(
            logging.WARNING
        )  # it sets DEBUG, over any application's
        tokens = self._tokens(texts, return_ids=True)
        scorer = Scorer(k1=self.k1, b=self.b, method="lucene", backend="numpy")
        if tokens.vocab:
            scorer.index(tokens, create_empty_token=False, show_progress=False)
        return LexicalIndex(
            spec=self, scorer=scorer if tokens.vocab else None, size=len(tokens.ids)
        )

    def words(self, texts: Sequence[str]) -> list[list[str]]:
        """The stemmed words of each text, in order, repeated as often as they stand there."""
        words: list[list[str]] = self._tokens(texts, return_ids=False)
        return words

    def _tokens(self, texts: Iterable[str], *, return_ids: bool) -> Any:  # noqa: ANN401 - bm25s'
        from bm25s import tokenize
        from Stemmer import Stemmer

        return tokenize(
            texts,
            stopwords=self.language if self.stopwords and self.language in _STOPWORDS else [],
            stemmer=None if self.language == "none" else Stemmer(self.language),
            return_ids=return_ids,
            show_progress=False,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalIndex:
    """An inverted index in memory. `scorer` is None when no document has a single word."""

    spec: BM25
    scorer: Any
    size: int

    def scores(self, words: Sequence[str]) -> NDArray[np.float32]:
        """BM25 of every document for the stemmed words of a query, shape (documents,).

        0 marks a document that shares no word with the query; so does every document when the
        query has no word, or none that the corpus knows.
        """
        known = self.scorer.get_tokens_ids(words) if self.scorer else []
        if not known:
            return np.zeros(self.size, np.float32)
        scores: NDArray[np.float32] = self.scorer.get_scores_from_ids(known)
        return scores
