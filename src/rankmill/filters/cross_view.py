"""Consistency of one view's order with another view's relevant documents."""

from collections.abc import Sequence, Set
from math import log2
from typing import Literal, Self

from pydantic import Field, model_validator

from rankmill.filters.labelled import LabelledList
from rankmill.records import Rejection
from rankmill.spec import Spec


def ndcg(order: Sequence[str], relevant: Set[str], *, k: int = 10) -> float:
    """nDCG@k of an order under binary relevance, in [0, 1]; 0 when nothing is relevant.

    Gain 1, discount log2(rank + 1), ideal truncated at k, as in pytrec_eval's `ndcg_cut`.
    """
    gain = sum(1 / log2(i + 2) for i, docid in enumerate(order[:k]) if docid in relevant)
    ideal = _ideal(len(relevant), k)
    return gain / ideal if ideal else 0.0


def ndcg_by_chance(depth: int, relevant: int, *, k: int = 10) -> float:
    """Expected nDCG@k of a random order of `depth` documents, `relevant` of them relevant."""
    ideal = _ideal(relevant, k)
    return relevant / depth * _ideal(min(k, depth), k) / ideal if ideal else 0.0


def _ideal(relevant: int, k: int) -> float:
    return sum(1 / log2(i + 2) for i in range(min(relevant, k)))


class CrossView(Spec):
    """Reject a list when one view's order does not put first what another view holds relevant.

    The order's nDCG@k is taken against a set of relevant documents: those that the view
    `relevant` scores at `cut` or more, or its `top` best; with `relevant = "source"`, the document
    that the query was written for, and the second that it needs. There a list is kept if nobody
    knows any.

    Paper: Liu et al., "ReasonRank: Empowering Passage Ranking with Strong Reasoning Ability", 2025
    (alpha 0.4, k 10). On short lists chance alone passes that threshold: `corrected` compares
    (nDCG - chance) / (1 - chance) instead, which the paper does not.
    """

    kind: Literal["cross_view"] = "cross_view"
    order: str
    relevant: str
    cut: float | None = None
    top: int | None = Field(default=None, ge=1)
    alpha: float = Field(default=0.4, ge=0, le=1)
    k: int = Field(default=10, ge=1)
    corrected: bool = False

    @model_validator(mode="after")
    def says_what_is_relevant(self) -> Self:
        """Refuse a filter whose relevant documents are not defined."""
        if self.order == "source" or self.relevant == "consensus":
            raise ValueError('order is a view or "consensus", relevant a view or "source"')
        given = (self.cut is not None) + (self.top is not None)
        if self.relevant == "source" and given:
            raise ValueError('relevant = "source" takes neither cut nor top')
        if self.relevant != "source" and given != 1:
            raise ValueError(f'relevant = "{self.relevant}" takes either cut or top')
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """Views this filter needs."""
        return tuple({self.order, self.relevant} - {"source", "consensus"})

    @property
    def scores(self) -> tuple[str, ...]:
        """Views whose scores this filter needs."""
        return (self.relevant,) if self.cut is not None else ()

    def __call__(self, labelled: LabelledList) -> Rejection | None:
        """Return why the list is rejected, or None to keep it."""
        if self.relevant == "source" and not labelled.known:
            return None
        by_consensus = self.order == "consensus"
        ranking = labelled.consensus if by_consensus else labelled.views[self.order]
        relevant = self._relevant(labelled) & set(ranking.docids)
        if not relevant:
            detail = f"{self.relevant} holds no document relevant"
            return Rejection(id=labelled.qid, rule=self.kind, detail=detail)
        value = ndcg(ranking.docids, relevant, k=self.k)
        chance = ndcg_by_chance(len(ranking.docids), len(relevant), k=self.k)
        if self.corrected:
            value = (value - chance) / (1 - chance) if chance < 1 else 0.0
        if value >= self.alpha:
            return None
        name = "corrected nDCG" if self.corrected else "nDCG"
        detail = (
            f"{name}@{self.k} of {self.order} against {self.relevant} {value:.3f} < {self.alpha} "
            f"({len(relevant)} relevant, chance {chance:.3f})"
        )
        return Rejection(id=labelled.qid, rule=self.kind, detail=detail)

    def _relevant(self, labelled: LabelledList) -> set[str]:
        if self.relevant == "source":
            return set(labelled.known)
        if self.top is not None:
            return set(labelled.views[self.relevant].docids[: self.top])
        cut = self.cut or 0.0
        scores = labelled.scores[self.relevant]
        return {docid for docid, score in scores.items() if score >= cut}
