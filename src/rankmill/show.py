"""Labelled lists and funnels, as a person can judge them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from rankmill.errors import ConfigError
from rankmill.finished import Finished
from rankmill.prompts import as_data
from rankmill.tables import CANDIDATES, DOCUMENTS, JUDGMENTS, LABELS, QUERIES
from rankmill.teachers import Meter
from rankmill.trials import Readings, candidate_lists, read_trials

_EXCERPT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The labelled lists of a build, with what stands behind each label."""

    queries: Mapping[str, Mapping[str, Any]]
    lists: Mapping[str, Mapping[str, Any]]
    labels: pl.DataFrame
    readings: Mapping[str, Readings]
    documents: Mapping[str, Mapping[str, Any]]
    scored: Mapping[str, str | None]

    @classmethod
    def of(cls, build: Finished) -> "Lists":
        """Read a build that has come as far as `settle`."""
        views = build.recipe.views
        listed = candidate_lists(build.read("retrieve", CANDIDATES))
        labels = build.read("settle", LABELS)
        wanted = labels.get_column("docid").unique()
        documents = (
            pl.scan_parquet(build.output("ingest").path(DOCUMENTS))
            .filter(pl.col("docid").is_in(wanted.implode()))
            .collect()
        )
        return cls(
            queries=_by("qid", build.read("generate", QUERIES)),
            lists=_by("qid", build.lists),
            labels=labels,
            readings=read_trials(views, listed, build.read("label", JUDGMENTS)),
            documents=_by("docid", documents),
            scored={view.name: view.strategy.score_kind for view in views},
        )

    def kept(self) -> list[str]:
        """Qids of the lists that were kept, most agreement between views first."""
        rows = [row for row in self.lists.values() if row["kept"]]
        rows.sort(key=lambda row: (-(row["view_tau"] or 0.0), row["qid"]))
        return [row["qid"] for row in rows]

    def render(self, qid: str) -> RenderableType:
        """One list: the query, its agreement, and every document with ranks and scores.

        Raises:
            ConfigError: The build has no such list.
        """
        if qid not in self.lists:
            raise ConfigError(f"no labelled list {qid}; rankmill show BUILD lists them all")
        facts = self.lists[qid]
        head = Text.assemble((self.queries[qid]["text"], "bold"), f"   {qid}")
        if not facts["kept"]:
            return Group(head, Text(f"  rejected: {facts['reason']}", style="red"))
        return Group(head, Text(f"  {_agreement(facts)}", style="dim"), *self._rows(qid))

    def _rows(self, qid: str) -> Iterator[Text]:
        """A line of figures and the title for every document, and below it how it begins."""
        names = ("rank", "grade", "score", *self.scored)
        yield _line(names, names, Text("document"), style="cyan")
        source = self.queries[qid]["source_docid"]
        for row in self.labels.filter(qid=qid).sort("rank").iter_rows(named=True):
            document = self.documents[row["docid"]]
            readings = [self._reading(qid, view, row["docid"]) for view in self.scored]
            mark = "*" if row["docid"] == source else " "
            figures = (f"{row['rank']}{mark}", str(row["grade"]), f"{row['score']:.4f}", *readings)
            yield _line(names, figures, Text(document["title"] or row["docid"], style="bold"))
            excerpt = as_data(document["text"], limit=_EXCERPT)
            yield Text(f"        {excerpt}", style="dim", no_wrap=True, overflow="ellipsis")

    def _reading(self, qid: str, view: str, docid: str) -> str:
        """A document's score in a view, or its rank in each trial of one that does not score."""
        trials = self.readings[qid].trials[view]
        if not trials:
            return "-"
        if self.scored[view]:
            scores = [trial.scores[trial.docids.index(docid)] for trial in trials]
            return f"{sum(scores) / len(scores):.2f}"
        return " ".join(str(trial.docids.index(docid) + 1) for trial in trials)


def _line(names: Sequence[str], figures: Sequence[str], title: Text, *, style: str = "") -> Text:
    """Figures right-aligned under their names, then a title that may be cut."""
    pairs = zip(names, figures, strict=True)
    cells = "  ".join(figure.rjust(max(len(name), 6)) for name, figure in pairs)
    line = Text(f"{cells}  ", style=style, no_wrap=True, overflow="ellipsis")
    return line.append_text(title)


def _agreement(facts: Mapping[str, Any]) -> str:
    parts = (
        ("trials", "trials", "d"),
        ("tau", "tau of trials", ".2f"),
        ("w", "W", ".2f"),
        ("top1_agreement", "same top", ".2f"),
        ("view_tau", "tau of views", ".2f"),
        ("source_rank", "source* at rank", "d"),
    )
    return " · ".join(
        f"{label} {facts[name]:{how}}" for name, label, how in parts if facts[name] is not None
    )


def _by(key: str, frame: pl.DataFrame) -> dict[str, Mapping[str, Any]]:
    return {row[key]: row for row in frame.iter_rows(named=True)}


def overview(lists: Lists) -> Grid:
    """Every list of a build on one line, those that were kept first."""
    grid = Grid(box=None, padding=(0, 1))
    for name in ("qid", "kept", "agreement or reason", "query"):
        grid.add_column(name, overflow="fold")
    kept = lists.kept()
    rejected = sorted(set(lists.lists) - set(kept))
    for qid in (*kept, *rejected):
        facts = lists.lists[qid]
        reason = _agreement(facts) if facts["kept"] else facts["reason"]
        mark = "yes" if facts["kept"] else "no"
        grid.add_row(qid, mark, Text(reason), Text(lists.queries[qid]["text"]))
    return grid


def funnel(build: Finished) -> RenderableType:
    """What went into each stage, what came out, and what each rule left out."""
    grid = Grid(box=None, padding=(0, 1))
    for name in ("stage", "read", "written", "seconds"):
        grid.add_column(name, justify="left" if name == "stage" else "right")
    grid.add_column("rejected, by rule")
    stages = build.manifest["stages"].values()
    for stage, report in zip(stages, build.reports, strict=True):
        rules = ", ".join(f"{rule} {n:,}" for rule, n in sorted(report.rejected.items()))
        counts = (f"{report.read:,}", f"{report.written:,}", f"{stage['seconds']:,.1f}")
        grid.add_row(report.stage, *counts, Text(rules))
    status = build.manifest["status"]
    error = build.manifest["error"]
    head = Text.assemble((build.manifest["name"], "bold"), f": {status}")
    told = [Text(error, style="red")] if error else []
    return Group(head, *told, grid, *_passed(build), *_teachers(build))


def _passed(build: Finished) -> Iterable[RenderableType]:
    """How many queries passed each test."""
    grid = Grid(box=None, padding=(0, 1))
    for name in ("queries by test", "read", "passed", "share"):
        grid.add_column(name, justify="left" if name == "queries by test" else "right")
    grid.add_column("passed, by sort")
    for one in build.passed:
        figures = (f"{one.read:,}", f"{one.kept:,}", f"{one.share:.0%}")
        grid.add_row(one.name, *figures, Text(one.by_sort))
    return [grid] if grid.row_count else []


def _teachers(build: Finished) -> Iterable[Text]:
    for name, values in build.manifest["teachers"].items():
        figures = (f"{what} {figure}" for what, figure in Meter.from_json(values).figures.items())
        yield Text(f"teacher {name}: {', '.join(figures)}", style="dim")
    if now := build.manifest.get("now"):
        rates = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in now.items())
        yield Text(f"now: {rates}", style="dim")
