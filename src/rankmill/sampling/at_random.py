"""Seeds at random: what every other sampler is to be better than."""

from typing import Literal

from rankmill.sampling.allocation import shared
from rankmill.sampling.pool import Pool, uniform
from rankmill.sampling.sampler import Drawn, Sampling


class Random(Sampling):
    """Every document is as likely as any other, whatever its topic."""

    kind: Literal["random"] = "random"

    def choose(self, pool: Pool) -> Drawn:
        """Draw without replacement."""
        docids = pool.documents["docid"]
        lots = pool.documents.with_columns(lot=uniform(self.seed, docids)).sort("lot", "docid")
        return Drawn(seeds=lots.head(self.documents).select("docid", "cluster").sort("docid"))


class Equal(Sampling):
    """As many seeds of every cluster, at random inside it.

    A cluster with too few documents gives them all, and the others share what is left; with fewer
    seeds than clusters, the largest give one each.

    Paper: the k-means-random of Yu et al., "Diversify and Conquer", 2024, which loses the
    remainder of its division.
    """

    kind: Literal["equal"] = "equal"

    def choose(self, pool: Pool) -> Drawn:
        """Draw without replacement."""
        lots = uniform(self.seed, pool.documents["docid"])
        return Drawn(seeds=pool.best(lots, shared("equal", pool.sizes, self.documents)))
