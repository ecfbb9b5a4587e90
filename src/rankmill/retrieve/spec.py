"""How candidates are found: the recipe's `[retrieve]`."""

from collections import Counter
from typing import Self

from pydantic import Field, model_validator

from rankmill.retrieve.bands import FUSED, Band
from rankmill.retrieve.bm25 import BM25
from rankmill.retrieve.fuse import Convex, Fusion
from rankmill.retrieve.given import GivenLists
from rankmill.retrieve.search import Exact, Search
from rankmill.screen.round_trip import RoundTrip
from rankmill.space import Embedder
from rankmill.spec import Spec

GIVEN = "given"
_TAKEN = ("bm25", "dense", FUSED, GIVEN, "both", "several", "random", "source", "any")


class Further(Spec):
    """A further dense retriever, beside that of the recipe's own vectors.

    Attributes:
        name: What tables, bands, weights and filters call it.
        embed: Its embedding model; its vectors of the corpus are made once, and kept.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    embed: Embedder


class Retrieval(Spec):
    """BM25 and dense search, fused, and what of the found is listed.

    Attributes:
        depth: Length of a candidate list, its source included.
        pool: How many documents each retriever finds, at least `depth`.
        fusion: How the retrievers' lists become one. BM25 counts half as much as a dense
            retriever, for every corpus: with cranfield, medline and xquad_r_en any share of 0.5 to
            0.85 for the dense one was better than either alone (bench/retrieval.py).
        bm25: Parameters of the lexical retriever.
        search: How vectors are searched.
        further: More dense retrievers.
        given: Lists that the user brings: the candidates are the best of these, unless bands say
            otherwise; of a query without a list, those of the fusion. They are no part of it.
        bands: What ranks the listed come from; without any, from the first of the fusion.
        random: How many documents of the split that no retriever found are listed at the end.
        round_trip: Whether a query is kept whose source is not found by it.
        seed: Of all draws; every query draws by itself.
    """

    depth: int = Field(default=20, ge=2)
    pool: int = Field(default=100, ge=2)
    fusion: Fusion = Convex(weights={"bm25": 0.5})
    bm25: BM25 = BM25()
    search: Search = Exact()
    further: tuple[Further, ...] = ()
    given: GivenLists | None = None
    bands: tuple[Band, ...] = ()
    random: int = Field(default=0, ge=0)
    round_trip: RoundTrip | None = None
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        names = Counter([*_TAKEN, *(one.name for one in self.further)])
        if repeated := [name for name, times in names.items() if times > 1]:
            raise ValueError(f"further: the name {repeated[0]} is taken")
        known = [*self.retrievers, FUSED, *([GIVEN] if self.given else [])]
        named = {f"bands.{n}.retriever": band.retriever for n, band in enumerate(self.bands)}
        if self.round_trip and self.round_trip.by != "any":
            named["round_trip.by"] = self.round_trip.by
        for where, name in named.items():
            if name not in known:
                raise ValueError(f"{where}: no retriever {name}; expected {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def _weights_are_of_retrievers(self) -> Self:
        weights = self.fusion.weights
        if odd := sorted(weights.keys() - set(self.retrievers)):
            expected = ", ".join(self.retrievers)
            raise ValueError(f"fusion.weights.{odd[0]}: no retriever {odd[0]}; expected {expected}")
        if not any(weights.get(name, 1) for name in self.retrievers):
            raise ValueError("fusion.weights: all are 0; expected one above 0")
        return self

    @model_validator(mode="after")
    def _pools_fill_a_list(self) -> Self:
        if self.pool < self.depth:
            raise ValueError(f"pool {self.pool} cannot fill lists of depth {self.depth}")
        if self.round_trip and self.round_trip.within > self.pool:
            raise ValueError(
                f"round_trip.within {self.round_trip.within:,} needs a pool of at least as many, "
                f"found {self.pool:,}"
            )
        for number, band in enumerate(self.bands):
            if band.retriever != GIVEN and band.ranks[1] > self.pool:
                raise ValueError(
                    f"bands.{number}: rank {band.ranks[1]:,} needs a pool of at least as many, "
                    f"found {self.pool:,}"
                )
        taken = sum(band.take for band in self.bands) or 2
        if taken + self.random > self.depth:
            what = f"{taken} of the bands and {self.random} random" if self.bands else "random"
            raise ValueError(f"depth {self.depth} has no room for {what}")
        return self

    @property
    def retrievers(self) -> tuple[str, ...]:
        """Who searches for itself, by name."""
        return "bm25", "dense", *(one.name for one in self.further)

    def all_bands(self, *, given: bool) -> tuple[Band, ...]:
        """The bands, or the one that stands for none: of the list given for a query, if one is."""
        most = self.depth - self.random
        who = GIVEN if given else FUSED
        return self.bands or (Band(ranks=(1, most), take=most, retriever=who),)
