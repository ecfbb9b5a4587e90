"""Pictures in the page's own ink, so that they can be read by day and by night, and in grey."""

import re
from typing import Any

from rankmill.picture import Draw, svg

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Okabe and Ito's colours."""
INK, SOFT, CARD = "#1b1b1b", "#5c5c57", "#f4f4f0"
_VARIABLES = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    CARD: "var(--card)",
    **{colour: f"var(--c{number})" for number, colour in enumerate(COLOURS)},
}
_NAMED = re.compile("|".join(_VARIABLES))
_MARKS, _LINES, _HATCHES = "osD^vP", ("-", "--", "-.", ":"), ("", "///", "...", "xxx")


def colour(number: int) -> str:
    """The colour of a series, from 0."""
    return COLOURS[number % len(COLOURS)]


def mark(number: int) -> str:
    """The mark of a series."""
    return _MARKS[number % len(_MARKS)]


def line(number: int) -> str:
    """The line style of a series."""
    return _LINES[number % len(_LINES)]


def bars(number: int) -> dict[str, Any]:
    """The style of a series' bars: told apart by what fills them."""
    fill = {"facecolor": colour(number)} if not number else {"facecolor": "none"}
    return {**fill, "edgecolor": colour(number), "hatch": _HATCHES[number % len(_HATCHES)]}


def legend(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
    """Name the series above the picture, where they hide nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)


def drawn(draw: Draw, *, width: float = 4.8, height: float = 3.2) -> str:
    """A picture whose ink and colours are the page's; sizes are in inches."""
    import matplotlib as mpl

    names = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    style: dict[Any, Any] = {**dict.fromkeys(names, INK), "legend.frameon": False, "font.size": 11}
    with mpl.rc_context(style):
        picture = svg(draw, width=width, height=height, transparent=True)
    return _NAMED.sub(lambda found: _VARIABLES[found.group()], picture)
