"""Checks k-means of a memory-mapped corpus against FAISS as it comes, side by side in one run.

    python bench/kmeans.py [DOCUMENTS] [--clusters 1000] [--iterations 10] [--rounds 2]

FAISS loads the vectors, trains on its default sample of 256 documents a centroid, and searches all
of them at once; ours is the cluster stage's own code, ids and table included. Each runs in a
process of its own, in turn; the best time of each counts, and so does the peak of memory.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from rankmill.space import SphericalKMeans, open_vectors

DIMENSIONS, TOPICS, BLOCK = 384, 2_000, 50_000
LIMIT = 1.10


def main() -> None:
    """Print both, and fail where ours takes more than a tenth longer."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("documents", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--clusters", type=int, default=1_000)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    shape = options.clusters, options.iterations
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "vectors.npy", options.documents)
        found: dict[str, list[tuple[float, float, float]]] = {"faiss": [], "rankmill": []}
        for _ in range(options.rounds):
            for how, runs in ((faiss_alone, found["faiss"]), (ours, found["rankmill"])):
                runs.append(alone(how, folder, *shape))
    gib = options.documents * DIMENSIONS * 4 / 2**30
    print(f"{options.documents:,} x {DIMENSIONS} ({gib:.2f} GiB) into {options.clusters:,}")
    for who, runs in found.items():
        seconds, peak, cosine = min(runs)
        print(f"{who:10} {seconds:7.1f} s  peak {peak:5.2f} GiB  mean cosine {cosine:.4f}")
    ratio = min(found["rankmill"])[0] / min(found["faiss"])[0]
    print(f"ratio {ratio:.2f}, at most {LIMIT}")
    sys.exit(ratio > LIMIT)


def write(path: Path, documents: int) -> None:
    """Unit vectors around the middles of topics, a block at a time."""
    draw = np.random.default_rng(1)
    middles = draw.normal(size=(TOPICS, DIMENSIONS)).astype(np.float32)
    rows = np.lib.format.open_memmap(path, "w+", np.float32, (documents, DIMENSIONS))
    for start in range(0, documents, BLOCK):
        size = min(BLOCK, documents - start)
        noise = draw.standard_normal((size, DIMENSIONS), np.float32)
        block = middles[draw.integers(TOPICS, size=size)] + 1.5 * noise
        rows[start : start + size] = block / np.linalg.norm(block, axis=1, keepdims=True)
    rows.flush()


def alone(
    how: Callable[[Path, int, int], float], folder: Path, clusters: int, iterations: int
) -> tuple[float, float, float]:
    """Seconds, peak GiB and the mean cosine to the centroids, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_timed, (how, folder, clusters, iterations))


def _timed(
    how: Callable[[Path, int, int], float], folder: Path, clusters: int, iterations: int
) -> tuple[float, float, float]:
    import faiss  # noqa: F401 - loading it is no part of the time

    began = time.perf_counter()
    cosine = how(folder, clusters, iterations)
    seconds = time.perf_counter() - began
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, cosine


def faiss_alone(folder: Path, clusters: int, iterations: int) -> float:
    """FAISS's own k-means over vectors in memory."""
    import faiss

    vectors = np.load(folder / "vectors.npy")
    kmeans = faiss.Kmeans(vectors.shape[1], clusters, niter=iterations, spherical=True, seed=0)
    kmeans.train(vectors)
    cosines, _ = kmeans.index.search(vectors, 1)
    return float(cosines.mean())


def ours(folder: Path, clusters: int, iterations: int) -> float:
    """The cluster stage's k-means over mapped vectors."""
    vectors = open_vectors(folder)
    docids = pl.Series("docid", [f"d{row:08}" for row in range(len(vectors))])
    spec = SphericalKMeans(clusters=clusters, iterations=iterations)
    return float(np.mean(spec(docids, vectors).table["similarity"].to_numpy()))


if __name__ == "__main__":
    main()
