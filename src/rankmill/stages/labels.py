"""Candidate lists to labels: label, settle."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from rankmill.build import Build
from rankmill.label.label import label as read_lists
from rankmill.label.view import View
from rankmill.records import Query, Rejection
from rankmill.report import StageReport
from rankmill.settle import candidate_lists
from rankmill.settle import settle as derive_labels
from rankmill.space import text_of
from rankmill.spec import digest
from rankmill.stages.depends import documents_of, inputs, prompt_of, teacher_of
from rankmill.tables import CANDIDATES, JUDGMENTS, LABELS, LISTS, QUERIES
from rankmill.tablestore import Draft, Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A share of the labelling that can run anywhere: one view of some candidate lists.

    Attributes:
        view: Name of the view.
        shard: Which share of the queries, from 0, by a hash of the qid.
        shards: How many there are.
    """

    view: str
    shard: int
    shards: int

    def __str__(self) -> str:
        return f"{self.view} {self.shard + 1} of {self.shards}"

    def holds(self, qid: str) -> bool:
        """Whether a query's list belongs to this part."""
        return int(digest(qid), 16) % self.shards == self.shard


def parts(build: Build) -> list[Part]:
    """Every view of every shard. With the same replies, how many there are changes no byte."""
    shards = build.settings.shards
    return [
        Part(view=view.name, shard=shard, shards=shards)
        for view in build.recipe.views
        for shard in range(shards)
    ]


def _label_depends(build: Build, view: View, *read: Output) -> dict[str, str]:
    return {
        f"views.{view.name}": view.fingerprint,
        **prompt_of(build, view.prompt),
        **teacher_of(build, view.teacher),
        **inputs(*read),
    }


def label_part(
    build: Build, documents: Output, queries: Output, candidates: Output, part: Part
) -> Output:
    """Candidate lists to judgments, for one view and one shard."""
    (view,) = (view for view in build.recipe.views if view.name == part.view)

    def make(draft: Draft) -> StageReport:
        every = candidate_lists(candidates.read(CANDIDATES))
        mine = {qid: docids for qid, docids in every.items() if part.holds(qid)}
        words = dict(queries.read(QUERIES).select("qid", "text").iter_rows())
        shown = pl.Series([docid for docids in mine.values() for docid in docids], dtype=pl.String)
        texts = {d.docid: text_of(d.title, d.text) for d in documents_of(documents, shown.unique())}
        total = sum(v.calls(len(docids)) for v in build.recipe.views for docids in every.values())
        judgments = build.teachers.run(
            read_lists(
                view,
                build.prompt(view.prompt),
                [(Query(qid=qid, text=words[qid]), docids) for qid, docids in mine.items()],
                texts,
                build.sender(view.teacher, "label", total),
            )
        )
        draft.write(JUDGMENTS, judgments)
        return StageReport(stage=stage, read=len(judgments), written=len(judgments))

    stage = f"label-{part.view}-{part.shard + 1}-of-{part.shards}"
    depends = _label_depends(build, view, documents, queries, candidates)
    return build.part(stage, depends, make, of="label")


def label(
    build: Build,
    documents: Output,
    queries: Output,
    candidates: Output,
    judged: Sequence[Output],
) -> Output:
    """The judgments of all parts as one table, sorted, whatever the parts were."""

    def make(draft: Draft) -> StageReport:
        judgments = pl.concat([part.read(JUDGMENTS) for part in judged]).sort(JUDGMENTS.key)
        draft.write(JUDGMENTS, judgments)
        faulty = judgments.filter(pl.col("status") != "valid")
        counts = draft.reject(
            Rejection(
                id=f"{row['qid']}/{row['view']}/{row['trial']}/{row['step']}",
                rule=row["detail"].partition(":")[0] if row["status"] == "malformed" else "refused",
                detail=row["detail"],
            )
            for row in faulty.iter_rows(named=True)
        )
        valid = len(judgments) - len(faulty)
        return StageReport(stage="label", read=len(judgments), written=valid, rejected=counts)

    depends: dict[str, str] = {}
    for view in build.recipe.views:
        depends |= _label_depends(build, view, documents, queries, candidates)
    return build.once("label", depends, make)


def settle(build: Build, queries: Output, candidates: Output, judgments: Output) -> Output:
    """Judgments to labels, and lists that can be trusted."""
    recipe = build.recipe

    def make(draft: Draft) -> StageReport:
        listed = candidates.read(CANDIDATES)
        labels, lists, rejections = derive_labels(
            recipe.settle, recipe.views, queries.read(QUERIES), listed, judgments.read(JUDGMENTS)
        )
        draft.write(LABELS, labels)
        draft.write(LISTS, lists)
        counts = draft.reject(rejections)
        return StageReport(
            stage="settle",
            read=listed["qid"].n_unique(),
            written=labels["qid"].n_unique(),
            rejected=counts,
        )

    depends = {"settle": recipe.settle.fingerprint, **inputs(queries, candidates, judgments)}
    return build.once("settle", depends, make)
