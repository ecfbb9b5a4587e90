"""Whether a query finds the document that it was written for."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from rankmill.screen.pair import Verdict
from rankmill.spec import Spec


class RoundTrip(Spec):
    """Keep queries whose source is among the first that a retriever finds for them.

    Attributes:
        within: How far down the source may stand.
        by: `bm25`, `dense`, `fused`, the name of a further retriever, or `any` of them. Lists that
            the user gives count where they are named, as `given`, alone.

    Paper: Dai et al., "Promptagator", ICLR 2023. Theirs is a retriever trained on the very queries
    that are to be filtered; here it is one that has not seen them, so `within` should be generous:
    what it cannot find yet is what it would learn most from.
    """

    within: int = Field(default=20, ge=1)
    by: Literal["any", "fused"] | str = "any"

    def verdict(self, ranks: Mapping[str, int]) -> Verdict | None:
        """Judge one query.

        Args:
            ranks: Where each retriever found its source, from 1; one is absent that did not.
        """
        judged = ranks if self.by == "any" else {n: r for n, r in ranks.items() if n == self.by}
        if any(rank <= self.within for rank in judged.values()):
            return None
        places = ", ".join(f"{rank} by {name}" for name, rank in sorted(judged.items()))
        by = "any retriever" if self.by == "any" else self.by
        found = f"source at rank {places}" if places else f"source not found by {by}"
        return "not_found_again", f"{found}, expected within {self.within} of {by}"
