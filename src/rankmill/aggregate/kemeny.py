"""Kemeny's rule."""

from typing import Literal

from pydantic import Field

from rankmill.aggregate.orders import as_scores, best_sums, bordas, climbed_sums
from rankmill.aggregate.votes import Floats, Votes
from rankmill.spec import Spec


class Kemeny(Spec):
    """Score by the order that disagrees least with all votes, counted over pairs.

    Lists of up to `exact` documents are solved; longer ones start from the order of Borda and
    move one document at a time until nothing helps, which is a local optimum.

    Paper: Kemeny, "Mathematics without Numbers", 1959; for the permutations of a language model
    Tang et al., "Found in the Middle: Permutation Self-Consistency", NAACL 2024.
    """

    kind: Literal["kemeny"] = "kemeny"
    exact: int = Field(default=8, ge=1, le=16)

    def __call__(self, votes: Votes) -> Floats:
        """Scores: how many documents each is placed above; shape (lists, documents)."""
        wins = votes.wins
        if wins.shape[-1] <= self.exact:
            return as_scores(best_sums(wins))
        return as_scores(climbed_sums(bordas(wins), wins))

    def errors(self, votes: Votes) -> None:
        """None: a median order has no standard error."""
        del votes
