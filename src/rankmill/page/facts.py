"""What the report says, read off the tables of a build."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import fmean
from typing import Self

import numpy as np
import polars as pl

from rankmill.agreement import krippendorff_alpha, rbo_by_chance
from rankmill.finished import Finished
from rankmill.label.rows import reading
from rankmill.label.view import View
from rankmill.polls import Agreement, Poll, agreement_all
from rankmill.position import PositionBias, position_bias
from rankmill.readings import Reading
from rankmill.report import StageReport
from rankmill.settle import Settle
from rankmill.tables import CANDIDATES, JUDGMENTS, LISTS
from rankmill.teachers import Meter
from rankmill.triads import cyclic_share
from rankmill.trials import Readings, candidate_lists, read_trials


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewFacts:
    """One view over all lists.

    Attributes:
        questions: Asked of the teacher.
        malformed: Share of them that got no valid reading.
        trials: Valid trials of every list that was asked about.
        agreement: Of every list with two trials or more.
        alpha: Krippendorff's alpha of repeated scores, which have equal intervals; else None.
        cyclic: Share of circular triads among pairs; None where no pairs are compared.
        bias: Position bias; None where documents are read alone.
    """

    view: View
    questions: int
    malformed: float
    trials: Sequence[int]
    agreement: Sequence[Agreement]
    alpha: float | None
    cyclic: float | None
    bias: PositionBias | None

    @classmethod
    def of(
        cls, view: View, judgments: pl.DataFrame, found: Mapping[str, Readings], settle: Settle
    ) -> Self:
        """Of one view's JUDGMENTS and what its trials came to."""
        asked = [one.trials[view.name] for one in found.values() if one.begun[view.name]]
        polls = [Poll(rankings=rankings) for rankings in asked if len(rankings) > 1]
        valid = len(judgments.filter(status="valid"))
        return cls(
            view=view,
            questions=len(judgments),
            malformed=1 - valid / len(judgments) if len(judgments) else 0.0,
            trials=[len(rankings) for rankings in asked],
            agreement=agreement_all(polls, p=settle.rbo_p, k=settle.top_k),
            alpha=_alpha(polls) if view.strategy.score_kind else None,
            cyclic=cyclic_share(_readings(judgments)),
            bias=position_bias(map(reading, judgments.iter_rows(named=True))),
        )

    def mean(self, measure: str) -> float | None:
        """The mean of one measure of agreement over the lists that have it."""
        values = [value for one in self.agreement if (value := getattr(one, measure)) is not None]
        return fmean(values) if values else None


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
class BuildFacts:
    """A build that has come as far as `settle`.

    Attributes:
        reports: Counts of every stage.
        seconds: What each took, by stage.
        teachers: Figures of what each was asked, by teacher.
        lists: LISTS.
        depth: Documents in a list, on average.
    """

    name: str
    status: str
    reports: Sequence[StageReport]
    seconds: Mapping[str, float]
    teachers: Mapping[str, Mapping[str, str]]
    views: Sequence[ViewFacts]
    lists: pl.DataFrame
    depth: float
    settle: Settle

    @classmethod
    def of(cls, build: Finished) -> Self:
        """Read the tables.

        Raises:
            StageError: The build has not come that far.
        """
        recipe, manifest = build.recipe, build.manifest
        listed = candidate_lists(build.read("retrieve", CANDIDATES))
        judgments = build.read("label", JUDGMENTS)
        views = []
        for view in recipe.views:
            mine = judgments.filter(view=view.name)
            found = read_trials([view], listed, mine)
            views.append(ViewFacts.of(view, mine, found, recipe.settle))
        return cls(
            name=manifest["name"],
            status=manifest["status"],
            reports=build.reports,
            seconds={name: stage["seconds"] for name, stage in manifest["stages"].items()},
            teachers={n: Meter.from_json(m).figures for n, m in manifest["teachers"].items()},
            views=views,
            lists=build.read("settle", LISTS),
            depth=fmean(map(len, listed.values())) if listed else 0.0,
            settle=recipe.settle,
        )

    def chance(self, measure: str, trials: float) -> float:
        """What trials that have nothing to do with each other give on average."""
        depth = max(self.depth, 1.0)
        return {
            "tau": 0.0,
            "w": 1 / max(trials, 1.0),
            "rbo": rbo_by_chance(round(depth), self.settle.rbo_p),
            "top1": 1 / depth,
            "topk": min(self.settle.top_k / depth, 1.0),
        }[measure]
