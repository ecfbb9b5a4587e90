"""The pictures of a card, the same bytes every time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rankmill.assemble.facts import Measures
from rankmill.picture import svg

FOLDER = "pictures"
_BLUE, _GREY = "#0072b2", "#9a9a94"
_BINS = 20
_ABOVE: dict[str, Any] = {
    "loc": "lower right",
    "bbox_to_anchor": (1, 1),
    "ncols": 3,
    "frameon": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One that was drawn.

    Attributes:
        path: In the dataset folder.
        title: A word or two.
        about: What it shows, in words; for those who cannot see it, too.
    """

    path: str
    title: str
    about: str


def draw(measures: Measures, folder: Path) -> list[Picture]:
    """Draw what there is something to draw of, into `pictures/`."""
    drawn: Mapping[str, tuple[bool, str, Callable[[Measures, Any], None]]] = {
        "agreement": (
            bool(measures.taus),
            "How many kept lists have which Kendall's tau between trials of a view, or between "
            "views",
            _agreement,
        ),
        "position_bias": (
            bool(measures.bias),
            "By how many ranks documents end up above the middle of the list, for every place in "
            "the prompt; a teacher without position bias has a flat line at 0",
            _bias,
        ),
        "grades": (True, "Mean grade at every rank of the consensus", _grades),
        "evidence": (
            True,
            "How many documents, and how many positives, stand at every rank that the retriever "
            "gave",
            _evidence,
        ),
    }
    found = []
    for name, (there, about, how) in drawn.items():
        if there:
            path = folder / FOLDER / f"{name}.svg"
            path.parent.mkdir(exist_ok=True)
            path.write_text(svg(partial(how, measures)), encoding="utf-8")
            found.append(
                Picture(path=f"{FOLDER}/{name}.svg", title=name.replace("_", " "), about=about)
            )
    return found


def _agreement(measures: Measures, axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
    axes.hist(measures.taus, bins=_BINS, range=(-1, 1), color=_BLUE, edgecolor="white")
    axes.set(xlabel="Kendall's tau", ylabel="kept lists", xlim=(-1, 1))


def _bias(measures: Measures, axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
    for (view, bias), style in zip(measures.bias.items(), _styles(), strict=False):
        places = range(1, len(bias.displacement) + 1)
        axes.errorbar(places, bias.displacement, yerr=bias.errors, label=view, **style)
    axes.axhline(0, color=_GREY, linewidth=0.8)
    axes.set(xlabel="place in the prompt", ylabel="ranks above the middle")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(**_ABOVE)


def _styles() -> list[dict[str, Any]]:
    """Told apart by colour, mark and line, twelve of them."""
    colours = (_BLUE, "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
    lines = ("-", "--")
    return [
        {"color": colour, "marker": mark, "linestyle": line, "capsize": 2}
        for line in lines
        for colour, mark in zip(colours, "osD^vP", strict=True)
    ]


def _grades(measures: Measures, axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
    means = [mean for mean, _ in measures.ranks.values()]
    axes.bar(list(measures.ranks), means, color=_BLUE)
    axes.set(xlabel="rank of the consensus", ylabel="mean grade")
    axes.xaxis.get_major_locator().set_params(integer=True)


def _evidence(measures: Measures, axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
    places = list(measures.candidates)
    every = [documents for _, documents in measures.candidates.values()]
    positives = [positives for positives, _ in measures.candidates.values()]
    axes.bar(places, every, color="none", edgecolor=_GREY, label="documents")
    axes.bar(places, positives, color=_BLUE, label="positives")
    axes.set(xlabel="rank that the retriever gave", ylabel="documents of kept lists")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(**_ABOVE)
