"""Seed documents that cover the corpus: some from every topic, the typical ones first."""

import hashlib
from collections.abc import Mapping
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field

from rankmill.errors import StageError
from rankmill.spec import Spec


class DUQGen(Spec):
    """Cluster-proportional allocation, then a softmax draw inside every cluster.

    Attributes:
        documents: How many seeds to draw; at least one per cluster.
        temperature: Divides the cosine to the centroid before the softmax. Cosines of one cluster
            differ by a few tenths, so the paper's 1.0 draws almost evenly; 0.05 favours documents
            near the centroid clearly.
        min_chars: A shorter document is no seed. The paper's 300 suits articles; passages and
            docstrings need less.
        seed: Seed of the draw.

    Paper: Chandradevan, Dhole & Agichtein, "DUQGen", NAACL 2024. Deviations: documents are held
    back by length after clustering rather than before; one draw stands for five pooled draws cut
    by maximal marginal relevance, which at the paper's lambda of 1 has no diversity term; and the
    leftover of rounding is spread by size until it is used up, so that the number of seeds is
    exact in the cases where the released code adds one everywhere or too few.
    """

    kind: Literal["duqgen"] = "duqgen"
    documents: int = Field(ge=1)
    temperature: float = Field(default=1.0, gt=0)
    min_chars: int = Field(default=100, ge=0)
    seed: int = 0

    def __call__(self, clusters: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
        """Draw the seeds.

        The draw is Gumbel top-k, with noise that depends on the seed and the docid alone: it is
        the softmax without replacement, whatever the order of the rows.

        Args:
            clusters: Columns docid, cluster and similarity.
            documents: Columns docid and text.

        Returns:
            The seeds table: docid and cluster, sorted by docid.

        Raises:
            StageError: Fewer documents are long enough than seeds are asked for, or fewer seeds
                are asked for than there are clusters.
        """
        long = documents.filter(pl.col("text").str.len_chars() >= self.min_chars)
        eligible = clusters.join(long.select("docid"), on="docid", how="semi")
        if len(eligible) < self.documents:
            raise StageError(
                f"sample: {self.documents:,} seeds asked for, but only {len(eligible):,} documents "
                f"have {self.min_chars:,} characters"
            )
        sizes = dict(eligible.group_by("cluster").len().sort("cluster").iter_rows())
        wanted = pl.col("cluster").replace_strict(allocate(sizes, self.documents))
        return (
            eligible.with_columns(key=self._keys(eligible))
            .sort("cluster", "key", "docid", descending=[False, True, False])
            .filter(pl.int_range(pl.len()).over("cluster") < wanted)
            .select("docid", "cluster")
            .sort("docid")
        )

    def _keys(self, eligible: pl.DataFrame) -> pl.Series:
        """The logit of every document plus standard Gumbel noise."""
        uniform = np.array([_uniform(f"{self.seed}\n{docid}") for docid in eligible["docid"]])
        logits = eligible["similarity"].to_numpy().astype(np.float64) / self.temperature
        return pl.Series(logits - np.log(-np.log(uniform)))


def allocate(sizes: Mapping[int, int], seeds: int) -> dict[int, int]:
    """Share `seeds` among clusters: one each, the rest in proportion to their sizes.

    A cluster c of |c| documents, K clusters, C documents in all, gets 1 + floor((seeds - K)|c|/C);
    what rounding leaves goes to the largest clusters, one each (ties: the lower cluster first),
    passing over clusters that are used up, as often as it takes.

    Args:
        sizes: Documents per cluster, each at least 1.
        seeds: At least the number of clusters, at most the number of documents.

    Returns:
        Seeds per cluster, which sum to `seeds`; none exceeds the cluster's size.

    Raises:
        StageError: There are fewer seeds than clusters.
        ValueError: There are fewer documents than seeds.
    """
    documents, spare = sum(sizes.values()), seeds - len(sizes)
    if spare < 0:
        raise StageError(
            f"sample: {seeds:,} seeds cannot cover {len(sizes):,} clusters: ask for at least "
            f"{len(sizes):,} documents, or at most {seeds:,} clusters"
        )
    if documents < seeds:
        raise ValueError(f"{documents} documents cannot give {seeds} seeds")
    given = {cluster: 1 + spare * size // documents for cluster, size in sizes.items()}
    largest_first = sorted(sizes, key=lambda cluster: (-sizes[cluster], cluster))
    left = seeds - sum(given.values())
    while left:
        roomy = [cluster for cluster in largest_first if given[cluster] < sizes[cluster]]
        for cluster in roomy[:left]:
            given[cluster] += 1
        left = seeds - sum(given.values())
    return given


def _uniform(text: str) -> float:
    """A number in (0, 1), never either, fixed by the text."""
    word = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    return ((word >> 12) + 0.5) / 2**52
