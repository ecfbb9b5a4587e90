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
    bands: Sequence[Band],
    rankings: Mapping[str, Sequence[str]],
    *,
    sources: Sequence[str] = (),
    seed: str,
) -> list[str]:
    """Docids of all bands, one band after another, each in the order of its ranks.

    Ranks are those among the documents that are no sources. A source stands where it was found,
    if that is within a band, and takes nobody's place. A document that an earlier band took is no
    part of a later one, whose chance draws are of the others.

    Args:
        bands: Say how many of which ranks.
        rankings: Docids by retriever, best first.
        sources: What is known to answer the query.
        seed: The same draws come of the same seed.

    Papers: Cai et al., "ERank", 2025 (10 of 1-10, 4 of 11-100, 4 of 101-1000); "GroupRank", 2025
    (10 of 1-10, 40 of 11-200); Chandradevan et al., "DUQGen", NAACL 2024 (4 of 93-96).
    """
    taken: dict[str, None] = {}
    for number, band in enumerate(bands):
        within = _within(rankings.get(band.retriever, ()), band.ranks, sources)
        left = [docid for docid in within if docid not in taken and docid not in sources]
        if len(left) > band.take:
            left = Random(f"{seed}/{number}").sample(left, band.take)
        chosen = {*left, *sources}
        taken |= dict.fromkeys(docid for docid in within if docid in chosen)
    return list(taken)


def _within(ranking: Sequence[str], ranks: tuple[int, int], sources: Sequence[str]) -> list[str]:
    """What stands between two ranks, where a source has the rank of the next that is none."""
    first, last, within = *ranks, list[str]()
    rank = 1
    for docid in ranking:
        if first <= rank <= last:
            within.append(docid)
        rank += docid not in sources
    return within


def with_sources(docids: Sequence[str], sources: Sequence[str], *, most: int) -> list[str]:
    """The list with its sources in it: at the end where they are missing.

    Where the list is full, the last of the others make room.
    """
    missing = [source for source in sources if source not in docids]
    surplus = max(0, len(docids) + len(missing) - most)
    others = [docid for docid in docids if docid not in sources]
    dropped = set(others[max(0, len(others) - surplus) :])
    return [docid for docid in docids if docid not in dropped] + missing
