"""Which documents get queries."""

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from rankmill.sampling.allocation import allocate, apportion
from rankmill.sampling.at_random import Equal, Random
from rankmill.sampling.duqgen import DUQGen
from rankmill.sampling.farthest import Farthest
from rankmill.sampling.mmr import MMR
from rankmill.sampling.pool import Landscape, Pool
from rankmill.sampling.quality import Quality
from rankmill.sampling.refine import Refine
from rankmill.sampling.sampler import Drawn, Sampling
from rankmill.sampling.segments import deal
from rankmill.sampling.target import Target


def _kind(value: Any) -> Any:  # noqa: ANN401 - what TOML has, or a sampler
    """The kind that is named; without one, DUQGen."""
    return value.get("kind", "duqgen") if isinstance(value, dict) else getattr(value, "kind", None)


Sampler = Annotated[
    Annotated[DUQGen, Tag("duqgen")]
    | Annotated[Random, Tag("random")]
    | Annotated[Equal, Tag("equal")]
    | Annotated[Quality, Tag("quality")]
    | Annotated[MMR, Tag("mmr")]
    | Annotated[Farthest, Tag("farthest")]
    | Annotated[Target, Tag("target")]
    | Annotated[Refine, Tag("refine")],
    Discriminator(_kind),
]

__all__ = [
    "MMR",
    "DUQGen",
    "Drawn",
    "Equal",
    "Farthest",
    "Landscape",
    "Pool",
    "Quality",
    "Random",
    "Refine",
    "Sampler",
    "Sampling",
    "Target",
    "allocate",
    "apportion",
    "deal",
]
