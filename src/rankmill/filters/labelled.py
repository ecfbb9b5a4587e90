"""What a filter looks at: one query with every ranking its teachers gave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rankmill.records import Ranking


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledList:
    """One candidate list after labelling.

    Attributes:
        source_docid: The document the query was written for.
        trials: The rankings of every view, one per valid trial.
        begun: How many trials of every view were begun, valid or not.
        views: One ranking per view with a valid trial, aggregated over its trials.
        scores: Mean score of every document in every view that scores, by view and docid.
        consensus: The ranking over all views.
    """

    qid: str
    source_docid: str
    trials: Mapping[str, Sequence[Ranking]]
    begun: Mapping[str, int]
    views: Mapping[str, Ranking]
    scores: Mapping[str, Mapping[str, float]]
    consensus: Ranking
