"""Mining beside sentence-transformers with FAISS, and beside the multiplication alone.

    python bench/mining.py [QUERIES] [PASSAGES] [--large PASSAGES]

Vectors of 384 dimensions are made up: every query lies near a passage of its own. Each contender
runs in a process of its own, takes 8 negatives of the 81 nearest that score at most 95 % of the
positive, and leaves a Parquet file. Encoding is left out: sentence-transformers is given a model
that knows the vectors. Seconds are without imports; memory is the peak of the whole process, the
vectors included. With --large, ours runs once more over that many passages, mapped into memory.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

SIZE, NEGATIVES, DEPTH, MARGIN = 384, 8, 81, 0.05
LIMIT_SECONDS, LIMIT_GIB, LARGE_GIB = 9.5, 1.4, 3.0
_BLOCK = 50_000


def main() -> None:
    """Run every contender, and print seconds and memory side by side."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("queries", type=int, nargs="?", default=20_000)
    parser.add_argument("passages", type=int, nargs="?", default=100_000)
    parser.add_argument("--large", type=int, default=0)
    parser.add_argument("--only", choices=CONTENDERS)
    parser.add_argument("--at", type=Path)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(CONTENDERS[options.only](options.at)))
        return
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        beside(Path(folder), options.queries, options.passages, list(CONTENDERS))
        if options.large:
            beside(Path(folder), options.queries, options.large, ["rankmill"])
    print(f"limits: {LIMIT_SECONDS} s and {LIMIT_GIB} GiB; large {LARGE_GIB} GiB")


def beside(folder: Path, queries: int, passages: int, names: list[str]) -> None:
    """Print a line for each contender on the same vectors."""
    made_up(folder, queries, passages)
    print(f"\n{queries:,} queries x {passages:,} passages x {SIZE}")
    rows: dict[str, int] = {}
    for name in names:
        command = [sys.executable, __file__, "--only", name, "--at", str(folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1800)
        said = json.loads(done.stdout.splitlines()[-1])
        rows[name] = said["negatives"]
        print(
            f"{name:22} {said['seconds']:6.2f} s   {said['gib']:.2f} GiB   "
            f"{said['negatives']:,} negatives",
            flush=True,
        )
    if "sentence-transformers" in rows:
        assert rows["rankmill"] == rows["sentence-transformers"], rows


def made_up(folder: Path, queries: int, passages: int) -> None:
    """Write unit vectors of passages, and of queries that lie near the first of them."""
    draw = np.random.default_rng(7)
    shape = (passages, SIZE)
    rows = np.lib.format.open_memmap(folder / "passages.npy", "w+", np.float32, shape)
    for start in range(0, passages, _BLOCK):
        some = draw.standard_normal((min(_BLOCK, passages - start), SIZE), np.float32)
        rows[start : start + _BLOCK] = some / np.linalg.norm(some, axis=1, keepdims=True)
    near = rows[:queries] + draw.standard_normal((queries, SIZE), np.float32) / 6
    np.save(folder / "queries.npy", near / np.linalg.norm(near, axis=1, keepdims=True))
    rows.flush()


def vectors(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Queries and passages; these are mapped."""
    return np.load(folder / "queries.npy"), np.load(folder / "passages.npy", mmap_mode="r")


def ids(letter: str, number: int) -> pl.Series:
    """Names whose order is that of the rows."""
    return pl.select(pl.format(letter + "{}", pl.int_range(10**7, 10**7 + number))).to_series()


def measured(seconds: float, negatives: int) -> dict[str, float]:
    """What a contender says of itself."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": seconds, "gib": peak, "negatives": negatives}


def multiplication(folder: Path) -> dict[str, float]:
    """Every score, block by block, and nothing done with it: what exact search cannot go below."""
    queries, passages = vectors(folder)
    began = time.perf_counter()
    for start in range(0, len(passages), 8192):
        block = np.asarray(passages[start : start + 8192]).T
        for first in range(0, len(queries), 2048):
            queries[first : first + 2048] @ block
    return measured(time.perf_counter() - began, 0)


def rankmill(folder: Path) -> dict[str, float]:
    """Ours."""
    import faiss  # noqa: F401 - imported before the clock starts, as everything else is

    from rankmill.mine import Mining, Points, mine

    queries, passages = vectors(folder)
    asked, known = ids("q", len(queries)), ids("d", len(passages))
    positives = pl.DataFrame({"qid": asked, "docid": known[: len(asked)]})
    spec = Mining(negatives=NEGATIVES, rank_max=DEPTH, relative_margin=MARGIN)
    began = time.perf_counter()
    documents = Points(ids=known, vectors=passages)
    found = mine(spec, Points(ids=asked, vectors=queries), documents, positives).negatives
    found.write_parquet(folder / "rankmill.parquet")
    return measured(time.perf_counter() - began, len(found))


def sentence_transformers(folder: Path) -> dict[str, float]:
    """The library's own function, with FAISS."""
    import torch
    from datasets import Dataset
    from datasets.utils.logging import disable_progress_bar
    from sentence_transformers.util import mine_hard_negatives

    disable_progress_bar()
    queries, passages = vectors(folder)
    asked, known = ids("q", len(queries)).to_list(), ids("d", len(passages)).to_list()
    rows = Dataset.from_dict({"anchor": asked, "positive": known[: len(asked)]})

    class Known:
        device = torch.device("cpu")

        def encode_query(self, texts: list[str], **_: object) -> np.ndarray:
            return queries[: len(texts)]

        def encode_document(self, texts: list[str], **_: object) -> np.ndarray:
            return np.asarray(passages[: len(texts)])

        def similarity_pairwise(self, one: np.ndarray, other: np.ndarray) -> torch.Tensor:
            return (torch.as_tensor(one) * torch.as_tensor(other)).sum(dim=1)

        def get_embedding_dimension(self) -> int:
            return SIZE

    began = time.perf_counter()
    found = mine_hard_negatives(
        rows,
        Known(),  # type: ignore[arg-type] - all that it asks of a model
        corpus=known,
        num_negatives=NEGATIVES,
        range_max=DEPTH,
        relative_margin=MARGIN,
        output_scores=True,
        use_faiss=True,
        verbose=False,
    )
    found.to_parquet(str(folder / "sentence-transformers.parquet"))
    return measured(time.perf_counter() - began, len(found))


CONTENDERS = {
    "multiplication": multiplication,
    "rankmill": rankmill,
    "sentence-transformers": sentence_transformers,
}

if __name__ == "__main__":
    main()
