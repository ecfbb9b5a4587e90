"""What the report says of a view, and of the views against each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isnan, nan
from statistics import fmean
from typing import Self

import numpy as np
import polars as pl

from rankmill.agreement import krippendorff_alpha
from rankmill.filters import LabelledList
from rankmill.label.rows import reading
from rankmill.label.view import View
from rankmill.page.sources import Sources
from rankmill.polls import Agreement, Poll, agreement_all
from rankmill.position import PositionBias, position_bias
from rankmill.readings import Reading
from rankmill.records import Ranking
from rankmill.settle import Settle
from rankmill.triads import cyclic_share
from rankmill.trials import Readings

RETRIEVAL, CONSENSUS = "retrieval", "consensus"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewFacts:
    """One view over all lists.

    Attributes:
        questions: Asked of the teacher.
        malformed: Share of them that got no valid reading.
        trials: Valid trials of every list that was asked about.
        agreement: Of every list with two trials or more.
        scores: Of every document of every list, the mean over its trials; empty where a view
            does not score.
        alpha: Krippendorff's alpha of repeated scores, which have equal intervals; else None.
        cyclic: Share of circular triads among pairs; None where no pairs are compared.
        bias: Position bias; None where documents are read alone.
    """

    view: View
    questions: int
    malformed: float
    trials: Sequence[int]
    agreement: Sequence[Agreement]
    scores: Sequence[float]
    alpha: float | None
    cyclic: float | None
    bias: PositionBias | None

    @classmethod
    def of(
        cls,
        view: View,
        judgments: pl.DataFrame,
        readings: Mapping[str, Readings],
        labelled: Mapping[str, LabelledList],
        settle: Settle,
    ) -> Self:
        """Of one view's JUDGMENTS and what its trials came to."""
        asked = [one.trials[view.name] for one in readings.values() if one.begun[view.name]]
        polls = [Poll(rankings=rankings) for rankings in asked if len(rankings) > 1]
        valid = len(judgments.filter(status="valid"))
        means = [one.scores.get(view.name, {}) for one in labelled.values()]
        return cls(
            view=view,
            questions=len(judgments),
            malformed=1 - valid / len(judgments) if len(judgments) else 0.0,
            trials=[len(rankings) for rankings in asked],
            agreement=agreement_all(polls, p=settle.rbo_p, k=settle.top_k),
            scores=[score for one in means for score in one.values()],
            alpha=_alpha(polls) if view.strategy.score_kind else None,
            cyclic=cyclic_share(_readings(judgments)),
            bias=position_bias(map(reading, judgments.iter_rows(named=True))),
        )

    @property
    def mean_trials(self) -> float:
        """Valid trials of a list on average; 0 if none was asked about."""
        return fmean(self.trials) if self.trials else 0.0

    def mean(self, measure: str) -> float | None:
        """The mean of one measure of agreement over the lists that have it."""
        values = [value for one in self.agreement if (value := getattr(one, measure)) is not None]
        return fmean(values) if values else None


def views_of(sources: Sources) -> list[ViewFacts]:
    """Every view of a build."""
    read = (sources.readings, sources.labelled, sources.recipe.settle)
    return [
        ViewFacts.of(view, sources.judgments.filter(view=view.name), *read)
        for view in sources.recipe.views
    ]


def _alpha(polls: Sequence[Poll]) -> float | None:
    """Over all documents of all lists, with their trials for raters."""
    most = max((len(poll.rankings) for poll in polls), default=0)
    units = []
    for poll in polls:
        trials = [dict(zip(one.docids, one.scores, strict=True)) for one in poll.rankings]
        none = [nan] * (most - len(trials))
        units += [[*(trial[docid] for trial in trials), *none] for docid in trials[0]]
    alpha = krippendorff_alpha(np.array(units), "interval") if units else nan
    return None if isnan(alpha) else alpha


def _readings(judgments: pl.DataFrame) -> Iterator[list[Reading | None]]:
    """The readings of every trial of every list."""
    for _, rows in judgments.group_by("qid", "trial", maintain_order=True):
        yield [reading(row) for row in rows.iter_rows(named=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """Orders of the same lists against each other.

    Attributes:
        names: The retrieval's order, every view, and the consensus.
        taus: Mean Kendall's tau-b over the lists that both have, by two of the names in order;
            None where there is no such list.
    """

    names: Sequence[str]
    taus: Mapping[tuple[str, str], float | None]

    @classmethod
    def of(cls, sources: Sources) -> Self:
        """Compare every pair."""
        orders = [
            {
                RETRIEVAL: Ranking.in_order(sources.listed[qid]),
                **one.views,
                CONSENSUS: one.consensus,
            }
            for qid, one in sources.labelled.items()
        ]
        names = [RETRIEVAL, *(view.name for view in sources.recipe.views), CONSENSUS]
        pairs = combinations(names, 2)
        return cls(names=names, taus={pair: _tau(pair, orders) for pair in pairs})


def _tau(pair: tuple[str, str], orders: Sequence[Mapping[str, Ranking]]) -> float | None:
    both = [[one[name] for name in pair] for one in orders if all(name in one for name in pair)]
    found = agreement_all([Poll(rankings=two) for two in both], p=0.9, k=1)
    taus = [one.tau for one in found if one.tau is not None]
    return fmean(taus) if taus else None
