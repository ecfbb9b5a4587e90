"""The tables of a build that its report is made from, each read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import polars as pl

from rankmill.filters import LabelledList
from rankmill.finished import Finished
from rankmill.recipe import Recipe
from rankmill.settle import join
from rankmill.tables import CANDIDATES, JUDGMENTS, LABELS, LISTS, QUERIES, REJECTIONS
from rankmill.trials import Readings, candidate_lists, read_trials


@dataclass(frozen=True, kw_only=True)
class Sources:
    """A build that has come as far as `settle`.

    Attributes:
        queries: QUERIES, in the order of their vectors.
        listed: Docids of every candidate list, best first, by qid.
        judgments: JUDGMENTS.
        labels: LABELS, of the lists that were kept.
        lists: LISTS.
    """

    build: Finished
    recipe: Recipe
    queries: pl.DataFrame
    listed: Mapping[str, Sequence[str]]
    judgments: pl.DataFrame
    labels: pl.DataFrame
    lists: pl.DataFrame

    @classmethod
    def of(cls, build: Finished) -> Self:
        """Read the tables.

        Raises:
            StageError: The build has not come that far.
        """
        return cls(
            build=build,
            recipe=build.recipe,
            lists=build.read("settle", LISTS),
            labels=build.read("settle", LABELS),
            judgments=build.read("label", JUDGMENTS),
            listed=candidate_lists(build.read("retrieve", CANDIDATES)),
            queries=build.read("generate", QUERIES),
        )

    @cached_property
    def readings(self) -> Mapping[str, Readings]:
        """What every view made of every list, by qid."""
        return read_trials(self.recipe.views, self.listed, self.judgments)

    @cached_property
    def labelled(self) -> Mapping[str, LabelledList]:
        """Every list that could be ranked, kept or not, with its consensus, by qid."""
        sources = dict(self.queries.select("qid", "source_docid").iter_rows())
        labelled, _ = join(self.recipe.settle, self.recipe.views, sources, self.readings)
        return {one.qid: one for one in labelled}

    @cached_property
    def reasons(self) -> Mapping[str, tuple[str, str]]:
        """The rule and the detail by which a query or its list was rejected, by qid."""
        rows = pl.concat([self.build.read(stage, REJECTIONS) for stage in ("retrieve", "settle")])
        return {qid: (rule, detail) for _, qid, rule, detail in rows.iter_rows()}

    @cached_property
    def grades(self) -> Mapping[str, Mapping[str, int]]:
        """Grades of the kept lists' documents, by qid and docid."""
        rows = self.labels.group_by("qid", maintain_order=True).agg("docid", "grade")
        return {qid: dict(zip(ids, found, strict=True)) for qid, ids, found in rows.iter_rows()}
