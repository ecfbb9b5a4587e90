"""Self-consistency between repeated readings of one view."""

from typing import Literal

from pydantic import Field

from rankmill.agreement import mean_tau
from rankmill.filters.labelled import LabelledList
from rankmill.records import Rejection
from rankmill.spec import Spec


class SelfConsistency(Spec):
    """Reject a list whose trials of one view, shown in different orders, disagree.

    Paper: Wang et al., "Self-Consistency Improves Chain of Thought Reasoning in Language Models",
    ICLR 2023; here the answers compared are permutations, by mean Kendall's tau.
    """

    kind: Literal["self_consistency"] = "self_consistency"
    view: str
    tau: float = Field(default=0.4, ge=-1, le=1)

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
        tau = mean_tau(labelled.trials[self.view])
        if tau is None:
            detail = f"{self.view}: fewer than 2 valid trials"
        elif tau < self.tau:
            detail = f"{self.view}: mean tau {tau:.3f} < {self.tau}"
        else:
            return None
        return Rejection(id=labelled.qid, rule=self.kind, detail=detail)
