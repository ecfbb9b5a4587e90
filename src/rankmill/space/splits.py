"""Which part of a dataset a topic belongs to."""

import math
from typing import Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from rankmill.errors import StageError
from rankmill.spec import Spec


class Splits(Spec):
    """Shares of the documents that train, validation and test get, in whole clusters.

    Every cluster goes to one split, with all its documents and the queries made from them.
    Candidates of a query are retrieved inside its own split only, so splits share no passage at
    all: not as a positive, not as a negative, and not as a near neighbour of either.

    Attributes:
        train: Share of the documents, above 0. The three shares sum to 1.
        validation: Share of the documents; 0 leaves the split out.
        test: Share of the documents; 0 leaves the split out.
        seed: Seed of the order in which clusters are dealt out.
    """

    train: float = Field(default=0.8, gt=0, le=1)
    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.1, ge=0, lt=1)
    seed: int = 0

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> Self:
        total = self.train + self.validation + self.test
        if not math.isclose(total, 1, abs_tol=1e-6):
            raise ValueError(f"train + validation + test should be 1, found {total:g}")
        return self

    def __call__(self, clusters: pl.DataFrame) -> pl.DataFrame:
        """Add the column `split` to a table with a column `cluster`.

        Clusters are dealt out in an order shuffled by the seed; each goes to the split that lacks
        most documents. Whatever the sizes, every split with a share gets a cluster.

        Raises:
            StageError: There are fewer clusters than splits with a share.
        """
        sizes = dict(clusters.group_by("cluster").len().sort("cluster").iter_rows())
        split_by_cluster = self._deal(sizes)
        return clusters.with_columns(
            pl.col("cluster")
            .replace_strict(split_by_cluster, return_dtype=pl.String)
            .alias("split")
        )

    def _deal(self, sizes: dict[int, int]) -> dict[int, str]:
        shares = {"train": self.train, "validation": self.validation, "test": self.test}
        documents = sum(sizes.values())
        missing = {name: share * documents for name, share in shares.items() if share > 0}
        if len(sizes) < len(missing):
            raise StageError(
                f"cluster: {len(missing)} splits ({', '.join(missing)}) need at least "
                f"{len(missing)} clusters, found {len(sizes)}"
            )
        order = np.random.default_rng(self.seed).permutation(list(sizes)).tolist()
        dealt: dict[int, str] = {}
        for left, cluster in zip(range(len(order), 0, -1), order, strict=True):
            empty = missing.keys() - dealt.values()
            open_to = [name for name in missing if len(empty) < left or name in empty]
            dealt[cluster] = max(open_to, key=missing.__getitem__)
            missing[dealt[cluster]] -= sizes[cluster]
        return dealt
