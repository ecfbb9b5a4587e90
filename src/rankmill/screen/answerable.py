"""Whether a query's own document answers it."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from rankmill.screen.pair import Pair, Tools, Use, Verdict
from rankmill.screen.scorers import Judge, Nearness, Unread


class Answerable(Judge):
    """Keep queries that a teacher holds answered by their source.

    A teacher of a few billion parameters tells more by `strategy = { kind = "likelihood" }` with
    `gain` than by its probability of yes: on 20 questions of CoSQA a Qwen2.5-Coder-1.5B put their
    own function above another one's with an AUC of 1.00 against 0.93, and above that of a near
    miss, found by BM25, with 0.88 against 0.77.

    With `strategy = { kind = "likelihood" }` and `best = 10000` this is the filter of InPars,
    but for whose probability it is: theirs is that of the query as it was generated, after
    worked examples; ours is read from any teacher after the document alone, also of a query that
    a person wrote. With a grade it is that of its second version, a reranker's score.

    Attributes:
        at_least: Lowest score kept, on the strategy's scale; None to go by `best` alone.
        best: So many queries of the build are kept at most, those with the highest scores; of
            equals, the ones that come first.

    Papers: Bonifacio et al., "InPars", SIGIR 2022; Jeronymo et al., "InPars-v2", 2023.
    """

    by_words: ClassVar[bool] = False

    kind: Literal["answerable"] = "answerable"
    at_least: float | None = None
    best: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def bound_is_there(self) -> Self:
        """Refuse a screen that lets everything through."""
        if self.at_least is None and self.best is None:
            raise ValueError("expected at_least, best or both")
        return self

    @property
    def uses(self) -> tuple[Use, ...]:
        """The teacher that is asked."""
        return (self.use("answerable"),)

    def __call__(self, pairs: Sequence[Pair], tools: Tools) -> Iterator[Verdict | None]:
        """Judge each query by its source; one without a source is kept."""
        plain = self.strategy.kind == "likelihood" and not self.gain
        rule = "unlikely" if plain else "not_answerable"
        scores, label = _scores(self, pairs, tools), self.label(tools)
        read = [(at, score) for at, score in scores.items() if isinstance(score, float)]
        place = {at: n for n, (at, _) in enumerate(sorted(read, key=lambda one: -one[1]), 1)}
        for at in range(len(pairs)):
            score = scores.get(at)
            if isinstance(score, Unread):
                yield "not_judged", f"{label}: {score.detail}"
            elif score is None:
                yield None
            elif self.at_least is not None and score < self.at_least:
                yield rule, f"{label} {score:.3f} < {self.at_least}"
            elif self.best is not None and place[at] > self.best:
                yield rule, f"{label} {score:.3f}, place {place[at]:,} > {self.best:,}"
            else:
                yield None


class NearSource(Nearness):
    """Keep queries whose cosine to their source reaches a bound.

    Attributes:
        at_least: Lowest cosine kept. Every model has its own scale: of 30 sound queries 4 reached
            0.7 by all-MiniLM-L6-v2, and 27 reached 0.5.

    Paper: Zhang et al., "Qwen3 Embedding", 2025, keeps pairs above 0.7; it does not say by which
    model.
    """

    by_words: ClassVar[bool] = False
    uses: ClassVar[tuple[Use, ...]] = ()

    kind: Literal["near_source"] = "near_source"
    at_least: float = Field(default=0.7, ge=-1, le=1)

    def __call__(self, pairs: Sequence[Pair], tools: Tools) -> Iterator[Verdict | None]:
        """Judge each query by its source; one without a source is kept."""
        scores, label = _scores(self, pairs, tools), self.label(tools)
        for at in range(len(pairs)):
            score = scores.get(at)
            if isinstance(score, float) and score < self.at_least:
                yield "far_from_source", f"{label} {score:.3f} < {self.at_least}"
            else:
                yield None


def _scores(
    scorer: Judge | Nearness, pairs: Sequence[Pair], tools: Tools
) -> dict[int, float | Unread]:
    """The score of every pair that has a document, by its place."""
    places = [at for at, pair in enumerate(pairs) if pair.document]
    asked = [(pairs[at].text, pairs[at].document) for at in places]
    return dict(zip(places, scorer.scores(asked, tools), strict=True))
