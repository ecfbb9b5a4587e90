"""From every reading of every teacher to one label per document, and how sure it is."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from rankmill.aggregate import AggregationRule, MeanReciprocalRank
from rankmill.filters import Filter, LabelledList
from rankmill.grades import Bands, Grading
from rankmill.known import Known, known_of
from rankmill.label import Adaptive, View
from rankmill.polls import Agreement, Fused, Poll, agreement_all, fuse_all
from rankmill.records import Ranking, Rejection
from rankmill.spec import Spec
from rankmill.tables import LABELS, LISTS
from rankmill.trials import Readings, candidate_lists, read_trials

_LISTS_AT_ONCE = 1000


class Settle(Spec):
    """How readings become labels.

    Attributes:
        rule: Aggregates the trials of a view, and the views unless `fusion` says how.
        fusion: Aggregates the views, where it is to be another rule.
        weights: Weight of each view in the consensus. A view left out weighs 1. One of weight 0
            is judged, measured and published, but takes no part in the consensus.
        filters: Applied in order; the first that rejects a list names its rejection.
        grades: Turns the consensus into relevance grades.
        rbo_p: Persistence of rank-biased overlap: the first 10 ranks weigh 86 % at 0.9.
        top_k: Depth at which the overlap of the trials' first documents is measured.
    """

    rule: AggregationRule = MeanReciprocalRank()
    fusion: AggregationRule | None = None
    weights: dict[str, float] = Field(default_factory=dict)
    filters: tuple[Filter, ...] = ()
    grades: Grading = Bands()
    rbo_p: float = Field(default=0.9, gt=0, lt=1)
    top_k: int = Field(default=3, ge=1)

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

    @property
    def joins(self) -> AggregationRule:
        """The rule that aggregates the views."""
        return self.fusion or self.rule

    def score_kind(self, voting: int) -> str:
        """What the consensus scores of lists with so many voting views are."""
        return (self.joins if voting > 1 else self.rule).kind

    def weight(self, view: str) -> float:
        """Weight of a view in the consensus."""
        return self.weights.get(view, 1.0)


def settle(
    spec: Settle,
    views: Sequence[View],
    queries: pl.DataFrame,
    candidates: pl.DataFrame,
    judgments: pl.LazyFrame,
) -> tuple[pl.DataFrame, pl.DataFrame, list[Rejection]]:
    """Derive labels from judgments; no teacher is asked.

    Args:
        spec: How.
        views: Every view of the judgments.
        queries: QUERIES.
        candidates: CANDIDATES.
        judgments: JUDGMENTS of every view, sorted by their key; read a thousand lists at a time.

    Returns:
        LABELS of the lists that are kept, LISTS of all lists that could be ranked, and a rejection
        for every list that is left out.
    """
    sources = known_of(queries)
    lists = candidate_lists(candidates)
    qids = sorted(lists)
    labels, rows, rejections = [_LABELLED.clear()], [LISTS.empty()], []
    for start in range(0, len(qids), _LISTS_AT_ONCE):
        part = {qid: lists[qid] for qid in qids[start : start + _LISTS_AT_ONCE]}
        between = pl.col("qid").is_between(pl.lit(min(part)), pl.lit(max(part)))
        readings = read_trials(views, part, judgments.filter(between).collect())
        labelled, missing = join(spec, views, sources, readings)
        found = [next(filter(None, (rule(one) for rule in spec.filters)), None) for one in labelled]
        rejections += [*missing, *filter(None, found)]
        rows.append(_list_rows(spec, views, labelled, found))
        kept = [one for one, rejection in zip(labelled, found, strict=True) if not rejection]
        labels.append(_label_rows(spec, kept))
    return _graded(spec, pl.concat(labels)), pl.concat(rows), rejections


def join(
    spec: Settle, views: Sequence[View], sources: Known, found: Mapping[str, Readings]
) -> tuple[list[LabelledList], list[Rejection]]:
    """Aggregate trials into views and views into the consensus, for many lists.

    When a view that counts has no valid trial, the list lacks the evidence that its recipe asks
    for: it is rejected, not labelled from the rest. A view that waits for others does not count
    in the lists that it was not asked about.
    """
    rejections, whole = [], {}
    for qid, one in found.items():
        if missing := _missing(spec, views, one):
            detail = f"no valid trial of {', '.join(missing)}"
            rejections.append(Rejection(id=qid, rule="view_missing", detail=detail))
        else:
            whole[qid] = one
    by_list = _by_view(spec, whole)
    polls = {qid: _votes(spec, views) for qid, views in by_list.items()}
    agreements = _agreements(spec, whole)
    several = [qid for qid, poll in polls.items() if len(poll.rankings) > 1]
    joined = dict(zip(several, fuse_all(spec.joins, [polls[qid] for qid in several]), strict=True))
    labelled = []
    for qid, one in whole.items():
        (alone, *_) = (by_list[qid][name] for name in by_list[qid] if spec.weight(name))
        labelled.append(
            LabelledList(
                qid=qid,
                known=_candidates(sources[qid], joined.get(qid, alone).ranking),
                trials=one.trials,
                begun=one.begun,
                views={name: fused.ranking for name, fused in by_list[qid].items()},
                agreement=agreements[qid],
                scores={v.name: _means(one, v) for v in views if _scored(one, v)},
                consensus=joined.get(qid, alone).ranking,
                errors=joined.get(qid, alone).errors,
            )
        )
    return labelled, rejections


def _candidates(known: Sequence[str], ranking: Ranking) -> tuple[str, ...]:
    """The source, and further known answers that are in the list: not all may have had room."""
    return tuple(docid for docid in known if docid == known[0] or docid in ranking.docids)


def _by_view(spec: Settle, found: Mapping[str, Readings]) -> dict[str, dict[str, Fused]]:
    """Every view's trials as one ranking, by qid and view."""
    trials = _polls(found)
    by_list: dict[str, dict[str, Fused]] = {qid: {} for qid in found}
    for (qid, view), fused in zip(trials, fuse_all(spec.rule, list(trials.values())), strict=True):
        by_list[qid][view] = fused
    return by_list


def _agreements(spec: Settle, found: Mapping[str, Readings]) -> dict[str, dict[str, Agreement]]:
    """How much every view's trials agree, by qid and view."""
    trials = _polls(found)
    each = agreement_all(list(trials.values()), p=spec.rbo_p, k=spec.top_k)
    by_list: dict[str, dict[str, Agreement]] = {qid: {} for qid in found}
    for (qid, view), agreement in zip(trials, each, strict=True):
        by_list[qid][view] = agreement
    return by_list


def _polls(found: Mapping[str, Readings]) -> dict[tuple[str, str], Poll]:
    return {
        (qid, view): Poll(rankings=read)
        for qid, one in found.items()
        for view, read in one.trials.items()
        if read
    }


def _missing(spec: Settle, views: Sequence[View], one: Readings) -> list[str]:
    """Views that count and have no valid trial."""
    counts = spec.reads | {view.name for view in views if spec.weight(view.name)}
    asked = [view.name for view in views if one.begun[view.name] or not view.where]
    missing = [name for name in asked if name in counts and not one.trials[name]]
    voting = [name for name, read in one.trials.items() if read and spec.weight(name)]
    return missing or ([] if voting else [view.name for view in views])


def _votes(spec: Settle, views: Mapping[str, Fused]) -> Poll:
    voting = [name for name in views if spec.weight(name)]
    weights = tuple(spec.weight(name) for name in voting)
    return Poll(rankings=[views[name].ranking for name in voting], weights=weights)


def _scored(one: Readings, view: View) -> bool:
    return bool(view.strategy.score_kind and one.trials[view.name])


def _means(one: Readings, view: View) -> dict[str, float]:
    trials = one.trials[view.name]
    scores = [dict(zip(trial.docids, trial.scores, strict=True)) for trial in trials]
    return {docid: fmean(trial[docid] for trial in scores) for docid in trials[0].docids}


def _list_rows(
    spec: Settle,
    views: Sequence[View],
    labelled: Sequence[LabelledList],
    found: Sequence[Rejection | None],
) -> pl.DataFrame:
    """LISTS of some lists."""
    voting = [
        [ranking for view, ranking in one.views.items() if spec.weight(view)] for one in labelled
    ]
    between = agreement_all([Poll(rankings=v) for v in voting], p=spec.rbo_p, k=spec.top_k)
    caps = {view.name: view.trials.cap for view in views if isinstance(view.trials, Adaptive)}
    rows = []
    for one, across, rejection in zip(labelled, between, found, strict=True):
        within = _mean_of([one.agreement[v] for v, read in one.trials.items() if len(read) > 1])
        voting_tau = _mean_of(
            [a for v, a in one.agreement.items() if spec.weight(v) and len(one.trials[v]) > 1]
        ).tau
        sure = voting_tau if voting_tau is not None else across.tau
        compared = sum(one.begun[v] for v in one.begun if spec.weight(v)) > 1
        docids, source = one.consensus.docids, next(iter(one.known), None)
        rows.append(
            (
                one.qid,
                sum(map(len, one.trials.values())),
                *within,
                across.tau,
                None if sure is None else (1 - sure) / 2,
                (0.0 if compared else 1.0) if sure is None else max(sure, 0.0),
                _stopped(one, caps),
                docids.index(source) + 1 if source is not None and source in docids else None,
                rejection is None,
                f"{rejection.rule}: {rejection.detail}" if rejection else "",
            )
        )
    return pl.DataFrame(rows, schema=LISTS.columns, orient="row")


def _mean_of(agreements: Sequence[Agreement]) -> Agreement:
    """The mean of each statistic over the views that have it."""
    if len(agreements) == 1:
        return agreements[0]
    columns = ([v for v in column if v is not None] for column in zip(*agreements, strict=True))
    means = [fmean(values) if values else None for values in columns]
    return Agreement(*means) if means else Agreement(None, None, None, None, None)


def _stopped(one: LabelledList, caps: Mapping[str, int]) -> str | None:
    """Why the last adaptive trial was the last."""
    ends = {one.begun[view] >= cap for view, cap in caps.items() if one.begun[view]}
    return ("cap" if any(ends) else "decided") if ends else None


_LABELLED = pl.DataFrame(schema={**LABELS.columns, "grade": pl.Float64})
"""LABELS before the whole build is graded: `grade` holds what the rule reads of each list."""


def _label_rows(spec: Settle, kept: Sequence[LabelledList]) -> pl.DataFrame:
    """Labels of some lists; `votes` counts the trials of the views that vote."""
    rows = []
    for one in kept:
        voting = [name for name in one.views if spec.weight(name)]
        kind = spec.score_kind(len(voting))
        votes = sum(len(one.trials[name]) for name in voting)
        values, errors = spec.grades.values(one), one.errors
        scored = zip(one.consensus.docids, one.consensus.scores, strict=True)
        rows += [
            (one.qid, docid, rank, score, kind, values[docid], errors[docid], votes)
            for rank, (docid, score) in enumerate(scored, start=1)
        ]
    return pl.DataFrame(rows, schema=_LABELLED.schema, orient="row")


def _graded(spec: Settle, labels: pl.DataFrame) -> pl.DataFrame:
    """LABELS, graded by what all lists of the build have scored."""
    grades = spec.grades.grades(labels["score"].to_numpy(), labels["grade"].to_numpy())
    graded = labels.with_columns(grade=pl.Series(grades.astype(np.int32)))
    return graded.select(list(LABELS.columns))
