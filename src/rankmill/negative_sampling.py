"""Which of the documents that may be negatives are taken: each sampler is a key, lowest first."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rankmill.spec import Spec

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Words = NDArray[np.uint64]


class Top(Spec):
    """The hardest first.

    Paper: Moreira et al., "NV-Retriever: Improving text embedding models with effective
    hard-negative mining", 2024 (Top-K).
    """

    kind: Literal["top"] = "top"

    def sort_keys(self, places: Ints, scores: Floats, draws: Floats) -> Floats:
        """The places themselves."""
        del scores, draws
        return places.astype(np.float64)


class Stride(Spec):
    """Every `step`-th survivor, then the ones after those, until enough are taken.

    Paper: Gu et al., "UniME-V2: MLLM-as-a-Judge for Universal Multimodal Embedding Learning", AAAI
    2026 (cyclical sampling with step 5).
    """

    kind: Literal["stride"] = "stride"
    step: int = Field(default=5, ge=1)

    def sort_keys(self, places: Ints, scores: Floats, draws: Floats) -> Floats:
        """With step 5: 0, 5, 10, ... come before 1, 6, 11, ..."""
        del scores, draws
        rounds, turns = np.divmod(places, self.step)
        return np.asarray(turns + rounds / (places.max(initial=0) + 1.0))


class Random(Spec):
    """Every survivor is as likely as any other."""

    kind: Literal["random"] = "random"

    def sort_keys(self, places: Ints, scores: Floats, draws: Floats) -> Floats:
        """The draws themselves."""
        del places, scores
        return draws


class ByScore(Spec):
    """Without replacement, the likelier the nearer: in proportion to exp(score / temperature).

    A Gumbel variable is added to each logarithm and the largest are taken (Kool et al.,
    "Stochastic Beams and Where to Find Them", ICML 2019). NV-Retriever samples its top-k by score
    without saying how; the temperature is ours.
    """

    kind: Literal["score"] = "score"
    temperature: float = Field(default=0.05, gt=0)

    def sort_keys(self, places: Ints, scores: Floats, draws: Floats) -> Floats:
        """Disturbed scores, highest first."""
        del places
        return -(scores / self.temperature - np.log(-np.log(draws)))


Sampling = Annotated[Top | Stride | Random | ByScore, Field(discriminator="kind")]


def taken(sampler: Sampling, left: NDArray[np.bool_], scores: Floats, draws: Floats) -> Floats:
    """Keys of the documents that are left, infinite elsewhere.

    Args:
        sampler: Says what comes first.
        left: Which documents may be taken, best first, shape (queries, documents).
        scores: Theirs, higher is nearer.
        draws: One number in (0, 1) for each.
    """
    places = np.where(left, left.cumsum(axis=1) - 1, 0)
    return np.where(left, sampler.sort_keys(places, scores, draws), np.inf)


def mixed(seed: int, *parts: Words) -> Words:
    """64 bits for every combination of parts, as good as random: splitmix64, part by part.

    They depend on nothing else, so neither the order of queries nor who else is there changes
    what one of them draws. Parts are broadcast against each other.
    """
    state = np.asarray(seed, np.uint64)
    with np.errstate(over="ignore"):  # arithmetic is modulo 2 ** 64 on purpose
        for part in parts:
            state = (state ^ part) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return state


def uniform(words: Words) -> NDArray[np.float64]:
    """Words as numbers in (0, 1), neither end included."""
    return ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
