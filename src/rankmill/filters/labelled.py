"""What a filter looks at: one query with every ranking its teachers gave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rankmill.polls import Agreement
from rankmill.records import Ranking


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledList:
    """One candidate list after labelling.

    Attributes:
        known: The documents known to answer the query: the one it was written for comes first.
            There is none where nobody knows any.
        trials: The rankings of every view, one per valid trial.
        begun: How many trials of every view were begun, valid or not.
        views: One ranking per view with a valid trial, aggregated over its trials.
        agreement: How much the trials of every view with a valid one agree.
        scores: Mean score of every document in every view that scores, by view and docid.
        consensus: The ranking over all views.
        errors: The standard error of every document's consensus score, where there is one.
    """

    qid: str
    known: Sequence[str]
    trials: Mapping[str, Sequence[Ranking]]
    begun: Mapping[str, int]
    views: Mapping[str, Ranking]
    agreement: Mapping[str, Agreement]
    scores: Mapping[str, Mapping[str, float]]
    consensus: Ranking
    errors: Mapping[str, float | None]
