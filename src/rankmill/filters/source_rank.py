"""The round trip: does the order find the document that the query was written for?"""

from typing import Literal

from pydantic import Field

from rankmill.filters.labelled import LabelledList
from rankmill.records import Rejection
from rankmill.spec import Spec


class SourceRank(Spec):
    """Reject a list whose order puts the query's source document below the first `most`.

    A query that needs two documents has to find both, among the first two at least. One whose
    source nobody knows is kept.

    Paper: Dai et al., "Promptagator: Few-shot Dense Retrieval From 8 Examples", ICLR 2023
    (round-trip consistency, most 1), there with a retriever; here with the teacher's order.

    Attributes:
        order: A view, or "consensus".
    """

    kind: Literal["source_rank"] = "source_rank"
    order: str = "consensus"
    most: int = Field(default=1, ge=1)

    @property
    def reads(self) -> tuple[str, ...]:
        """Views this filter needs."""
        return () if self.order == "consensus" else (self.order,)

    @property
    def scores(self) -> tuple[str, ...]:
        """Views whose scores this filter needs: none."""
        return ()

    def __call__(self, labelled: LabelledList) -> Rejection | None:
        """Return why the list is rejected, or None to keep it."""
        by_consensus = self.order == "consensus"
        docids = (labelled.consensus if by_consensus else labelled.views[self.order]).docids
        most = max(self.most, len(labelled.known))
        if set(labelled.known) - set(docids):
            detail = f"the source document is not among the {len(docids)} candidates"
        elif (rank := max(map(docids.index, labelled.known), default=-1) + 1) > most:
            detail = f"{self.order} ranks the source document {rank} > {most}"
        else:
            return None
        return Rejection(id=labelled.qid, rule=self.kind, detail=detail)
