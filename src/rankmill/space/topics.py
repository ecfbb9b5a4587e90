"""What every topic of a corpus is about: its size, its coherence, its words, its typical documents.

Paper: Grootendorst, "BERTopic: Neural topic modeling with a class-based TF-IDF procedure", 2022.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from rankmill.space.vectors import text_of
from rankmill.tables import Table
from rankmill.tags import primary

TOPICS = Table(
    name="topics",
    key=("cluster",),
    columns={
        "cluster": pl.Int32,
        "documents": pl.Int32,
        "coherence": pl.Float64,
        "words": pl.List(pl.String),
        "nearest": pl.List(pl.String),
    },
)
_READ, _CHARS, _NEAREST, _WORDS = 50, 1_000, 5, 10
_WORD = r"(?u)\b[^\W\d_]{3,}\b"
_STOPWORDS = {
    "da": "danish",
    "de": "german",
    "es": "spanish",
    "fr": "french",
    "it": "italian",
    "nb": "norwegian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
"""Languages with a list of stopwords in bm25s, by tag."""


def topics(clusters: pl.DataFrame, documents: Path) -> pl.DataFrame:
    """Describe every topic that has documents.

    Args:
        clusters: Columns docid, cluster and similarity.
        documents: File of DOCUMENTS. It is streamed; the first 1,000 characters of at most 50 texts
            a topic, spread evenly over its docids, are in memory.

    Returns:
        TOPICS, largest first. Coherence is the mean cosine of the documents to their centroid;
        words tell a topic from the others, the most telling first, without the stop words of the
        language that most documents are in; the nearest are the documents of the highest cosine to
        the centroid.
    """
    ordered = clusters.sort("cluster", "docid")
    every = (pl.len() + _READ - 1) // _READ
    read = ordered.filter(pl.int_range(pl.len()).over("cluster") % every.over("cluster") == 0)
    words = _words(_texts(read, documents), _stopwords(_language(documents)))
    nearest = (
        ordered.sort("cluster", "similarity", "docid", descending=[False, True, False])
        .group_by("cluster", maintain_order=True)
        .agg(
            documents=pl.len().cast(pl.Int32),
            coherence=pl.col("similarity").cast(pl.Float64).mean().round(4),
            nearest=pl.col("docid").head(_NEAREST),
        )
        .sort("documents", "cluster", descending=[True, False])
    )
    found = [list(words.get(cluster, ())) for cluster in nearest["cluster"]]
    named = nearest.with_columns(words=pl.Series(found, dtype=pl.List(pl.String)))
    return TOPICS.check(named)


def _texts(read: pl.DataFrame, documents: Path) -> dict[int, str]:
    """The texts of some documents, joined by cluster."""
    rows = (
        pl.scan_parquet(documents)
        .filter(pl.col("docid").is_in(read["docid"].implode()))
        .select("docid", "title", pl.col("text").str.head(_CHARS))
        .collect(engine="streaming")
        .join(read, on="docid")
        .sort("cluster", "docid")
    )
    texts: dict[int, list[str]] = {}
    for title, text, cluster in rows.select("title", "text", "cluster").iter_rows():
        texts.setdefault(cluster, []).append(text_of(title, text))
    return {cluster: "\n".join(found) for cluster, found in texts.items()}


def _language(documents: Path) -> str:
    """The language that most documents are in, of those whose language is known."""
    tags = pl.scan_parquet(documents).select("lang").drop_nulls().group_by("lang").len().collect()
    counts: Counter[str] = Counter()
    for tag, number in tags.iter_rows():
        counts[primary(tag)] += number
    return max(sorted(counts), key=counts.__getitem__, default="")


def _stopwords(lang: str) -> str | list[str] | None:
    """As `CountVectorizer` takes them: English ones too where no language is known."""
    if lang in {"", "en"}:
        return "english"
    if lang not in _STOPWORDS:
        return None
    from bm25s import stopwords

    known = getattr(stopwords, f"STOPWORDS_{_STOPWORDS[lang].upper()}")
    return sorted(word for word in known if re.fullmatch(_WORD, word))


def _words(texts: Mapping[int, str], stopwords: str | list[str] | None) -> dict[int, Sequence[str]]:
    """The words of every text that weigh most: tf(word, topic) x log(1 + A / f(word)).

    A is the mean number of words in a topic, f how often the word is in all of them.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(token_pattern=_WORD, stop_words=stopwords)
    try:
        counts = counter.fit_transform(texts.values())
    except ValueError:  # not one word in all of them
        return {}
    names = counter.get_feature_names_out()
    weight = np.log1p(counts.sum() / len(texts) / np.asarray(counts.sum(axis=0)).ravel())
    return {
        cluster: [
            str(names[row.indices[place]])
            for place in np.lexsort([row.indices, -row.data * weight[row.indices]])[:_WORDS]
        ]
        for cluster, row in zip(texts, counts, strict=True)
    }
