"""Our retrieval against human judgments: nDCG@10 of BM25, of dense search, and of both fused.

    python bench/retrieval.py ../shared/collections cranfield cosqa medline xquad_r_en

Every number comes from the code that a build runs, with its defaults but for the precision of the
encoder, which is that of published figures; `--precision auto` is that of a build. `--language
german` stems German. Queries that name the document they were written from (`source_docs.json`)
are scored twice: with that document in the rankings and judgments, and without.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from rankmill.evaluate.collection import Wanted, load
from rankmill.evaluate.quality import ndcg
from rankmill.records import Ranking
from rankmill.retrieve import Retrieval, Space
from rankmill.retrieve.pools import Pools
from rankmill.settings import Settings
from rankmill.space import SentenceTransformer, embed, open_vectors

Runs = Mapping[str, Mapping[str, Ranking]]


def main() -> None:
    """Print a table of every collection, and of every way of scoring it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("collections", type=Path, help="folder of folders in BEIR layout")
    parser.add_argument("names", nargs="+")
    parser.add_argument("--model", default=SentenceTransformer.model_fields["model"].default)
    parser.add_argument("--precision", choices=("auto", "float32"), default="float32")
    parser.add_argument("--language", default="english")
    options = parser.parse_args()
    spec = Retrieval(bm25={"language": options.language})
    print(f"fused: {spec.fusion!r}")
    print(f"{'nDCG@10':28} queries    bm25   dense   fused")
    for name in options.names:
        encoder = SentenceTransformer(model=options.model, precision=options.precision)
        measure(options.collections / name, spec, encoder)


def measure(folder: Path, spec: Retrieval, embedder: SentenceTransformer) -> None:
    """Print the lines of one collection."""
    collection = load(folder, Wanted(candidates="judged"))
    texts = {qid: query.text for qid, query in collection.queries.items()}
    runs = searched(folder, spec, embedder, texts)
    path = folder / "source_docs.json"
    sources = json.loads(path.read_text()) if path.is_file() else {}
    for note, hidden in (("", {}), (", sources dropped", sources))[: 2 if sources else 1]:
        qrels = {
            qid: {docid: grade for docid, grade in grades.items() if docid != hidden.get(qid)}
            for qid, grades in collection.qrels.items()
        }
        judged = [qid for qid, grades in qrels.items() if max(grades.values(), default=0) > 0]
        means = []
        for run in runs.values():
            left = {qid: without(run[qid], hidden.get(qid)) for qid in judged}
            means.append(f"{np.mean(list(ndcg(qrels, left).values())):.4f}")
        print(f"{folder.name + note:28} {len(judged):7}  {'  '.join(means)}", flush=True)


def searched(
    folder: Path, spec: Retrieval, embedder: SentenceTransformer, texts: Mapping[str, str]
) -> Runs:
    """What each retriever finds for every query, and what they find together."""
    corpus = pl.read_ndjson(folder / "corpus.jsonl").rename({"_id": "docid"})
    documents = corpus.select("docid", "title", "text")
    with tempfile.TemporaryDirectory() as name, embedder.open(Settings(), print) as encoder:
        parquet = Path(name) / "documents.parquet"
        documents.write_parquet(parquet)
        embed(parquet, encoder=encoder, folder=Path(name), batch=256, advance=lambda *_: None)
        asked = encoder.encode(list(texts.values()), "query")
        spaces = {"dense": Space(open_vectors(Path(name)), asked)}
        clusters = documents.select("docid", split=pl.lit("train"))
        words = spec.bm25.words(list(texts.values()))
        found = list(Pools.read(spec, documents, clusters).find("train", words, spaces))
    runs: dict[str, dict[str, Ranking]] = {name: {} for name in (*spec.retrievers, "fused")}
    for qid, lists in zip(texts, found, strict=True):
        for name, ranking in (lists | {"fused": spec.fusion(lists)}).items():
            runs[name][qid] = ranking
    return runs


def without(ranking: Ranking, docid: str | None) -> Ranking:
    """A ranking without a document."""
    kept = [(d, s) for d, s in zip(ranking.docids, ranking.scores, strict=True) if d != docid]
    return Ranking(docids=tuple(d for d, _ in kept), scores=tuple(s for _, s in kept))


if __name__ == "__main__":
    main()
