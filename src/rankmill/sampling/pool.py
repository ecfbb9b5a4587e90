"""What seeds are drawn from."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.space import cosines

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Embeds queries as unit-length rows, shape (queries, dimensions)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landscape:
    """Where the documents lie, and what a sampler may look up besides.

    Attributes:
        clusters: Columns docid, cluster and similarity, of every document that has a cluster.
        vectors: Unit-length rows of the whole corpus, shape (documents, dimensions); may be
            memory-mapped.
        encode: Embeds queries in the same space.
        base: Folder that the paths of a recipe are relative to.
        quality: Columns docid and score, where the build judged the quality of its documents.
        evaluation: Folders of the collections that the dataset is evaluated on.
    """

    clusters: pl.DataFrame
    vectors: NDArray[np.float32]
    encode: Encode
    base: Path = Path()
    quality: pl.DataFrame | None = None
    evaluation: Sequence[Path] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The documents that may become seeds.

    Attributes:
        documents: Columns docid, cluster, similarity (to the centroid), chars, and row (of the
            vectors), sorted by row.
        space: Where they lie.
    """

    documents: pl.DataFrame
    space: Landscape

    @classmethod
    def of(cls, documents: Path, space: Landscape, *, min_chars: int) -> Self:
        """Every document of a cluster that is long enough.

        Args:
            documents: File of DOCUMENTS, row by row with the vectors. It is streamed: of the
                texts, their lengths alone are in memory.
            space: Where they lie.
            min_chars: Of the text; a shorter document is no seed.
        """
        lengths = (
            pl.scan_parquet(documents)
            .select("docid", chars=pl.col("text").str.len_chars())
            .with_row_index("row")
            .filter(pl.col("chars") >= min_chars)
            .collect(engine="streaming")
        )
        where = space.clusters.select("docid", "cluster", "similarity")
        long = lengths.join(where, on="docid")
        return cls(documents=long.sort("row"), space=space)

    def __len__(self) -> int:
        """How many they are."""
        return len(self.documents)

    @property
    def sizes(self) -> dict[int, int]:
        """Documents in every cluster that has any, by cluster, ascending."""
        return dict(self.documents.group_by("cluster").len().sort("cluster").iter_rows())

    @property
    def rows(self) -> NDArray[np.intp]:
        """Their rows of the vectors, ascending."""
        return self.documents["row"].to_numpy().astype(np.intp)

    def cosines(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosines to points, shape (documents, points)."""
        return cosines(self.space.vectors, self.rows, points)

    def only(self, condition: pl.Expr) -> Self:
        """Those that meet a condition on the columns."""
        return replace(self, documents=self.documents.filter(condition))

    def best(self, scores: NDArray[np.float64], wanted: dict[int, int]) -> pl.DataFrame:
        """Those of the highest scores, so many of each cluster; equal scores by docid."""
        number = pl.col("cluster").replace_strict(wanted, default=0)
        return (
            self.documents.with_columns(score=pl.Series(scores))
            .sort("cluster", "score", "docid", descending=[False, True, False])
            .filter(pl.int_range(pl.len()).over("cluster") < number)
            .select("docid", "cluster")
            .sort("docid")
        )


def uniform(seed: int, docids: Iterable[str], *, of: str = "") -> NDArray[np.float64]:
    """Numbers in (0, 1), never either, each fixed by the seed, the docid and `of` alone.

    Args:
        seed: Of the recipe; often the same in every stage.
        docids: One number for each.
        of: What is drawn, if not seeds: draws of different things know nothing of each other.
    """
    keys = (f"{seed}\n{of}{docid}".encode() for docid in docids)
    words = (int.from_bytes(hashlib.sha256(key).digest()[:8]) for key in keys)
    return np.array([((word >> 12) + 0.5) / 2**52 for word in words], np.float64)


def gumbel(seed: int, docids: Iterable[str], *, of: str = "") -> NDArray[np.float64]:
    """Standard Gumbel noise: the k highest of logits plus noise are a softmax draw of k.

    Paper: Kool et al., "Stochastic Beams and Where to Find Them", 2019 (Gumbel top-k).
    """
    noise: NDArray[np.float64] = -np.log(-np.log(uniform(seed, docids, of=of)))
    return noise
