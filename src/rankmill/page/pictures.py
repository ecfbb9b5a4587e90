"""The report's pictures, as SVG."""

from collections.abc import Sequence
from typing import Any

from rankmill.page.facts import BuildFacts
from rankmill.picture import svg

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_MARKS = "osD^vP"
"""Okabe and Ito's colours, and a mark for each: readable without colour vision."""


def agreement(facts: BuildFacts) -> str:
    """How the lists are spread over the agreement of their trials, view by view."""
    views = [view for view in facts.views if view.agreement]

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
        bins = [place / 10 for place in range(-10, 11)]
        for place, view in enumerate(views):
            taus = [one.tau for one in view.agreement if one.tau is not None]
            style = {"color": _COLOURS[place % len(_COLOURS)], "linewidth": 2}
            axes.hist(taus, bins=bins, histtype="step", label=view.view.name, **style)
        axes.axvline(0, color="0.4", linestyle="--", linewidth=1)
        axes.text(0, 1.01, "chance", transform=axes.get_xaxis_transform(), ha="center", color="0.3")
        axes.set(xlabel="mean Kendall's tau between the trials of a list", ylabel="lists")
        axes.legend(frameon=False)

    return svg(draw) if views else ""


def position(facts: BuildFacts) -> str:
    """How far a place in the prompt lifts the document that is shown there."""
    views = [view for view in facts.views if view.bias and len(view.bias.displacement) > 1]

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
        for number, view in enumerate(views):
            bias = view.bias
            if bias is None:
                continue
            places = range(1, len(bias.displacement) + 1)
            style: dict[str, Any] = {"color": _COLOURS[number % len(_COLOURS)], "capsize": 2}
            mark = _MARKS[number % len(_MARKS)]
            label = f"{view.view.name} ({view.view.presentation})"
            axes.errorbar(
                places, bias.displacement, yerr=bias.errors, marker=mark, label=label, **style
            )
        axes.axhline(0, color="0.4", linestyle="--", linewidth=1)
        axes.set(xlabel="place in the prompt", ylabel="ranks gained (+) or lost (-)")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False)

    return svg(draw) if views else ""


def trials(facts: BuildFacts) -> str:
    """How many trials the lists of views that decide for themselves got."""
    views = [view for view in facts.views if not isinstance(view.view.trials, int)]

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
        width = 0.8 / len(views)
        for place, view in enumerate(views):
            counts = {count: view.trials.count(count) for count in sorted(set(view.trials))}
            at = [count + width * (place - (len(views) - 1) / 2) for count in counts]
            colour = _COLOURS[place % len(_COLOURS)]
            axes.bar(at, counts.values(), width=width, label=view.view.name, color=colour)
        axes.set(xlabel="valid trials", ylabel="lists")
        _whole(axes)
        axes.legend(frameon=False)

    return svg(draw) if views else ""


def sources(facts: BuildFacts) -> str:
    """Where the consensus puts the document that the query was written for."""
    kept = _ranks(facts, kept=True)
    rejected = _ranks(facts, kept=False)

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
        ranks = range(1, max([*kept, *rejected]) + 1)
        low = [kept.count(rank) for rank in ranks]
        axes.bar(ranks, low, color=_COLOURS[0], label="kept")
        high = [rejected.count(rank) for rank in ranks]
        axes.bar(
            ranks,
            high,
            bottom=low,
            color="white",
            edgecolor=_COLOURS[1],
            hatch="///",
            label="rejected",
        )
        axes.set(xlabel="rank of the query's source document", ylabel="lists")
        _whole(axes)
        axes.legend(frameon=False)

    return svg(draw) if kept or rejected else ""


def _whole(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
    """Count in whole numbers, and leave room for the legend above the bars."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)
    axes.margins(y=0.25)


def _ranks(facts: BuildFacts, *, kept: bool) -> Sequence[int]:
    return facts.lists.filter(kept=kept)["source_rank"].drop_nulls().to_list()
