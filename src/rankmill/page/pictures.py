"""The report's pictures, as SVG. Each is empty where there is nothing to draw."""

from math import nan
from typing import Any

from rankmill.page.facts import BuildFacts
from rankmill.page.ink import SOFT, bars, colour, drawn, legend, line, mark
from rankmill.page.views import ViewFacts

Axes = Any
"""Matplotlib's."""


def agreement(facts: BuildFacts) -> str:
    """How the lists are spread over the agreement of their trials, view by view."""
    views = [view for view in facts.views if view.agreement]

    def draw(axes: Axes) -> None:
        bins = [place / 10 for place in range(-10, 11)]
        for place, view in enumerate(views):
            taus = [one.tau for one in view.agreement if one.tau is not None]
            style = {"color": colour(place), "linestyle": line(place), "linewidth": 2}
            axes.hist(taus, bins=bins, histtype="step", label=view.view.name, **style)
        axes.axvline(0, color=SOFT, linestyle=":", linewidth=1)
        axes.set(xlabel="mean Kendall's tau between the trials of a list", ylabel="lists")
        axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["-1", "-0.5", "0: chance", "0.5", "1"])
        _whole(axes.yaxis)
        legend(axes)

    return drawn(draw) if views else ""


def position(facts: BuildFacts) -> str:
    """How far a place in the prompt lifts the document that is shown there."""
    views = [(view, view.bias) for view in facts.views if view.bias]
    several = [(view, bias) for view, bias in views if len(bias.displacement) > 1]

    def draw(axes: Axes) -> None:
        for number, (view, bias) in enumerate(several):
            places = range(1, len(bias.displacement) + 1)
            style = {"color": colour(number), "marker": mark(number), "linestyle": line(number)}
            label = f"{view.view.name} ({view.view.presentation})"
            axes.errorbar(
                places, bias.displacement, yerr=bias.errors, capsize=2, label=label, **style
            )
        axes.axhline(0, color=SOFT, linestyle=":", linewidth=1)
        axes.set(xlabel="place in the prompt", ylabel="ranks gained (+) or lost (-)")
        _whole(axes.xaxis)
        legend(axes)

    return drawn(draw) if several else ""


def trials(facts: BuildFacts) -> str:
    """How many trials the lists of views that decide for themselves got."""
    views = [view for view in facts.views if not isinstance(view.view.trials, int)]

    def draw(axes: Axes) -> None:
        width = 0.8 / len(views)
        for place, view in enumerate(views):
            counts = {count: view.trials.count(count) for count in sorted(set(view.trials))}
            at = [count + width * (place - (len(views) - 1) / 2) for count in counts]
            axes.bar(at, counts.values(), width=width, label=view.view.name, **bars(place))
        several = sorted({count for view in views for count in view.trials})
        axes.set(xlabel="valid trials", ylabel="lists", xticks=several)
        _whole(axes.yaxis)
        legend(axes)

    return drawn(draw) if views else ""


def sources(facts: BuildFacts) -> str:
    """Where the consensus puts the document that the query was written for."""
    kept, rejected = (
        facts.lists.filter(kept=which)["source_rank"].drop_nulls().to_list()
        for which in (True, False)
    )

    def draw(axes: Axes) -> None:
        ranks = range(1, max([2, *kept, *rejected]) + 1)
        low = [kept.count(rank) for rank in ranks]
        high = [rejected.count(rank) or nan for rank in ranks]
        axes.bar(ranks, low, label="kept", **bars(0))
        axes.bar(ranks, high, bottom=low, label="rejected", **bars(1))
        axes.set(xlabel="rank of the query's source document", ylabel="lists")
        _whole(axes.xaxis, axes.yaxis)
        legend(axes)

    return drawn(draw) if kept or rejected else ""


def grades(facts: BuildFacts) -> str:
    """How many documents of the kept lists have each grade."""
    found = {str(grade): count for grade, count in facts.grades.items()}

    def draw(axes: Axes) -> None:
        drawn_bars = axes.bar(list(found), list(found.values()), **bars(0))
        axes.bar_label(drawn_bars, [f"{count:,}" for count in found.values()])
        axes.set(xlabel="grade", ylabel="documents of kept lists")
        axes.margins(y=0.12)
        _whole(axes.yaxis)

    return drawn(draw) if found else ""


def scores(view: ViewFacts) -> str:
    """How a view's scores are spread over all documents of all lists."""

    def draw(axes: Axes) -> None:
        axes.hist(view.scores, bins=30, **bars(0))
        kind = str(view.view.strategy.score_kind).replace("_", " ")
        axes.set(xlabel=f"{view.view.name}: {kind}", ylabel="documents")
        _whole(axes.yaxis)

    return drawn(draw) if view.scores else ""


def against(facts: BuildFacts) -> str:
    """Mean Kendall's tau between every two orders of the same lists."""
    names, taus = facts.against.names, facts.against.taus

    def draw(axes: Axes) -> None:
        import numpy as np

        cells = np.full((len(names) - 1, len(names) - 1), np.nan)
        for (one, other), tau in taus.items():
            across, down = names.index(one), names.index(other) - 1
            if tau is not None:
                cells[down, across] = tau
                ink = "black" if tau > 0.4 else "white"
                axes.text(
                    across + 0.5, down + 0.5, f"{tau:.2f}", ha="center", va="center", color=ink
                )
        axes.pcolormesh(cells, cmap="cividis", vmin=-0.2, vmax=1, edgecolors="none")
        middle = np.arange(len(names) - 1) + 0.5
        axes.set_xticks(middle, names[:-1], rotation=30, ha="right", rotation_mode="anchor")
        axes.set_yticks(middle, names[1:])
        axes.invert_yaxis()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    known = [tau for tau in taus.values() if tau is not None]
    return drawn(draw, height=max(2.4, 0.9 + 0.45 * len(names))) if known else ""


def _whole(*axes: Axes) -> None:
    """Count in whole numbers."""
    for axis in axes:
        axis.get_major_locator().set_params(integer=True)
        axis.set_major_formatter("{x:,.0f}")
