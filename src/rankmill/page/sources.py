"""The tables of a build that its report is made from, each read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import polars as pl

from rankmill.filters import LabelledList
from rankmill.finished import Finished
from rankmill.known import known_of
from rankmill.recipe import Recipe
from rankmill.settle import join
from rankmill.tables import (
    CANDIDATES,
    DOCUMENTS,
    JUDGMENTS,
    LABELS,
    QUERIES,
    REJECTIONS,
)
from rankmill.trials import Readings, candidate_lists, read_trials


@dataclass(frozen=True, kw_only=True)
class Sources:
    """A build that has come as far as `settle`.

    Attributes:
        queries: QUERIES, in the order of their vectors.
        listed: Docids of every candidate list, best first, by qid.
        judgments: JUDGMENTS.
        labels: LABELS, of the lists that were kept.
        lists: LISTS. Where the build has a dataset, those that it left out are not kept.
        left_out: REJECTIONS of the lists that the dataset left out.
    """

    build: Finished
    recipe: Recipe
    queries: pl.DataFrame
    listed: Mapping[str, Sequence[str]]
    judgments: pl.DataFrame
    labels: pl.DataFrame
    lists: pl.DataFrame
    left_out: pl.DataFrame

    @classmethod
    def of(cls, build: Finished) -> Self:
        """Read the tables.

        Raises:
            StageError: The build has not come that far.
        """
        left_out = build.left_out
        return cls(
            build=build,
            recipe=build.recipe,
            left_out=left_out,
            lists=build.lists,
            labels=build.read("settle", LABELS).join(
                left_out, left_on="qid", right_on="id", how="anti", maintain_order="left"
            ),
            judgments=build.read("label", JUDGMENTS),
            listed=candidate_lists(build.read("retrieve", CANDIDATES)),
            queries=build.read("generate", QUERIES),
        )

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """LABELS, what is known of them as candidates, and what the dataset makes of them."""
        found = self.build.read("retrieve", CANDIDATES).select(
            "qid", "docid", "origin", candidate_rank="rank"
        )
        return self.recipe.assemble.policy.marked(self.labels.join(found, on=["qid", "docid"]))

    @cached_property
    def readings(self) -> Mapping[str, Readings]:
        """What every view made of every list, by qid."""
        return read_trials(self.recipe.views, self.listed, self.judgments)

    @cached_property
    def labelled(self) -> Mapping[str, LabelledList]:
        """Every list that could be ranked, kept or not, with its consensus, by qid."""
        known = known_of(self.queries)
        labelled, _ = join(self.recipe.settle, self.recipe.views, known, self.readings)
        return {one.qid: one for one in labelled}

    @cached_property
    def reasons(self) -> Mapping[str, tuple[str, str]]:
        """The rule and the detail by which a query or its list was rejected, by qid."""
        made = (self.build.read(stage, REJECTIONS) for stage in ("retrieve", "settle"))
        rows = pl.concat([*made, self.left_out])
        return {qid: (rule, detail) for _, qid, rule, detail in rows.iter_rows()}

    @cached_property
    def grades(self) -> Mapping[str, Mapping[str, int]]:
        """Grades of the kept lists' documents, by qid and docid."""
        rows = self.labels.group_by("qid", maintain_order=True).agg("docid", "grade")
        return {qid: dict(zip(ids, found, strict=True)) for qid, ids, found in rows.iter_rows()}

    def texts(self, docids: Sequence[str]) -> pl.DataFrame:
        """Columns docid, title and text of some documents, in the order of `docids`.

        Memory holds no other text: the file is filtered while it is read.
        """
        wanted = pl.DataFrame({"docid": docids}, schema={"docid": pl.String})
        found = (
            pl.scan_parquet(self.build.output("ingest").path(DOCUMENTS))
            .filter(pl.col("docid").is_in(wanted["docid"].implode()))
            .select("docid", "title", "text")
            .collect()
        )
        return wanted.join(found, on="docid", how="left", maintain_order="left")
