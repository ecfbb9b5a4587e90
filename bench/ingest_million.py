"""Measures ingest: seconds and memory for many short documents from one JSON Lines file.

    python bench/ingest_million.py [DOCUMENTS]

The bar: 1,000,000 documents in at most 4 GiB of memory, tables included.
"""

import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import orjson

from rankmill.corpora import Jsonl, Passages, ingest
from rankmill.tables import DOCUMENTS
from rankmill.tablestore import once

LIMIT_GIB = 4.0


def write_corpus(path: Path, documents: int) -> None:
    """Documents of about 300 characters; every hundredth repeats an earlier text."""
    chance = random.Random(0)
    words = [f"{chance.getrandbits(24):x}" for _ in range(20_000)]
    with path.open("wb") as stream:
        text = ""
        for number in range(documents):
            if number % 100 or not text:
                text = f"{number}. {' '.join(chance.choices(words, k=40))}"
            title = " ".join(chance.choices(words, k=5))
            stream.write(orjson.dumps({"_id": f"d{number}", "title": title, "text": text}) + b"\n")


def main() -> None:
    """Write a corpus, take it in, and print what that cost."""
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        write_corpus(base / "corpus.jsonl", documents)
        before = _peak_gib()
        start = time.perf_counter()
        output = once(
            base / "tables",
            "ingest",
            {},
            lambda draft: ingest(
                Jsonl(path=Path("corpus.jsonl")),
                Passages(),
                base=base,
                draft=draft,
                advance=lambda _: None,
            ),
        )
        seconds = time.perf_counter() - start
        taken = _peak_gib()
        size = output.path(DOCUMENTS).stat().st_size / 2**20
        rows = output.read(DOCUMENTS).height
    print(output.report)
    print(f"{seconds:.1f} s, {documents / seconds:,.0f} documents/s")
    print(f"peak memory {taken:.2f} GiB ({before:.2f} before), limit {LIMIT_GIB:.0f} GiB")
    print(f"documents.parquet {size:.0f} MiB; read back and checked: {rows:,} rows, ", end="")
    print(f"peak {_peak_gib():.2f} GiB")
    if _peak_gib() > LIMIT_GIB:
        sys.exit(f"over the limit of {LIMIT_GIB:.0f} GiB")


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
