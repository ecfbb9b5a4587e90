"""Pictures as SVG whose text is text, the same bytes every time."""

from collections.abc import Callable
from io import StringIO
from typing import Any


def svg(draw: Callable[[Any], None], *, width: float = 6.4, height: float = 3.6) -> str:
    """One `<svg>` element.

    Args:
        draw: Is given matplotlib's axes.
        width: Inches.
        height: Inches.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rankmill"}):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        written = StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    _, start, rest = written.getvalue().partition("<svg")
    return start + rest
