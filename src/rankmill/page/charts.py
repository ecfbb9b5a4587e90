"""The wide pictures: what became of everything, where the topics lie, what it took."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import numpy as np

from rankmill.page.facts import BuildFacts
from rankmill.page.ink import CARD, COLOURS, INK, SOFT, bars, drawn, legend
from rankmill.report import StageReport

_COVERED, _BARE = "#7f97a8", "#c8743a"  # drawn as points: one ink for day and night
_NAMED_TOPICS, _NAMED_RULES = 30, 3
_ROWS = {
    "ingest": "documents",
    "embed": "documents",
    "cluster": "documents",
    "sample": "seeds",
    "generate": "queries",
    "retrieve": "lists",
    "label": "readings",
    "settle": "lists",
    "assemble": "lists",
}


def funnel(facts: BuildFacts) -> str:
    """What share of what every stage read it wrote, and why the rest fell."""

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
        for place, report in enumerate(facts.reports):
            share = report.written / report.read if report.read else 1.0
            axes.barh(place, share, height=0.5, **bars(0))
            axes.barh(place, 1 - share or nan, left=share, height=0.5, **bars(1))
            words = f"{report.written:,} of {report.read:,}" if share < 1 else f"{report.written:,}"
            axes.text(1.02, place, words, va="center")
            axes.text(0, place + 0.32, _reasons(report), va="top", color=SOFT, fontsize=9)
        names = [f"{one.stage}\n{_ROWS.get(one.stage, '')}" for one in facts.reports]
        axes.set_yticks(range(len(names)), names)
        axes.set(xlim=(0, 1), ylim=(len(names) - 0.3, -0.5))
        axes.xaxis.set_visible(False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)

    return drawn(draw, height=0.5 + 0.66 * len(facts.reports))


def _reasons(report: StageReport) -> str:
    """The rules by which most fell."""
    rules = sorted(report.rejected.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{rule} {count:,}" for rule, count in rules[:_NAMED_RULES]]
    more = len(rules) - _NAMED_RULES
    return ", ".join([*named, *([f"{more} more rules"] if more > 0 else [])])


def topics(facts: BuildFacts) -> str:
    """Documents and queries on a flat map; documents of topics without a kept list stand out."""
    found = facts.topics
    covered = np.isin(found.clusters, found.covered)

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
        for which, mark, ink, label in (
            (covered, ".", _COVERED, "document of a topic with a kept list"),
            (~covered, "x", _BARE, "document of a topic without"),
        ):
            style = {"marker": mark, "color": ink, "linewidths": 0.8, "rasterized": True}
            axes.scatter(*found.documents[which].T, s=12, alpha=0.7, label=label, **style)
        for which, fill, label in (
            (found.kept, INK, "query, list kept"),
            (~found.kept, "none", "query, list rejected"),
        ):
            style = {"facecolor": fill, "edgecolor": INK, "marker": "^", "zorder": 4}
            axes.scatter(*found.queries[which].T, s=34, label=label, **style)
        for topic in found.topics[:_NAMED_TOPICS]:
            _name(axes, str(topic.number), found.documents[found.clusters == topic.number])
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2, fontsize=9, markerscale=1.4
        )

    return drawn(draw, height=6.2) if len(found.documents) else ""


def _name(axes: Any, name: str, places: Any) -> None:  # noqa: ANN401 - matplotlib's axes, an array
    from matplotlib.patheffects import withStroke

    if len(places):
        halo = [withStroke(linewidth=3, foreground=CARD)]
        axes.annotate(
            name,
            np.median(places, axis=0),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            weight="bold",
            color=INK,
            path_effects=halo,
        )


def elbow(facts: BuildFacts) -> str:
    """How far documents lie from their topics, by how many topics there are."""
    curve = facts.topics.elbow

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
        from matplotlib.ticker import NullLocator

        chosen = curve.filter("chosen")["clusters"][0]
        style = {"color": COLOURS[0], "marker": "o", "linewidth": 2}
        axes.plot(curve["clusters"], curve["sse"], **style)
        axes.axvline(chosen, color=SOFT, linestyle=":")
        axes.set_xscale("log")
        axes.set_xticks(curve["clusters"].to_list(), [f"{k:,}" for k in curve["clusters"]])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set(xlabel="clusters", ylabel="sum of squared distances")

    return drawn(draw) if len(curve) else ""


def seconds(facts: BuildFacts) -> str:
    """How long every stage took."""
    return _bars({"": facts.seconds}, "seconds")


def tokens(facts: BuildFacts) -> str:
    """How many tokens every stage gave to teachers, and had of them."""
    both: dict[str, dict[str, float]] = {"in prompts": {}, "generated": {}}
    for stage, asked in facts.asked.items():
        both["in prompts"][stage] = sum(meter.tokens_in for meter in asked.values())
        both["generated"][stage] = sum(meter.tokens_out for meter in asked.values())
    return _bars(both, "tokens")


def _bars(series: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """One line of bars a stage, one part a series."""
    stages: Sequence[str] = list(next(iter(series.values())))

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
        left = [0.0] * len(stages)
        for number, (name, values) in enumerate(series.items()):
            widths = [values[stage] for stage in stages]
            seen = [width or nan for width in widths]
            axes.barh(stages, seen, left=left, height=0.6, label=name, **bars(number))
            left = [sum(pair) for pair in zip(left, widths, strict=True)]
        for place, whole in enumerate(left):
            axes.annotate(
                f"{whole:,.0f}" if whole >= 10 else f"{whole:,.1f}",
                (whole, place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
            )
        axes.invert_yaxis()
        axes.set(xlabel=unit, xlim=(0, 1.18 * max(left)), xticks=[])
        if len(series) > 1:
            legend(axes)

    found = [value for values in series.values() for value in values.values()]
    return drawn(draw, height=max(2.4, 0.9 + 0.32 * len(stages))) if any(found) else ""
