"""Seed documents that cover the corpus: some from every topic, the typical ones first."""

from typing import Literal

import numpy as np
from pydantic import Field

from rankmill.sampling.allocation import allocate
from rankmill.sampling.pool import Pool, gumbel
from rankmill.sampling.sampler import Drawn, Sampling


class DUQGen(Sampling):
    """Cluster-proportional allocation, then a softmax draw inside every cluster.

    Every cluster gives at least one seed, so there are at least as many seeds as clusters.

    Attributes:
        temperature: Divides the cosine to the centroid before the softmax. Cosines of one cluster
            differ by a few tenths, so the paper's 1.0 draws almost evenly; 0.05 favours documents
            near the centroid clearly.
        min_chars: The paper's 300 suits articles; passages and docstrings need less.

    Paper: Chandradevan, Dhole & Agichtein, "DUQGen", NAACL 2024. Deviations: documents are held
    back by length after clustering rather than before; one draw stands for five pooled draws cut
    by maximal marginal relevance, which at the paper's lambda of 1 has no diversity term (`MMR`
    has one); and the leftover of rounding is spread by size until it is used up, so that the
    number of seeds is exact in the cases where the released code adds one everywhere or too few.
    """

    kind: Literal["duqgen"] = "duqgen"
    temperature: float = Field(default=1.0, gt=0)

    @property
    def covers(self) -> bool:
        """Always."""
        return True

    def choose(self, pool: Pool) -> Drawn:
        """Draw by Gumbel top-k: the softmax without replacement."""
        logits = pool.documents["similarity"].to_numpy().astype(np.float64) / self.temperature
        scores = logits + gumbel(self.seed, pool.documents["docid"])
        return Drawn(seeds=pool.best(scores, allocate(pool.sizes, self.documents)))
