"""The teacher bench as a table, a picture and a file."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table as Grid

from rankmill.evaluate.figures import Cost, Line, Trust
from rankmill.evaluate.quality import Quality
from rankmill.picture import svg
from rankmill.teachers.meter import in_money

_COLUMNS = ("nDCG@10", "gain", "95 %", "joined", "read", "tau", "place", "malformed")
_COSTS = ("calls", "tokens in", "tokens out", "seconds", "money")
_CAPTION = (
    "gain: over the first stage, with a paired bootstrap interval over queries. joined: with the "
    "first stage's order. read: lists with a valid reading; others keep the first stage's order. "
    "tau: between a list's trials. place: tau of the order shown with the order found."
)


def table(title: str, lines: Sequence[Line]) -> Grid:
    """One row for every way of ordering the candidates."""
    grid = Grid(title=title, box=None, padding=(0, 1), caption=_CAPTION)
    grid.add_column("view", no_wrap=True)
    for name in (*_COLUMNS, *_COSTS):
        grid.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        cost = _cost(line.cost) if line.cost else ()
        trust = _trust(line.trust) if line.trust else ("", "", "")
        grid.add_row(line.name, *_quality(line.quality), *trust, *cost)
    return grid


def _quality(quality: Quality) -> Iterator[str]:
    yield f"{quality.ndcg:.3f}"
    gain = quality.gain
    yield f"{gain.mean:+.3f}" if gain else ""
    yield f"{gain.low:+.3f} {gain.high:+.3f}" if gain else ""
    yield _figure(quality.joined, ".3f")
    yield f"{quality.read:.0%}" if gain else ""


def _trust(trust: Trust) -> Iterator[str]:
    yield _figure(trust.tau, ".2f")
    yield f"{trust.bias.tau:+.2f}" if trust.bias else ""
    yield f"{trust.malformed:.0%}"


def _cost(cost: Cost) -> Iterator[str]:
    yield from (f"{count:,}" for count in (cost.calls, cost.tokens_in, cost.tokens_out))
    yield _figure(cost.seconds, ",.0f")
    yield in_money(cost.money)


def _figure(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def write(path: Path, title: str, lines: Sequence[Line]) -> None:
    """Write the lines as JSON to `path`, and beside it as a picture with the suffix `.svg`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {"title": title, "lines": [asdict(line) for line in lines]}
    path.write_text(json.dumps(values, indent=2))
    path.with_suffix(".svg").write_text(picture(title, lines))


def picture(title: str, lines: Sequence[Line]) -> str:
    """nDCG@10 against the tokens spent, as an SVG."""
    first, *ways = lines
    base = first.quality.ndcg

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
        axes.axhline(base, color="0.5", linestyle="--", linewidth=1)
        left = axes.get_yaxis_transform()
        axes.text(0.01, base, first.name, transform=left, va="bottom", color="0.3")
        for line in ways:
            if line.cost and line.quality.gain:
                _point(axes, line.name, line.cost, line.quality.gain, base)
        axes.set(xscale="log", xlabel="tokens, in thousands", ylabel="nDCG@10", title=title)

    return svg(draw, width=9, height=5.5)


def _point(axes: Any, name: str, cost: Cost, gain: Any, base: float) -> None:  # noqa: ANN401
    """One view, with the interval of its gain."""
    tokens, value = (cost.tokens_in + cost.tokens_out) / 1000, base + gain.mean
    reach = [[gain.mean - gain.low], [gain.high - gain.mean]]
    axes.errorbar(tokens, value, yerr=reach, fmt="o", capsize=3, color="#0b6e99")
    axes.annotate(name, (tokens, value), xytext=(6, 4), textcoords="offset points", fontsize=9)
