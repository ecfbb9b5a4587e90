"""Seeds that leave no document far from all of them."""

from typing import Literal

import numpy as np

from rankmill.sampling.mmr import by_docid, first
from rankmill.sampling.pool import Pool, uniform
from rankmill.sampling.sampler import Drawn, Sampling


class Farthest(Sampling):
    """Farthest first: the next seed is the document least like every seed so far.

    The greatest distance of a document to its nearest seed is at most twice the least that so many
    seeds can have. It looks for the odd documents of a corpus before the typical ones, whatever
    their clusters. It takes one pass over the vectors for every seed.

    Attributes:
        seed: Seed of the first document, which is drawn at random.

    Paper: Gonzalez, "Clustering to Minimize the Maximum Intercluster Distance", 1985; "k-center
    greedy" in Sener & Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set
    Approach", 2018. Distances are cosine distances; on unit vectors their order is the Euclidean.
    """

    kind: Literal["farthest"] = "farthest"

    def choose(self, pool: Pool) -> Drawn:
        """Choose greedily."""
        order = by_docid(pool)
        chosen = [first(uniform(self.seed, pool.documents["docid"]), order)]
        likest = np.full(len(pool), -np.inf)
        while len(chosen) < self.documents:
            seed = pool.space.vectors[pool.rows[chosen[-1:]]]
            np.maximum(likest, pool.cosines(seed)[:, 0], out=likest)
            likest[chosen[-1]] = np.inf
            chosen.append(first(-likest, order))
        return Drawn(seeds=pool.documents[chosen].select("docid", "cluster").sort("docid"))
