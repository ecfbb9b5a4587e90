"""What the report says, read off the tables of a build."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Self

import polars as pl

from rankmill.agreement import rbo_by_chance
from rankmill.assemble.false_negatives import Share, false_negatives
from rankmill.evaluate.diversity import Diversity
from rankmill.page.sources import Sources
from rankmill.page.topics import Topics
from rankmill.page.views import Against, ViewFacts, views_of
from rankmill.report import StageReport
from rankmill.screen.passed import Passed
from rankmill.settle import Settle
from rankmill.teachers import Meter


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """A build that has come as far as `settle`.

    Attributes:
        reports: Counts of every stage.
        seconds: What each took, by stage.
        asked: What each stage asked of each teacher, by stage and teacher; older builds do not say.
        teachers: What each was asked in all, by teacher.
        lists: LISTS.
        sampler: The kind that drew the seeds.
        grades: Documents of the kept lists, by grade.
        depth: Documents in a list, on average.
        passed: The tests that queries went through.
        false_negatives: Candidates that are graded like positives, and no query was written from.
    """

    name: str
    status: str
    error: str
    reports: Sequence[StageReport]
    seconds: Mapping[str, float]
    asked: Mapping[str, Mapping[str, Meter]]
    teachers: Mapping[str, Meter]
    views: Sequence[ViewFacts]
    against: Against
    topics: Topics
    sampler: str
    diversity: Diversity
    lists: pl.DataFrame
    grades: Mapping[int, int]
    depth: float
    passed: Sequence[Passed]
    false_negatives: Sequence[Share]
    settle: Settle

    @classmethod
    def of(cls, sources: Sources) -> Self:
        """Work out what there is to say."""
        manifest, lengths = sources.build.manifest, list(map(len, sources.listed.values()))
        return cls(
            name=manifest["name"],
            status=manifest["status"],
            error=manifest["error"],
            reports=sources.build.reports,
            seconds={name: stage["seconds"] for name, stage in manifest["stages"].items()},
            asked={stage: _meters(said) for stage, said in manifest.get("asked", {}).items()},
            teachers=_meters(manifest["teachers"]),
            views=views_of(sources),
            against=Against.of(sources),
            topics=Topics.of(sources),
            sampler=sources.recipe.sample.kind if sources.recipe.sample else "",
            diversity=Diversity.of(sources.build),
            lists=sources.lists,
            grades=dict(sources.labels.group_by("grade").len().sort("grade").iter_rows()),
            depth=fmean(lengths) if lengths else 0.0,
            passed=sources.build.passed,
            false_negatives=false_negatives(sources.pairs),
            settle=sources.recipe.settle,
        )

    @property
    def kept(self) -> int:
        """Number of lists that were kept."""
        return int(self.lists["kept"].sum())

    @property
    def spent(self) -> Meter:
        """All that was asked of all teachers."""
        return sum(self.teachers.values(), Meter())

    def spent_by(self, stage: str) -> Meter | None:
        """What a stage asked of all teachers; None where it asked none."""
        asked = self.asked.get(stage)
        return sum(asked.values(), Meter()) if asked else None

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


def _meters(said: Mapping[str, Mapping[str, object]]) -> dict[str, Meter]:
    return {name: Meter.from_json(values) for name, values in said.items()}
