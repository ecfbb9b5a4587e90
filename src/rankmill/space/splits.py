"""Which part of a dataset a topic belongs to."""

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

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
        by: What is dealt out whole: `clusters`, or `documents` with all passages of each. By
            documents, splits still share no passage, but a passage may have near neighbours in
            another split; it is for corpora without topics, such as the control arm of one
            cluster.
        seed: Seed of the order in which clusters are dealt out.
    """

    train: float = Field(default=0.8, gt=0, le=1)
    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.1, ge=0, lt=1)
    by: Literal["clusters", "documents"] = "clusters"
    seed: int = 0

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> Self:
        total = self.train + self.validation + self.test
        if not math.isclose(total, 1, abs_tol=1e-6):
            raise ValueError(f"train + validation + test should be 1, found {total:g}")
        return self

    def __call__(self, clusters: pl.DataFrame, parents: pl.DataFrame) -> pl.DataFrame:
        """Add the column `split` to a table with columns docid and cluster.

        What is dealt out is shuffled by the seed; each goes to the split that lacks most
        documents. Whatever the sizes, every split with a share gets something.

        Args:
            clusters: Of every document that is to be in a split.
            parents: Columns docid and parent (null where a document is not a passage of another),
                of these documents at least.

        Raises:
            StageError: There are fewer clusters, or documents, than splits with a share.
        """
        whole = pl.col("cluster")
        if self.by == "documents":
            clusters = clusters.join(parents, on="docid", how="left", maintain_order="left")
            whole = pl.coalesce("parent", "docid")
        sizes = dict(clusters.group_by(whole.alias("whole")).len().sort("whole").iter_rows())
        split = whole.replace_strict(self._deal(sizes), return_dtype=pl.String).alias("split")
        return clusters.with_columns(split).drop("parent", strict=False)

    def refusal(self, number: int) -> str:
        """Why so many clusters, or documents, cannot be dealt out; empty where they can."""
        shares = self._shares
        if number >= len(shares):
            return ""
        said = (
            f"{len(shares)} splits ({', '.join(shares)}) need at least {len(shares)} {self.by}, "
            f"found {number}"
        )
        other = '; splits.by = "documents" deals out documents instead'
        return said + other if self.by == "clusters" else said

    @property
    def _shares(self) -> dict[str, float]:
        shares = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: share for name, share in shares.items() if share > 0}

    def _deal(self, sizes: Mapping[Any, int]) -> dict[Any, str]:
        documents = sum(sizes.values())
        missing = {name: share * documents for name, share in self._shares.items()}
        if len(sizes) < len(missing):
            raise StageError(f"cluster: {self.refusal(len(sizes))}")
        names, order = list(sizes), np.random.default_rng(self.seed).permutation(len(sizes))
        empty, dealt = set(missing), dict[Any, str]()
        for left, place in zip(range(len(names), 0, -1), order.tolist(), strict=True):
            open_to = [name for name in missing if len(empty) < left or name in empty]
            split = max(open_to, key=missing.__getitem__)
            dealt[names[place]] = split
            missing[split] -= sizes[names[place]]
            empty.discard(split)
        return dealt
