"""Seeds that are typical of their topic, and unlike each other."""

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from rankmill.sampling.allocation import Share, shared
from rankmill.sampling.pool import Pool
from rankmill.sampling.sampler import Drawn, Sampling


class MMR(Sampling):
    """Maximal marginal relevance inside every cluster.

    The next seed of a cluster has the highest balance * cos(d, centroid) - (1 - balance) *
    max cos(d, seed so far); the first is the one nearest to the centroid, whatever the balance.
    Nothing is drawn by lot: `seed` is of no effect.

    Attributes:
        share: Seeds of a cluster: `proportional` to its size, as DUQGen has it, or `equal`.
        balance: The lambda of the paper, below 1. At 1, DUQGen's default, the term for diversity
            is off.

    Papers: Carbonell & Goldstein, "The Use of MMR", SIGIR 1998; step 6 of DUQGen (Chandradevan,
    Dhole & Agichtein, NAACL 2024), which takes the document nearest to the centroid for the
    centroid, and chooses among five pooled draws; here every document of the cluster stands.
    """

    kind: Literal["mmr"] = "mmr"
    share: Share = "proportional"
    balance: float = Field(default=0.5, ge=0, lt=1)

    @property
    def covers(self) -> bool:
        """With shares by size."""
        return self.share == "proportional"

    def choose(self, pool: Pool) -> Drawn:
        """Choose greedily, cluster by cluster."""
        wanted = shared(self.share, pool.sizes, self.documents)
        chosen = [
            self._cluster(pool.only(pl.col("cluster") == cluster), number)
            for cluster, number in wanted.items()
            if number
        ]
        return Drawn(seeds=pl.concat(chosen).sort("docid"))

    def _cluster(self, pool: Pool, number: int) -> pl.DataFrame:
        relevance = pool.documents["similarity"].to_numpy().astype(np.float64)
        order = by_docid(pool)
        likest = np.zeros(len(pool))
        chosen: list[int] = []
        while len(chosen) < number:
            scores = relevance.copy()
            if chosen:
                scores = self.balance * relevance - (1 - self.balance) * likest
            scores[chosen] = -np.inf
            chosen.append(first(scores, order))
            seed = pool.space.vectors[pool.rows[chosen[-1:]]]
            cosine = pool.cosines(seed)[:, 0].astype(np.float64)
            likest = cosine if len(chosen) == 1 else np.maximum(likest, cosine)
        return pool.documents[chosen].select("docid", "cluster")


def by_docid(pool: Pool) -> NDArray[np.intp]:
    """The place of every document among the docids in order."""
    return np.argsort(np.argsort(pool.documents["docid"].to_numpy()))


def first(scores: NDArray[np.float64], order: NDArray[np.intp]) -> int:
    """The place of the highest score; of equal ones, that of the first docid."""
    ties = np.flatnonzero(scores == scores.max())
    return int(ties[np.argmin(order[ties])])
