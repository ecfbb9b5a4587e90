"""From every reading of every teacher to one label per document, and how sure it is."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import mean, stdev
from typing import Any, Self

import polars as pl
from pydantic import Field, model_validator

from rankmill.aggregate import AggregationRule, MeanReciprocalRank, fuse, shared_points
from rankmill.agreement import kendall_w, mean_tau, top1_agreement
from rankmill.filters import Filter, LabelledList
from rankmill.grades import Bands, Grading
from rankmill.label import View
from rankmill.label.plans import replay
from rankmill.records import Permutation, Ranking, Reading, Rejection, Score
from rankmill.spec import Spec
from rankmill.tables import LABELS, LISTS


class Settle(Spec):
    """How readings become labels.

    Attributes:
        rule: Aggregates the trials of a view, then the views.
        weights: Weight of each view in the consensus. A view left out weighs 1. One of weight 0
            is judged, measured and published, but takes no part in the consensus.
        filters: Applied in order; the first that rejects a list names its rejection.
        grades: Turns the consensus into relevance grades.
    """

    rule: AggregationRule = MeanReciprocalRank()
    weights: dict[str, float] = Field(default_factory=dict)
    filters: tuple[Filter, ...] = ()
    grades: Grading = Bands()

    @model_validator(mode="after")
    def weights_are_not_negative(self) -> Self:
        """Refuse a view that counts against itself."""
        if wrong := {name: value for name, value in self.weights.items() if value < 0}:
            raise ValueError(f"weights must be 0 or more, found {wrong}")
        return self

    @property
    def reads(self) -> set[str]:
        """Views that filters and grades read."""
        return {view for part in (*self.filters, self.grades) for view in part.reads}

    @property
    def scores(self) -> set[str]:
        """Views whose scores filters and grades read."""
        return {view for part in (*self.filters, self.grades) for view in part.scores}

    def weight(self, view: str) -> float:
        """Weight of a view in the consensus."""
        return self.weights.get(view, 1.0)


def settle(
    spec: Settle,
    views: Sequence[View],
    queries: pl.DataFrame,
    candidates: pl.DataFrame,
    judgments: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame, list[Rejection]]:
    """Derive labels from judgments; no teacher is asked.

    Args:
        spec: How.
        views: Every view of the judgments.
        queries: QUERIES.
        candidates: CANDIDATES.
        judgments: JUDGMENTS of every view.

    Returns:
        LABELS of the lists that are kept, LISTS of all lists that could be ranked, and a rejection
        for every list that is left out.
    """
    sources = dict(queries.select("qid", "source_docid").iter_rows())
    valid = rankings(views, candidates, judgments)
    labels, lists, rejections = [], [], []
    for qid, trials in valid.items():
        labelled = join(spec, views, qid, sources[qid], trials)
        if isinstance(labelled, Rejection):
            rejections.append(labelled)
            continue
        rejection = next(filter(None, (rule(labelled) for rule in spec.filters)), None)
        lists.append(_list_row(spec, labelled, rejection))
        if rejection:
            rejections.append(rejection)
        else:
            labels += _label_rows(spec, labelled)
    return (
        pl.DataFrame(labels, schema=LABELS.columns, orient="row"),
        pl.DataFrame(lists, schema=LISTS.columns, orient="row"),
        rejections,
    )


Trials = Mapping[str, Sequence[Ranking]]


def candidate_lists(candidates: pl.DataFrame) -> dict[str, list[str]]:
    """Docids of every candidate list, best first, by qid in order."""
    return dict(
        candidates.sort("qid", "rank").group_by("qid", maintain_order=True).agg("docid").iter_rows()
    )


def rankings(
    views: Sequence[View], candidates: pl.DataFrame, judgments: pl.DataFrame
) -> dict[str, Trials]:
    """The ranking of every valid trial, by qid and view.

    A trial is valid when its plan, sent the stored readings, comes to its end.
    """
    stored: defaultdict[tuple[str, str, int], list[Reading | None]] = defaultdict(list)
    for row in judgments.sort("qid", "view", "trial", "step").iter_rows(named=True):
        stored[row["qid"], row["view"], row["trial"]].append(_reading(row))
    return {
        qid: {
            view.name: [
                ranking
                for trial, plan in enumerate(view.plans(qid, docids))
                if (ranking := replay(plan, stored[qid, view.name, trial]))
            ]
            for view in views
        }
        for qid, docids in candidate_lists(candidates).items()
    }


def _reading(row: Mapping[str, Any]) -> Reading | None:
    if row["status"] != "valid":
        return None
    if row["ranked"] is not None:
        return Permutation(shown=tuple(row["shown"]), ranked=tuple(row["ranked"]))
    return Score(docid=row["shown"][0], value=row["scores"][0])


def join(
    spec: Settle, views: Sequence[View], qid: str, source_docid: str, trials: Trials
) -> LabelledList | Rejection:
    """Aggregate trials into views and views into the consensus.

    When a view that counts has no valid trial, the list lacks the evidence that its recipe asks
    for: it is rejected, not labelled from the rest.
    """
    counts = spec.reads | {view.name for view in views if spec.weight(view.name)}
    if missing := [view.name for view in views if not trials[view.name] and view.name in counts]:
        detail = f"no valid trial of {', '.join(missing)}"
        return Rejection(id=qid, rule="view_missing", detail=detail)
    by_view = {name: fuse(spec.rule, readings) for name, readings in trials.items() if readings}
    voting = [name for name in by_view if spec.weight(name)]
    consensus = fuse(
        spec.rule,
        [by_view[name] for name in voting],
        weights=[spec.weight(name) for name in voting],
    )
    return LabelledList(
        qid=qid,
        source_docid=source_docid,
        trials={name: tuple(readings) for name, readings in trials.items()},
        views=by_view,
        scores={
            view.name: _means(trials[view.name])
            for view in views
            if view.strategy.score_kind and trials[view.name]
        },
        consensus=consensus,
    )


def _means(trials: Sequence[Ranking]) -> dict[str, float]:
    scores = [dict(zip(trial.docids, trial.scores, strict=True)) for trial in trials]
    return {docid: mean(trial[docid] for trial in scores) for docid in trials[0].docids}


def _list_row(spec: Settle, labelled: LabelledList, rejection: Rejection | None) -> tuple[Any, ...]:
    repeated = [trials for trials in labelled.trials.values() if len(trials) > 1]
    voting = [ranking for view, ranking in labelled.views.items() if spec.weight(view)]
    docids = labelled.consensus.docids
    source = labelled.source_docid
    return (
        labelled.qid,
        sum(map(len, labelled.trials.values())),
        _mean_or_none(map(mean_tau, repeated)),
        _mean_or_none(map(kendall_w, repeated)),
        _mean_or_none(map(top1_agreement, repeated)),
        mean_tau(voting),
        docids.index(source) + 1 if source in docids else None,
        rejection is None,
        f"{rejection.rule}: {rejection.detail}" if rejection else "",
    )


def _mean_or_none(values: Iterator[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return mean(numbers) if numbers else None


def _label_rows(spec: Settle, labelled: LabelledList) -> list[tuple[Any, ...]]:
    grades = spec.grades(labelled)
    votes: dict[str, list[float]] = {docid: [] for docid in labelled.consensus.docids}
    for view, trials in labelled.trials.items():
        for trial in trials if spec.weight(view) else ():
            points = spec.rule.points(len(trial.docids))
            for docid, worth in shared_points(trial, points):
                votes[docid].append(worth)
    scored = zip(labelled.consensus.docids, labelled.consensus.scores, strict=True)
    return [
        (
            labelled.qid,
            docid,
            rank,
            score,
            spec.rule.kind,
            grades[docid],
            stdev(votes[docid]) / len(votes[docid]) ** 0.5 if len(votes[docid]) > 1 else None,
            len(votes[docid]),
        )
        for rank, (docid, score) in enumerate(scored, start=1)
    ]
