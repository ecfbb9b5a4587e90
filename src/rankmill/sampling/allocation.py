"""How many seeds every cluster gives."""

from collections.abc import Mapping
from math import floor
from typing import Literal

from rankmill.errors import StageError

Share = Literal["proportional", "equal"]
"""Clusters give seeds by their sizes (`allocate`), or all alike (`apportion`)."""


def shared(share: Share, sizes: Mapping[int, int], seeds: int) -> dict[int, int]:
    """Share `seeds` among clusters of these sizes.

    Raises:
        StageError: There are fewer seeds than clusters, which proportional shares need.
    """
    if share == "proportional":
        return allocate(sizes, seeds)
    return apportion(seeds, dict.fromkeys(sizes, 1.0), sizes)


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

    Paper: Chandradevan, Dhole & Agichtein, "DUQGen", NAACL 2024; its code adds one to every
    cluster when rounding leaves nothing.
    """
    documents, spare = sum(sizes.values()), seeds - len(sizes)
    if spare < 0:
        raise StageError(
            f"sample: {seeds:,} seeds cannot cover {len(sizes):,} clusters: let sample.documents "
            f"be at least {len(sizes):,}, or cluster.clusters at most {seeds:,}"
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


def apportion(seeds: int, weights: Mapping[int, float], sizes: Mapping[int, int]) -> dict[int, int]:
    """Share `seeds` among clusters in proportion to weights.

    A cluster whose share exceeds its documents gives them all, and the others share the rest. What
    rounding down leaves goes to the largest remainders, one each (ties: the larger cluster, then
    the lower number).

    Args:
        seeds: At most the documents of the clusters with a weight.
        weights: By cluster, at least 0; a cluster of weight 0 gives nothing.
        sizes: Documents, by cluster.

    Returns:
        Seeds per cluster, which sum to `seeds`; none exceeds the cluster's size.

    Raises:
        ValueError: There are fewer documents than seeds.
    """
    open_to = {cluster: weight for cluster, weight in weights.items() if weight > 0}
    if sum(sizes[cluster] for cluster in open_to) < seeds:
        raise ValueError(f"clusters with a weight cannot give {seeds} seeds")
    share = {cluster: seeds * w / sum(open_to.values()) for cluster, w in open_to.items()}
    used_up = {cluster: sizes[cluster] for cluster in open_to if share[cluster] >= sizes[cluster]}
    if used_up:
        rest = {cluster: w for cluster, w in weights.items() if cluster not in used_up}
        return used_up | apportion(seeds - sum(used_up.values()), rest, sizes)
    given = {cluster: floor(share.get(cluster, 0.0)) for cluster in weights}
    by_remainder = sorted(open_to, key=lambda one: (given[one] - share[one], -sizes[one], one))
    for cluster in by_remainder[: seeds - sum(given.values())]:
        given[cluster] += 1
    return given
