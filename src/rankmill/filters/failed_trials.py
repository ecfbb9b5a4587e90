"""How often a teacher failed to answer in the form asked for."""

from typing import Literal

from pydantic import Field

from rankmill.filters.labelled import LabelledList
from rankmill.records import Rejection
from rankmill.spec import Spec


class FailedTrials(Spec):
    """Reject a list of which too large a share of one view's trials got no valid reading.

    What could be read of such a list is what was easy to read, and no fair sample.
    """

    kind: Literal["failed_trials"] = "failed_trials"
    view: str
    most: float = Field(default=0.5, ge=0, le=1)

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
        begun, read = labelled.begun[self.view], len(labelled.trials[self.view])
        if begun - read <= self.most * begun:
            return None
        detail = f"{self.view}: {begun - read} of {begun} trials failed > {self.most}"
        return Rejection(id=labelled.qid, rule=self.kind, detail=detail)
