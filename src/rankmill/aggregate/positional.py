"""What rules share that give every rank a worth."""

from abc import abstractmethod

from rankmill.aggregate.votes import Floats, Votes, error_of_mean, positional, worths
from rankmill.spec import Spec


class Positional(Spec):
    """Score a document by the weighted mean of what its ranks are worth; ties share."""

    @abstractmethod
    def points(self, depth: int) -> Floats:
        """What each rank of a list of `depth` documents is worth, best rank first."""

    def __call__(self, votes: Votes) -> Floats:
        """Scores, shape (lists, documents)."""
        return positional(votes, self.points(votes.scores.shape[-1]))

    def errors(self, votes: Votes) -> Floats:
        """Standard errors over the voters, shape (lists, documents); NaN for one voter."""
        points = self.points(votes.scores.shape[-1])
        return error_of_mean(worths(votes, points), votes.shares)
