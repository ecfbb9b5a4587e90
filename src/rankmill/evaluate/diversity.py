"""How diverse seeds and queries are, held against seeds drawn at random.

Papers: Li et al., "A Diversity-Promoting Objective Function for Neural Conversation Models", 2016
(distinct-n); Zhu et al., "Texygen", 2018 (self-BLEU); Friedman & Dieng, "The Vendi Score", 2023.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import fmean
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.table import Table as Grid

from rankmill.finished import Finished
from rankmill.sampling import Pool
from rankmill.screen.words import count as size_of
from rankmill.screen.words import words as words_of
from rankmill.space import cosines

Vectors = NDArray[np.float32]
"""Unit-length rows, shape (texts, dimensions)."""
Facts = Mapping[str, int | float | str]

SEEDS = (
    "topics with a seed",
    "documents near a seed",
    "cosine to the nearest seed",
    "mean distance of seeds",
    "Vendi score of seeds",
)
"""What `of_seeds` measures."""
AT_RANDOM = ", at random"
_DRAWS, _DOCUMENTS, _AT_ONCE, _ORDERS, _EPSILON = 5, 20_000, 1_000, 4, 0.1
_NOISE = 1e-6  # of a cosine in 32 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversity:
    """The diversity of a build.

    Attributes:
        seeds: Every measure of `SEEDS`, and its mean over draws at random of as many documents.
        queries: What `of_queries` measures; empty where there are none yet.
        passed: Share of the queries asked for that were kept, and that fell to each rule.
    """

    seeds: Mapping[str, tuple[float, float]]
    queries: Facts
    passed: Mapping[str, float]

    @classmethod
    def of(cls, build: Finished) -> Self:
        """Read the figures that the stages of a build have left."""
        reports = {report.stage: report for report in build.reports}
        facts = reports["sample"].facts if "sample" in reports else {}
        seeds = {
            name: (float(facts[name]), float(facts[name + AT_RANDOM]))
            for name in SEEDS
            if name in facts
        }
        if "generate" not in reports:
            return cls(seeds=seeds, queries={}, passed={})
        made = reports["generate"]
        rules = {"kept": made.written, **dict(sorted(made.rejected.items()))}
        return cls(
            seeds=seeds,
            queries=made.facts,
            passed={rule: count / (made.read or 1) for rule, count in rules.items()},
        )


def beside(builds: Mapping[str, Diversity]) -> Grid:
    """The figures of several builds side by side, as a table; the first column names them."""
    grid = Grid("", *builds, title="diversity")
    for name in SEEDS:
        said = [found.seeds.get(name) for found in builds.values()]
        if any(said):
            grid.add_row(name, *("" if one is None else f"{one[0]:.3f}" for one in said))
            grid.add_row(
                f"  {AT_RANDOM[2:]}", *("" if one is None else f"{one[1]:.3f}" for one in said)
            )
    for measure in dict.fromkeys(name for found in builds.values() for name in found.queries):
        grid.add_row(measure, *(str(found.queries.get(measure, "")) for found in builds.values()))
    for rule in dict.fromkeys(name for found in builds.values() for name in found.passed):
        grid.add_row(rule, *(f"{found.passed.get(rule, 0.0):.1%}" for found in builds.values()))
    return grid


def of_seeds(pool: Pool, seeds: pl.DataFrame) -> dict[str, int | float | str]:
    """How well seeds cover the documents that they were drawn from.

    * topics with a seed: share of the clusters.
    * documents near a seed: share of those that are at least as like some seed as the median
      document is to the nearest of as many seeds drawn at random, so that those come to about a
      half. Of many documents, 20,000 are looked at.
    * cosine to the nearest seed: of these documents, on average.
    * mean distance of seeds: one minus the cosine, over all pairs.
    * Vendi score of seeds: how many seeds without any likeness would be as diverse.

    Returns:
        Every measure of `SEEDS`, and its mean over 5 draws at random, its name with `AT_RANDOM`.
    """
    documents = pool.documents.sort("docid").with_row_index("place")
    chosen = documents.join(seeds.select("docid"), on="docid")["place"].to_numpy()
    draws = [
        np.random.default_rng(seed).choice(len(pool), len(chosen), replace=False)
        for seed in range(_DRAWS)
    ]
    several = [_nearest(pool, documents, places) for places in (chosen, *draws)]
    radius = fmean(float(np.median(nearest)) for nearest in several[1:])
    ours, *others = (
        _covered(pool, documents, places, nearest, radius)
        for places, nearest in zip((chosen, *draws), several, strict=True)
    )
    random = [fmean(values) for values in zip(*others, strict=True)]
    said: dict[str, int | float | str] = {}
    for name, value, at_random in zip(SEEDS, ours, random, strict=True):
        said |= {name: round(value, 3), name + AT_RANDOM: round(at_random, 3)}
    return said


def _nearest(pool: Pool, documents: pl.DataFrame, places: NDArray[np.intp]) -> Vectors:
    """Cosines of documents, of many a sample, to the nearest of those at some places."""
    rows = documents["row"].to_numpy().astype(np.intp)
    some = np.sort(rows[:: -(-len(rows) // _DOCUMENTS)])
    nearest = np.full(len(some), -1, np.float32)
    for start in range(0, len(places), _AT_ONCE):
        points = pool.space.vectors[rows[places[start : start + _AT_ONCE]]]
        part = cosines(pool.space.vectors, some, np.asarray(points))
        np.maximum(nearest, part.max(axis=1), out=nearest)
    return nearest


def _covered(
    pool: Pool, documents: pl.DataFrame, places: NDArray[np.intp], nearest: Vectors, radius: float
) -> tuple[float, float, float, float, float]:
    """The measures of `SEEDS`, of the seeds at some places of the documents."""
    seeds = documents[places]
    points = np.asarray(pool.space.vectors[seeds["row"].to_numpy()])
    topics = seeds["cluster"].n_unique() / documents["cluster"].n_unique()
    near = float((nearest >= radius - _NOISE).mean())
    return topics, near, float(nearest.mean()), mean_distance(points), vendi(points)


def of_queries(queries: pl.DataFrame, vectors: Vectors) -> dict[str, int | float | str]:
    """How much queries differ from each other.

    Args:
        queries: Columns text and kind.
        vectors: Of the queries.

    Returns:
        Their number, distinct-1 and -2 (the share of words, and of pairs of words, that are
        different ones), self-BLEU (in [0, 1]; lower is more diverse), mean cosine distance, Vendi
        score, mean number of words, and how many there are of each kind. Sets of different sizes
        cannot be compared by distinct-n, self-BLEU or the Vendi score.
    """
    texts = queries["text"].to_list()
    kinds = queries["kind"].value_counts(sort=True).sort("count", "kind", descending=[True, False])
    return {
        "queries": len(texts),
        "distinct-1": round(distinct(texts, 1), 3),
        "distinct-2": round(distinct(texts, 2), 3),
        "self-BLEU": round(self_bleu(texts), 3),
        "mean distance of queries": round(mean_distance(vectors), 3),
        "Vendi score of queries": round(vendi(vectors), 1),
        "words a query": round(fmean([size_of(words_of(text)) for text in texts] or [0]), 1),
        "kinds": ", ".join(f"{kind} {count:,}" for kind, count in kinds.iter_rows()),
    }


def mean_distance(vectors: Vectors) -> float:
    """Mean cosine distance over all pairs, in [0, 2]; 0 where there is no pair.

    The sum of all cosines is the squared length of the sum of all vectors.
    """
    n = len(vectors)
    if n < 2:
        return 0.0
    whole = np.asarray(vectors, np.float64)
    same = float(np.square(whole).sum())
    return 1 - (float(np.square(whole.sum(axis=0)).sum()) - same) / (n * (n - 1))


def vendi(vectors: Vectors) -> float:
    """The Vendi score under the cosine: from 1, all alike, to the number of vectors, all apart.

    It is the exponential of the entropy of the eigenvalues of the matrix of cosines over n, which
    are those of the much smaller matrix of products of dimensions; at most the dimensions.
    """
    if not len(vectors):
        return 0.0
    whole = np.asarray(vectors, np.float64)
    values = np.linalg.eigvalsh(whole.T @ whole / len(whole))
    shares = values[values > np.finfo(np.float32).eps]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def distinct(texts: Iterable[str], n: int) -> float:
    """Different runs of n words over all runs of n words, in [0, 1]; 0 where there is none."""
    runs = Counter(run for text in texts for run in _runs(words_of(text), n))
    return len(runs) / runs.total() if runs else 0.0


def self_bleu(texts: Iterable[str]) -> float:
    """Mean BLEU-4 of every text with all others as its references, in [0, 1].

    A text of less than four words is scored by as many orders as it has words. An order without a
    match counts as a tenth of one, which is NLTK's first smoothing.
    """
    said = [found for text in texts if (found := words_of(text))]
    if len(said) < 2:
        return 0.0
    counts = [[Counter(_runs(words, n)) for n in range(1, _ORDERS + 1)] for words in said]
    most = [_most([orders[n] for orders in counts]) for n in range(_ORDERS)]
    lengths = Counter(map(len, said))
    scores = []
    for place, (words, orders) in enumerate(zip(said, counts, strict=True)):
        logs = []
        for runs, best in zip(orders[: len(words)], most, strict=False):
            matched = sum(min(count, best[run].beside(place)) for run, count in runs.items())
            logs.append(log((matched or _EPSILON) / runs.total()))
        scores.append(_brevity(len(words), lengths) * exp(fmean(logs)))
    return fmean(scores)


@dataclass(slots=True)
class _Most:
    """How often a run is in the text that has it most often, and in the next."""

    first: int = 0
    owner: int = -1
    second: int = 0

    def add(self, count: int, place: int) -> None:
        if count > self.first:
            self.first, self.owner, self.second = count, place, self.first
        else:
            self.second = max(self.second, count)

    def beside(self, place: int) -> int:
        """The highest count in a text other than that at `place`."""
        return self.second if place == self.owner else self.first


def _most(counts: Sequence[Counter[tuple[str, ...]]]) -> dict[tuple[str, ...], _Most]:
    most: dict[tuple[str, ...], _Most] = {}
    for place, runs in enumerate(counts):
        for run, count in runs.items():
            most.setdefault(run, _Most()).add(count, place)
    return most


def _brevity(length: int, lengths: Counter[int]) -> float:
    """BLEU's penalty of a text shorter than the other text of the nearest length."""
    others = [other for other, count in lengths.items() if other != length or count > 1]
    nearest = min(others, key=lambda other: (abs(other - length), other))
    return 1.0 if length >= nearest else exp(1 - nearest / length)


def _runs(words: Sequence[str], n: int) -> Iterable[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(n)), strict=False)
