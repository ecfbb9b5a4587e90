"""Candidate lists to labels: label, settle."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from rankmill.build import Build
from rankmill.depends import documents_of, inputs, prompt_of, teacher_of
from rankmill.known import sources_of
from rankmill.label.label import ASK_AGAIN, Prompts
from rankmill.label.label import label as read_lists
from rankmill.label.rows import REPAIRED
from rankmill.label.view import View
from rankmill.records import Query, Rejection
from rankmill.report import StageReport
from rankmill.settle import settle as derive_labels
from rankmill.space import text_of
from rankmill.spec import digest
from rankmill.tables import CANDIDATES, JUDGMENTS, LABELS, LISTS, QUERIES
from rankmill.tablestore import Draft, Output
from rankmill.trials import Lists, candidate_lists, unsure


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


def parts(build: Build, *, cascaded: bool) -> list[Part]:
    """Every view of every shard. With the same replies, how many there are changes no byte.

    Args:
        build: Whose views.
        cascaded: Whether of the views that wait for others, or of those that do not.
    """
    shards = build.settings.shards
    return [
        Part(view=view.name, shard=shard, shards=shards)
        for view in build.recipe.views
        if bool(view.where) == cascaded
        for shard in range(shards)
    ]


def _label_depends(build: Build, view: View, *read: Output) -> dict[str, str]:
    return {
        f"views.{view.name}": view.fingerprint,
        **prompt_of(build, view.prompt),
        **(prompt_of(build, ASK_AGAIN) if view.corrections else {}),
        **teacher_of(build, view.teacher),
        **inputs(*read),
    }


def label_part(
    build: Build,
    documents: Output,
    queries: Output,
    candidates: Output,
    before: Sequence[Output],
    part: Part,
) -> Output:
    """Candidate lists to judgments, for one view and one shard.

    `before` holds what other views have judged already; one that waits for them reads it.
    """
    view, cheap = _view_of(build, part)
    read = [output for output in before if output.stage.startswith(_stages_of(cheap))]

    def make(draft: Draft) -> StageReport:
        every = candidate_lists(candidates.read(CANDIDATES))
        mine: Lists = {qid: docids for qid, docids in every.items() if part.holds(qid)}
        judged = [one.read(JUDGMENTS) for one in read]
        mine = _answerable(view, queries, mine)
        mine = unsure(view, cheap, mine, pl.concat([JUDGMENTS.empty(), *judged]))
        total = sum(v.calls(len(docids)) for v in build.recipe.views for docids in every.values())
        judgments = build.teachers.run(
            read_lists(
                view,
                Prompts(ask=build.prompt(view.prompt), again=build.prompt(ASK_AGAIN)),
                _asked(queries, documents, mine),
                _shown(documents, mine),
                build.sender(view.teacher, "label", total),
            )
        )
        draft.write(JUDGMENTS, judgments)
        return StageReport(stage=stage, read=len(judgments), written=len(judgments))

    stage = f"{_stages_of([view])[0]}{part.shard + 1}-of-{part.shards}"
    depends = _label_depends(build, view, documents, queries, candidates, *read)
    return build.part(stage, depends, make, of="label")


def _answerable(view: View, queries: Output, lists: Lists) -> Lists:
    """The lists that a view can be asked about: one that shows the answer needs a known one.

    A list that it was not asked about falls in `settle`, to the rule `view_missing`.
    """
    if "answer" not in view.strategy.variables:
        return lists
    known = sources_of(queries.read(QUERIES))
    return {qid: docids for qid, docids in lists.items() if known[qid]}


def _view_of(build: Build, part: Part) -> tuple[View, list[View]]:
    """A part's view, and the views that it waits for."""
    views = {view.name: view for view in build.recipe.views}
    view = views[part.view]
    return view, [views[name] for name in (view.where.views if view.where else ())]


def _stages_of(views: Sequence[View]) -> tuple[str, ...]:
    """How the names of the stages begin that hold these views' parts."""
    return tuple(f"label-{view.name}-" for view in views)


def _asked(queries: Output, documents: Output, lists: Lists) -> list[tuple[Query, Sequence[str]]]:
    """Queries with their lists. What is known to answer a query are the documents it came from."""
    frame = queries.read(QUERIES)
    texts, known = dict(frame.select("qid", "text").iter_rows()), sources_of(frame)
    sources = pl.Series([docid for qid in lists for docid in known[qid]], dtype=pl.String).unique()
    answers = {d.docid: d.text for d in documents_of(documents, sources)}
    return [
        (Query(qid=qid, text=texts[qid], answer="\n".join(answers[d] for d in known[qid])), docids)
        for qid, docids in lists.items()
    ]


def _shown(documents: Output, lists: Lists) -> dict[str, str]:
    """What a teacher sees of every listed document, by docid."""
    docids = pl.Series([docid for docids in lists.values() for docid in docids], dtype=pl.String)
    return {d.docid: text_of(d.title, d.text) for d in documents_of(documents, docids.unique())}


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
                rule=_rule(row["status"], row["detail"]),
                detail=row["detail"],
            )
            for row in faulty.iter_rows(named=True)
        )
        valid = judgments.filter(status="valid")
        repaired = len(valid.filter(pl.col("detail").str.starts_with(REPAIRED)))
        facts = {"repaired": repaired} if repaired else {}
        return StageReport(
            stage="label", read=len(judgments), written=len(valid), rejected=counts, facts=facts
        )

    depends: dict[str, str] = {}
    for view in build.recipe.views:
        depends |= _label_depends(build, view, documents, queries, candidates)
    return build.once("label", depends, make)


def _rule(status: str, detail: str) -> str:
    """What a reading without a judgment falls to: its fault, or what came of it."""
    return detail.partition(":")[0] if status == "malformed" else status


def settle(build: Build, queries: Output, candidates: Output, judgments: Output) -> Output:
    """Judgments to labels, and lists that can be trusted."""
    recipe = build.recipe

    def make(draft: Draft) -> StageReport:
        listed = candidates.read(CANDIDATES)
        labels, lists, rejections = derive_labels(
            recipe.settle,
            recipe.views,
            queries.read(QUERIES),
            listed,
            pl.scan_parquet(judgments.path(JUDGMENTS)),
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
