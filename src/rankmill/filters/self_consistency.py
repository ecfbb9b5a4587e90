"""Self-consistency between repeated readings of one view."""

from typing import Literal

from pydantic import Field

from rankmill.filters.labelled import LabelledList
from rankmill.records import Rejection
from rankmill.spec import Spec

_MEASURES = ("tau", "w", "rbo", "top1", "topk")


class SelfConsistency(Spec):
    """Reject a list whose trials of one view, shown in different orders, disagree.

    Every measure that is given is a least value: Kendall's tau (-1 asks nothing of it), Kendall's
    W, rank-biased overlap (of persistence `settle.rbo_p`), the share of pairs of trials with the
    same first document, and what pairs have in common of their first `settle.top_k`.

    Paper: Wang et al., "Self-Consistency Improves Chain of Thought Reasoning in Language Models",
    ICLR 2023; here the answers compared are rankings.
    """

    kind: Literal["self_consistency"] = "self_consistency"
    view: str
    tau: float = Field(default=0.4, ge=-1, le=1)
    w: float | None = Field(default=None, ge=0, le=1)
    rbo: float | None = Field(default=None, ge=0, le=1)
    top1: float | None = Field(default=None, ge=0, le=1)
    topk: float | None = Field(default=None, ge=0, le=1)

    @property
    def reads(self) -> tuple[str, ...]:
        """Views this filter needs."""
        return (self.view,)

    @property
    def scores(self) -> tuple[str, ...]:
        """Views whose scores this filter needs: none."""
        return ()

    def __call__(self, labelled: LabelledList) -> Rejection | None:
        """Return why the list is rejected, or None to keep it."""
        trials = labelled.trials[self.view]
        if len(trials) < 2:
            return self._no(labelled, "fewer than 2 valid trials")
        found = labelled.agreement[self.view]
        for name in _MEASURES:
            least, value = getattr(self, name), getattr(found, name)
            if least is not None and value is None:
                return self._no(labelled, f"{name} is unknown: a trial ties all documents")
            if least is not None and value < least:
                return self._no(labelled, f"mean {name} {value:.3f} < {least}")
        return None

    def _no(self, labelled: LabelledList, why: str) -> Rejection:
        return Rejection(id=labelled.qid, rule=self.kind, detail=f"{self.view}: {why}")
