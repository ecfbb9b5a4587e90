"""What all reviews of a build come to, printed."""

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from rankmill.finished import Finished
from rankmill.review.journal import TABLE, latest
from rankmill.review.measures import Agreement, Kappa, Measures, measure
from rankmill.review.shown import Wanted, highest_grade, shown_lists
from rankmill.tables import LISTS


def summary(build: Finished) -> RenderableType:
    """Verdicts, agreement with the teachers, and what the figures are worth, whoever judged."""
    reviews = latest(build.folder).values()
    known = set(build.read("settle", LISTS).get_column("qid"))
    qids = tuple(sorted({review.qid for review in reviews} & known))
    lists = shown_lists(build, Wanted(qids=qids)) if qids else {}
    measures = measure(reviews, lists, highest_grade(build))
    if not reviews:
        return Text(f"no reviews of {build.manifest['name']} yet")
    old = f", {measures.outdated:,} reviews of what has changed since" if measures.outdated else ""
    head = f"lists accepted: {measures.accepted:,}, rejected: {measures.rejected:,}{old}"
    where = Text(str(build.folder / TABLE), style="dim", overflow="fold")
    return Group(Text(head), *_figures(measures), *map(Text, measures.words), where)


def _figures(measures: Measures) -> list[RenderableType]:
    """A line for every agreement, and below it a table of documents by grade."""
    if not measures.agreements:
        return []
    grid = Grid(box=None, padding=(0, 1))
    for name in ("reviewer", "judged", "lists", "documents", "same", "kappa", "weighted"):
        grid.add_column(name, justify="left" if name in {"reviewer", "judged"} else "right")
    for one in measures.agreements:
        counts = (f"{one.lists:,}", f"{one.documents:,}", f"{one.same / one.documents:.0%}")
        kappas = (_kappa(one.kappa), _kappa(one.weighted))
        grid.add_row(Text(one.reviewer), one.how, *counts, *kappas)
    return [grid, *map(_confusion, measures.agreements)]


def _confusion(one: Agreement) -> Grid:
    grid = Grid(box=None, padding=(0, 1))
    grid.add_column(Text(f"{one.reviewer}, {one.how} lists"))
    for grade in range(len(one.confusion)):
        grid.add_column(f"teacher {grade}", justify="right")
    for grade, row in enumerate(one.confusion):
        grid.add_row(f"grade {grade}", *map(str, row))
    return grid


def _kappa(kappa: Kappa) -> str:
    if kappa.value is None:
        return "n/a"
    return f"{kappa.value:.2f}" + (f" ± {kappa.within:.2f}" if kappa.within is not None else "")
