"""BM25 side by side: ours, bm25s and tantivy, indexing and searching the same made-up texts.

    python bench/lexical.py --documents 50000 --queries 2000

Words fall by Zipf's law, as in English: 60 a passage, 6 a query, of which stopwords are none. Every
side stems as we do (English), and gives the best 100 documents of each query. bm25s runs with
numba where that is installed. The last column is the share of our best ten that the side has, too;
tantivy (`pip install tantivy`; left out where it is not) rounds the lengths of documents and fixes
k1 at 1.2 and b at 0.75.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from rankmill.retrieve import BM25
from rankmill.retrieve.top import top

DEPTH, WORDS, ASKED, VOCABULARY = 100, 60, 6, 400_000
Found = list[list[int]]


class Side(NamedTuple):
    """One implementation's figures."""

    name: str
    indexing: float
    searching: float
    found: Found


def main() -> None:
    """Print one line per side."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--queries", type=int, default=2_000)
    options = parser.parse_args()
    texts, queries = made_up(options.documents, WORDS, 1), made_up(options.queries, ASKED, 2)
    print(f"{options.documents:,} passages, {options.queries:,} queries, best {DEPTH}")
    print(f"{'':12} indexing  searching    both  same best ten  peak memory so far")
    ours: Found = []
    for side in (rankmill, bm25s, *([tantivy] if find_spec("tantivy") else [])):
        name, indexing, searching, found = side(texts, queries)
        ours = ours or found
        same = np.mean([len({*a[:10]} & {*b[:10]}) / 10 for a, b in zip(ours, found, strict=True)])
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{name:12} {indexing:7.2f}s {searching:9.2f}s {indexing + searching:6.2f}s "
            f"{same:14.1%} {memory:14.2f} GiB",
            flush=True,
        )


def made_up(texts: int, words: int, seed: int) -> list[str]:
    """Texts whose words are of a made-up vocabulary, the n-th in proportion to 1 / n."""
    chance = np.random.default_rng(seed)
    share = 1 / np.arange(10, VOCABULARY + 10)  # as if the ten most frequent were stopwords
    drawn = chance.choice(VOCABULARY, (texts, words), p=share / share.sum())
    return [" ".join(map(_spelled, row)) for row in drawn.tolist()]


def _spelled(number: int) -> str:
    """A word of letters for a number."""
    letters = ""
    while number or not letters:
        number, digit = divmod(number, 20)
        letters += "bcdfghjklmnprstvwxzq"[digit] + "aeiou"[digit % 5]
    return letters + "on"


def rankmill(texts: Sequence[str], queries: Sequence[str]) -> Side:
    """Ours, as a build runs it."""
    spec = BM25()
    began = time.perf_counter()
    index = spec.index(texts)
    indexed = time.perf_counter()
    found = [top(index.scores(words), DEPTH).tolist() for words in spec.words(queries)]
    return Side("rankmill", indexed - began, time.perf_counter() - indexed, found)


def bm25s(texts: Sequence[str], queries: Sequence[str]) -> Side:
    """bm25s, with its own tokenizer and the fastest of its backends that is there."""
    import bm25s
    from Stemmer import Stemmer

    def cut(some: Sequence[str]) -> object:
        return bm25s.tokenize(some, stemmer=Stemmer("english"), show_progress=False)

    backend = "numba" if find_spec("numba") else "numpy"
    began = time.perf_counter()
    scorer = bm25s.BM25(k1=0.9, b=0.4, method="lucene", backend=backend)
    scorer.index(cut(texts), show_progress=False)
    indexed = time.perf_counter()
    found, _scores = scorer.retrieve(cut(queries), k=DEPTH, show_progress=False)
    seconds = time.perf_counter() - indexed
    return Side(f"bm25s {backend}", indexed - began, seconds, found.tolist())


def tantivy(texts: Sequence[str], queries: Sequence[str]) -> Side:
    """tantivy, with its English stemmer, on disk."""
    import tantivy

    schema = tantivy.SchemaBuilder()
    schema.add_integer_field("number", stored=True, fast=True)
    schema.add_text_field("text", tokenizer_name="en_stem")
    with tempfile.TemporaryDirectory() as folder:
        index = tantivy.Index(schema.build(), path=folder)
        began = time.perf_counter()
        writer = index.writer(256 * 2**20)
        for number, text in enumerate(texts):
            writer.add_document(tantivy.Document(number=number, text=text))
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        indexed = time.perf_counter()
        searcher, found = index.searcher(), []
        for query in queries:
            hits = searcher.search(index.parse_query(query, ["text"]), DEPTH, count=False).hits
            found.append([searcher.doc(address)["number"][0] for _, address in hits])
        return Side("tantivy", indexed - began, time.perf_counter() - indexed, found)


if __name__ == "__main__":
    main()
