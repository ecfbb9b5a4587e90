"""Exact dense search beside the multiplication that it cannot do without, and beside FAISS.

    python bench/dense.py --passages 100000 --queries 20000

Made-up unit vectors of 384 dimensions, the best 82 of each query. All that is compared computes in
this process, on the same arrays, one after the other; `--mapped` reads passages from a file.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankmill.retrieve import nearest

DIMENSIONS, DEPTH, BLOCK = 384, 82, 4_096


def main() -> None:
    """Print one line per way of searching."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=20_000)
    parser.add_argument("--mapped", action="store_true")
    options = parser.parse_args()
    queries, rows = made_up(options.queries, 2), np.arange(options.passages)
    with tempfile.TemporaryDirectory() as folder:
        passages = made_up(options.passages, 1)
        if options.mapped:
            np.save(Path(folder) / "passages.npy", passages)
            passages = np.load(Path(folder) / "passages.npy", mmap_mode="r")
        timed("multiplication", lambda: multiplied(passages, queries))
        found = timed("rankmill", lambda: nearest(passages, rows, queries, depth=DEPTH)[0])
        theirs = timed("FAISS", lambda: faiss_flat(passages, queries))
    print(f"the same documents at the same ranks: {np.mean(found == theirs):.4%}")


def made_up(rows: int, seed: int) -> NDArray[np.float32]:
    """Unit vectors in no direction more than in another."""
    points = np.random.default_rng(seed).standard_normal((rows, DIMENSIONS), dtype=np.float32)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def timed(name: str, work: Callable[[], Any]) -> Any:
    """Do the work, and say how long it took on the clock and in processors' seconds."""
    clock, processors = time.perf_counter(), time.process_time()
    result = work()
    seconds, cpu = time.perf_counter() - clock, time.process_time() - processors
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:15} {seconds:6.2f}s {cpu:6.2f}s cpu, peak so far {memory:.2f} GiB", flush=True)
    return result


def multiplied(passages: NDArray[np.float32], queries: NDArray[np.float32]) -> None:
    """Every product, in blocks that are thrown away."""
    room = np.empty((BLOCK, BLOCK), np.float32)
    for start in range(0, len(passages), BLOCK):
        block = np.asarray(passages[start : start + BLOCK])
        for first in range(0, len(queries), BLOCK):
            some = queries[first : first + BLOCK]
            np.matmul(some, block.T, out=room[: len(some), : len(block)])


def faiss_flat(passages: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.int64]:
    """FAISS's own exact search; an index would hold a copy of the passages besides."""
    import faiss

    metric = faiss.METRIC_INNER_PRODUCT
    return faiss.knn(queries, np.asarray(passages), DEPTH, metric=metric)[1]


if __name__ == "__main__":
    main()
