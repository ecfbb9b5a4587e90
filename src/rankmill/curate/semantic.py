"""Semantic duplicates: documents whose vectors are nearly one."""

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from rankmill.space.cluster import SphericalKMeans
from rankmill.space.near import nearest_of
from rankmill.spec import Spec

_BLOCK = 1_024
_ROUNDS = 10  # of k-means: groups need not be topics

Rows = NDArray[np.intp]


class SemanticDuplicates(Spec):
    """Leave out a document whose vector is nearly that of an earlier one that stays.

    Up to `exact` documents, every pair is compared. Above, only documents of one group of k-means
    are, as many groups as the square root of the number of documents: near duplicates on two
    sides of a border stay. The first in the order of the corpus stays, and what is near it falls
    to it, so of two near documents one always stays.

    Attributes:
        similarity: From this cosine on, two documents are one.
        exact: Documents up to which every pair is compared.
        seed: Seed of the k-means.

    Paper: Abbas et al., "SemDeDup: Data-efficient learning at web-scale through semantic
    deduplication", 2023, which keeps of a group of duplicates the one farthest from its centroid;
    here the first stays, as with every other rule of duplicates.
    """

    kind: Literal["semdedup"] = "semdedup"
    similarity: float = Field(default=0.95, gt=0, le=1)
    exact: int = Field(default=50_000, ge=1)
    seed: int = 0

    def fallen(
        self, vectors: NDArray[np.float32], rows: Rows, *, threads: int = 0
    ) -> Mapping[int, tuple[int, float]]:
        """Rows that fall to an earlier one, which that is, and the cosine of the two.

        Args:
            vectors: Unit-length rows, shape (documents, dimensions); may be memory-mapped. Those
                of one group that stay are copied into memory, and no more.
            rows: Those that take part, ascending.
            threads: Threads of FAISS; 0 leaves the number as it is.
        """
        return {
            row: found
            for group in self._groups(vectors, rows, threads)
            for row, found in self._inside(vectors, group)
        }

    def _groups(self, vectors: NDArray[np.float32], rows: Rows, threads: int) -> Iterator[Rows]:
        if len(rows) <= self.exact:
            yield rows
            return
        number = round(len(rows) ** 0.5)
        kmeans = SphericalKMeans(clusters=number, iterations=_ROUNDS, seed=self.seed)
        names = pl.Series(rows).cast(pl.String)
        group = kmeans(names, vectors, rows=rows, threads=threads).table["cluster"].to_numpy()
        order = np.argsort(group, kind="stable")
        yield from np.split(rows[order], np.flatnonzero(np.diff(group[order])) + 1)

    def _inside(
        self, vectors: NDArray[np.float32], rows: Rows
    ) -> Iterator[tuple[int, tuple[int, float]]]:
        stay: list[int] = []
        bank = np.empty((len(rows), vectors.shape[1]), np.float32)  # of those that stay
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            mine = vectors[block]
            place, cosine = nearest_of(mine, bank[: len(stay)])
            before, among = len(stay), mine @ mine.T
            new: list[int] = []
            for number, row in enumerate(block.tolist()):
                found = int(place[number]), float(cosine[number])
                if new and (near := among[number, new]).max() > found[1]:
                    found = before + int(near.argmax()), float(near.max())
                if found[1] >= self.similarity:
                    yield row, (stay[found[0]], found[1])
                else:
                    bank[len(stay)] = mine[number]
                    stay.append(row)
                    new.append(number)
