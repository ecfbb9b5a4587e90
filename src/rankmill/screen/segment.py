"""Whether a query for one part of a document is answered by that part alone."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from rankmill.screen.pair import Pair, Tools, Use, Verdict
from rankmill.screen.scorers import Asked, Scorer, Unread
from rankmill.space import Embedder
from rankmill.spec import Spec

_PARTS = 3


class OnlyThere(Spec):
    """Keep queries that their target segment answers better than any other part does.

    For every scorer the margin is the score of the target less the highest score of the other
    parts; the least margin of all scorers must reach `delta`. The scale of `delta` is that of the
    scores, so several scorers should share one: probabilities of yes and cosines run from 0 or
    -1 to 1, grades to their highest, and mean log-likelihoods are in nats a token. Queries that no
    segment was asked for are kept.

    Attributes:
        scorers: Who scores.
        delta: Least margin. The paper's 0.3 is for rerankers' scores after a sigmoid, which
            `pointwise` comes closest to.

    Paper: "Is Position Bias in Dense Retrievers Built In or Learned from Data?", 2026; of
    queries aimed at a segment 16 % stood this test there.
    """

    by_words: ClassVar[bool] = False

    kind: Literal["only_there"] = "only_there"
    scorers: tuple[Scorer, ...] = Field(min_length=1)
    delta: float = 0.3

    @property
    def uses(self) -> tuple[Use, ...]:
        """The teachers that are asked, once for every part."""
        found = (scorer.use("only_there", calls=_PARTS) for scorer in self.scorers)
        return tuple(use for use in found if use)

    @property
    def embedders(self) -> tuple[Embedder, ...]:
        """The models that scorers bring."""
        return tuple(one for scorer in self.scorers for one in scorer.embedders)

    def __call__(self, pairs: Sequence[Pair], tools: Tools) -> Iterator[Verdict | None]:
        """Judge each query by its segments."""
        judged = [list(self._margins(scorer, pairs, tools)) for scorer in self.scorers]
        for margins in zip(*judged, strict=True):
            yield self._verdict(margins)

    def _verdict(self, margins: Sequence["_Margin | Unread | None"]) -> Verdict | None:
        for margin in margins:
            if isinstance(margin, Unread):
                return "not_judged", margin.detail
        read = [margin for margin in margins if isinstance(margin, tuple)]
        least = min(read, default=None)
        if least is None or least[0] >= self.delta:
            return None
        return "answered_elsewhere", f"margin {least[0]:.3f} < {self.delta} of {least[1]}"

    def _margins(
        self, scorer: Scorer, pairs: Sequence[Pair], tools: Tools
    ) -> Iterator["_Margin | Unread | None"]:
        asked: list[Asked] = []
        for pair in pairs:
            asked += [(pair.text, part) for part in _parts(pair)]
        scores = iter(scorer.scores(asked, tools))
        for pair in pairs:
            yield _margin(scorer.label(tools), [next(scores) for _ in _parts(pair)])


_Margin = tuple[float, str]


def _parts(pair: Pair) -> tuple[str, ...]:
    """Target and others; nothing where there is nothing to tell apart."""
    return (pair.target, *pair.others) if pair.target and pair.others else ()


def _margin(label: str, scores: Sequence[float | Unread]) -> _Margin | Unread | None:
    for score in scores:
        if isinstance(score, Unread):
            return Unread(detail=f"{label}: {score.detail}")
    read = [score for score in scores if isinstance(score, float)]
    if not read:
        return None
    target, *others = read
    said = f"{label} ({target:.3f} here, {max(others):.3f} in another part)"
    return target - max(others), said
