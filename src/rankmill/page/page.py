"""Facts, pictures and lists in one HTML file."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from rankmill import __version__
from rankmill.disk import storage
from rankmill.finished import Finished
from rankmill.page import charts, pictures
from rankmill.page.browser import Browser
from rankmill.page.facts import BuildFacts
from rankmill.page.sources import Sources
from rankmill.page.views import ViewFacts
from rankmill.teachers.meter import in_money

REPORT = "report.html"
MEASURES = {
    "tau": "Kendall's tau",
    "w": "Kendall's W",
    "rbo": "rank-biased overlap",
    "top1": "same first document",
    "topk": "first documents in common",
}


def report(build: Finished) -> Path:
    """Write `report.html` into the build's folder, and return where it is.

    Raises:
        StageError: The build has not come as far as `settle`.
        StorageError: The disk is full or the folder cannot be written.
    """
    sources = Sources.of(build)
    facts, script = BuildFacts.of(sources), _file("report.js")
    page = _template().render(
        facts=facts,
        browser=Browser.of(sources, facts.topics),
        drawings=_drawings(facts),
        measured=_measured(facts),
        version=__version__,
        script=script,
        digest=f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}",
        style=_file("report.css"),
    )
    path = build.folder / REPORT
    partial = path.with_suffix(".partial")
    with storage(path):
        partial.write_text(page, encoding="utf-8")
        partial.replace(path)
    return path


def _measured(facts: BuildFacts) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Columns that some view has a figure for: each view's, and in brackets what chance gives."""
    views = facts.views
    columns = {name: [_mean(facts, view, key) for view in views] for key, name in MEASURES.items()}
    columns["alpha"] = [(_figure(view.alpha), "") for view in views]
    columns["circular"] = [(_figure(view.cyclic), "") for view in views]
    columns["place tau"] = [(f"{view.bias.tau:+.2f}" if view.bias else "", "") for view in views]
    return {name: told for name, told in columns.items() if any(figure for figure, _ in told)}


def _mean(facts: BuildFacts, view: ViewFacts, measure: str) -> tuple[str, str]:
    value, trials = view.mean(measure), view.mean_trials
    return (_figure(value), "" if value is None else _figure(facts.chance(measure, trials)))


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _drawings(facts: BuildFacts) -> Mapping[str, Markup | Sequence[Markup]]:
    """What matplotlib wrote, from numbers and names that it escapes."""
    return {
        "funnel": Markup(charts.funnel(facts)),
        "topics": Markup(charts.topics(facts)),
        "elbow": Markup(charts.elbow(facts)),
        "agreement": Markup(pictures.agreement(facts)),
        "against": Markup(pictures.against(facts)),
        "position": Markup(pictures.position(facts)),
        "trials": Markup(pictures.trials(facts)),
        "sources": Markup(pictures.sources(facts)),
        "grades": Markup(pictures.grades(facts)),
        "scores": [Markup(drawing) for view in facts.views if (drawing := pictures.scores(view))],
        "seconds": Markup(charts.seconds(facts)),
        "tokens": Markup(charts.tokens(facts)),
    }


def _file(name: str) -> Markup:
    """A file of this folder, as it is."""
    return Markup((files("rankmill.page") / name).read_text(encoding="utf-8"))


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("rankmill", "page"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = _figure
    environment.filters["count"] = lambda value: f"{value:,}"
    environment.filters["money"] = lambda value: "none" if value == 0 else in_money(value)
    environment.filters["duration"] = _duration
    return environment.get_template("report.html.j2")


def _duration(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:,.0f} s"
