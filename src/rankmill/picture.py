"""Pictures as SVG whose text is text, the same bytes every time."""

from collections.abc import Callable
from io import StringIO
from typing import Any

Draw = Callable[[Any], None]
"""Is given matplotlib's axes."""


def svg(draw: Draw, *, width: float = 6.4, height: float = 3.6, transparent: bool = False) -> str:
    """One `<svg>` element.

    Args:
        draw: Draws on the axes.
        width: Inches.
        height: Inches.
        transparent: Whether what lies behind the picture shows through it.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "rankmill",
        "text.parse_math": False,  # a name may hold dollars
        "savefig.dpi": 144,  # of what is drawn as points, not as paths
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        written = StringIO()
        nothing = {"Date": None, "Creator": None}
        figure.savefig(written, format="svg", metadata=nothing, transparent=transparent)
    _, start, rest = written.getvalue().partition("<svg")
    return start + rest
