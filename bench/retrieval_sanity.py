"""Checks our retrieval against human judgements: nDCG@10 of BM25, of dense search, and of both.

    python bench/retrieval_sanity.py ../shared/collections cranfield cosqa medline

Every number comes from the code that a build runs. Queries that name a source document
(`source_docs.json`) are scored twice: with that document in the ranking, and without.
"""

import argparse
import json
import math
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl

from rankmill.retrieve import BM25, fuse, nearest
from rankmill.retrieve.top import top
from rankmill.settings import Settings
from rankmill.space import SentenceTransformer, embed, open_vectors, text_of

POOL, DEPTH = 100, 10


def main() -> None:
    """Print one line per collection and way of scoring."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("collections", type=Path, help="folder of folders in BEIR layout")
    parser.add_argument("names", nargs="+")
    parser.add_argument("--model", default=SentenceTransformer.model_fields["model"].default)
    options = parser.parse_args()
    embedder = SentenceTransformer(model=options.model)
    print(f"{'nDCG@10':28} queries   BM25  dense  fused  documents/s embedded")
    for name in options.names:
        measure(options.collections / name, embedder)


def measure(folder: Path, embedder: SentenceTransformer) -> None:
    """Print the lines of one collection."""
    corpus = pl.read_ndjson(folder / "corpus.jsonl").rename({"_id": "docid"})
    qrels = judgments(folder / "qrels" / "test.tsv")
    queries = {
        row["_id"]: row["text"]
        for row in map(json.loads, (folder / "queries.jsonl").read_text().splitlines())
        if row["_id"] in qrels
    }
    dense, rate = dense_runs(corpus, queries, embedder)
    lexical = lexical_runs(corpus, queries)
    fused = {qid: list(fuse([lexical[qid], dense[qid]], k=60).docids) for qid in queries}
    runs = (lexical, dense, fused)
    path = folder / "source_docs.json"
    sources = json.loads(path.read_text()) if path.is_file() else {}
    for note, hidden in ((folder.name, {}), (f"{folder.name}, sources dropped", sources)):
        if note == folder.name or sources:
            scores = [mean_ndcg(run, qrels, hidden) for run in runs]
            values = "  ".join(f"{score:5.3f}" for score in scores)
            print(f"{note:28} {len(queries):7}  {values}  {rate:8.0f}", flush=True)


def judgments(path: Path) -> dict[str, dict[str, int]]:
    """Grades by qid and docid, of queries with something relevant."""
    grades: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for line in path.read_text().splitlines()[1:]:
        qid, docid, grade = line.split("\t")
        grades[qid][docid] = int(grade)
    return {qid: by_docid for qid, by_docid in grades.items() if max(by_docid.values()) > 0}


def lexical_runs(corpus: pl.DataFrame, queries: dict[str, str]) -> dict[str, list[str]]:
    """BM25's documents, best first."""
    spec = BM25()
    index = spec.index(map(text_of, corpus["title"], corpus["text"]))
    words = spec.words(list(queries.values()))
    pools = (top(index.scores(word), POOL) for word in words)
    return {
        qid: corpus["docid"].gather(pool).to_list()
        for qid, pool in zip(queries, pools, strict=True)
    }


def dense_runs(
    corpus: pl.DataFrame, queries: dict[str, str], embedder: SentenceTransformer
) -> tuple[dict[str, list[str]], float]:
    """The encoder's documents, best first, and how many documents it embedded in a second."""
    with tempfile.TemporaryDirectory() as name, embedder.open(Settings(), print) as encoder:
        folder = Path(name)
        corpus.select("title", "text").write_parquet(folder / "documents.parquet")
        began = time.monotonic()
        embed(
            folder / "documents.parquet",
            encoder=encoder,
            folder=folder,
            batch=embedder.batch,
            advance=lambda done, total: None,
        )
        rate = len(corpus) / (time.monotonic() - began)
        points = encoder.encode(list(queries.values()), "query")
        pools = nearest(open_vectors(folder), np.arange(len(corpus)), points, depth=POOL)
    runs = {
        qid: corpus["docid"].gather(pool).to_list()
        for qid, pool in zip(queries, pools, strict=True)
    }
    return runs, rate


def mean_ndcg(
    runs: dict[str, list[str]], qrels: dict[str, dict[str, int]], hidden: dict[str, str]
) -> float:
    """Mean nDCG@10 with linear gain, each query's hidden document taken off both sides."""
    values = []
    for qid, grades in qrels.items():
        left = {docid: grade for docid, grade in grades.items() if docid != hidden.get(qid)}
        ranked = [docid for docid in runs[qid] if docid != hidden.get(qid)]
        ideal = gain(sorted(left.values(), reverse=True))
        if ideal:
            values.append(gain([left.get(docid, 0) for docid in ranked]) / ideal)
    return float(np.mean(values))


def gain(grades: list[int]) -> float:
    """Discounted cumulative gain of the first ten grades."""
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades[:DEPTH], start=1))


if __name__ == "__main__":
    main()
