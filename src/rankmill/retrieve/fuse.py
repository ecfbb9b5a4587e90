"""One list from several: by ranks alone, or by scores brought to one scale."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from rankmill.records import Ranking
from rankmill.spec import Spec

Weight = Annotated[float, Field(ge=0)]


class ReciprocalRanks(Spec):
    """A document scores the sum of weight / (k + rank) over the lists that it is in.

    Attributes:
        k: How little the very first ranks stand out.
        weights: How much each retriever counts, by name; 1 where nothing is said.

    Paper: Cormack, Clarke & Büttcher, "Reciprocal rank fusion outperforms Condorcet and
    individual rank learning methods", SIGIR 2009. Weights are not the paper's.
    """

    kind: Literal["rrf"] = "rrf"
    k: int = Field(default=60, ge=1)
    weights: dict[str, Weight] = Field(default_factory=dict)

    def __call__(self, lists: Mapping[str, Ranking]) -> Ranking:
        """Every docid of any list, best first; ties fall to docid order."""
        scores: defaultdict[str, float] = defaultdict(float)
        for name, ranking in lists.items():
            weight = self.weights.get(name, 1)
            for rank, docid in enumerate(ranking.docids, start=1):
                scores[docid] += weight / (self.k + rank)
        return Ranking.by_score(scores)


class Convex(Spec):
    """A document scores the weighted mean of its scores, each list brought to [0, 1] by itself.

    The best of a list scores 1 there and the last of it 0, as does what it has not.

    Attributes:
        weights: How much each retriever counts, by name; 1 where nothing is said.

    Paper: Bruch, Gai & Ingber, "An analysis of fusion functions for hybrid retrieval", TOIS 2023:
    it beats ranks, needs few examples to tune, and any sensible way of scaling will do.
    """

    kind: Literal["convex"] = "convex"
    weights: dict[str, Weight] = Field(default_factory=dict)

    def __call__(self, lists: Mapping[str, Ranking]) -> Ranking:
        """Every docid of any list, best first; ties fall to docid order."""
        weights = {name: self.weights.get(name, 1) for name in lists}
        scores: defaultdict[str, float] = defaultdict(float)
        for name, ranking in lists.items():
            for docid, score in zip(ranking.docids, _scaled(ranking.scores), strict=True):
                scores[docid] += score * weights[name] / (sum(weights.values()) or 1)
        return Ranking.by_score(scores)


Fusion = Annotated[Convex | ReciprocalRanks, Field(discriminator="kind")]


def _scaled(scores: Sequence[float]) -> list[float]:
    """Scores, highest first, spread from 1 down to 0; all 1 where they are all the same."""
    if not scores:
        return []
    high, low = scores[0], scores[-1]
    return [(score - low) / (high - low) if high > low else 1.0 for score in scores]
