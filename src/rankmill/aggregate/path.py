"""The order as a path through the documents."""

from typing import Literal

from pydantic import Field

from rankmill.aggregate.orders import as_scores, best_paths, bordas, climbed_paths
from rankmill.aggregate.votes import Floats, Votes
from rankmill.spec import Spec


class HamiltonianPath(Spec):
    """Score by the path through all documents whose steps lead downhill most clearly.

    The step from i to j weighs the lead of i over j among the voters; the path with the largest
    sum is the order. Lists of up to `exact` documents are solved; longer ones start from the
    order of Borda and move up to three neighbours at a time until nothing helps (Or-opt), which
    is a local optimum.

    Paper: Yang et al., "TSPRank: Bridging Pairwise and Listwise Methods with a Bilinear
    Travelling Salesman Model", KDD 2025; here on votes, without its learned scores.
    """

    kind: Literal["path"] = "path"
    exact: int = Field(default=10, ge=1, le=15)

    def __call__(self, votes: Votes) -> Floats:
        """Scores: how many documents each is placed above; shape (lists, documents)."""
        wins = votes.wins
        lead = wins - wins.transpose(0, 2, 1)
        if wins.shape[-1] <= self.exact:
            return as_scores(best_paths(lead))
        return as_scores(climbed_paths(bordas(wins), lead))

    def errors(self, votes: Votes) -> None:
        """None: a path has no standard error."""
        del votes
