"""Which of the found are listed: so many of these ranks, so many of those."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Self

from pydantic import Field, model_validator

from rankmill.spec import Spec

FUSED = "fused"
"""What the fusion of all retrievers is called, where a retriever is named."""


class Band(Spec):
    """Some of the documents that stand in a range of ranks.

    Attributes:
        ranks: The first rank and the last, from 1.
        take: How many of them: drawn by chance where there are more, all where there are fewer.
        retriever: Whose ranks: `fused`, `bm25`, `dense`, `given`, or a further retriever.
    """

    ranks: tuple[int, int]
    take: int = Field(ge=1)
    retriever: str = FUSED

    @model_validator(mode="after")
    def _holds_as_many(self) -> Self:
        first, last = self.ranks
        if not 1 <= first <= last:
            raise ValueError(f"ranks {first} to {last}: expected a first and a last, from 1")
        if self.take > last - first + 1:
            raise ValueError(f"take {self.take}: ranks {first} to {last} are {last - first + 1}")
        return self


def composed(
    bands: Sequence[Band], rankings: Mapping[str, Sequence[str]], *, seed: str
) -> list[str]:
    """Docids of all bands, one band after another, each in the order of its ranks.

    A document that an earlier band took is no part of a later one, whose chance draws are of the
    others.

    Args:
        bands: Say how many of which ranks.
        rankings: Docids by retriever, best first.
        seed: The same draws come of the same seed.

    Papers: Cai et al., "ERank", 2025 (10 of 1-10, 4 of 11-100, 4 of 101-1000); "GroupRank", 2025
    (10 of 1-10, 40 of 11-200); Chandradevan et al., "DUQGen", NAACL 2024 (4 of 93-96).
    """
    taken: dict[str, None] = {}
    for number, band in enumerate(bands):
        first, last = band.ranks
        ranking = rankings.get(band.retriever, ())
        left = [docid for docid in ranking[first - 1 : last] if docid not in taken]
        if len(left) > band.take:
            places = Random(f"{seed}/{number}").sample(range(len(left)), band.take)
            left = [left[place] for place in sorted(places)]
        taken |= dict.fromkeys(left)
    return list(taken)


def with_sources(docids: Sequence[str], sources: Sequence[str], *, most: int) -> list[str]:
    """The list with its sources in it: at the end where they are missing.

    Where the list is full, the last of the others make room.
    """
    missing = [source for source in sources if source not in docids]
    surplus = max(0, len(docids) + len(missing) - most)
    others = [docid for docid in docids if docid not in sources]
    dropped = set(others[len(others) - surplus :])
    return [docid for docid in docids if docid not in dropped] + missing
