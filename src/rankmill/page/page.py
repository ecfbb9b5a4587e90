"""Facts and pictures in one HTML file."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from rankmill.finished import Finished
from rankmill.page import pictures
from rankmill.page.facts import BuildFacts

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
    """
    facts = BuildFacts.of(build)
    page = _template().render(
        facts=facts,
        measures=MEASURES,
        # What matplotlib wrote, from numbers and names that it escapes.
        agreement=Markup(pictures.agreement(facts)),
        position=Markup(pictures.position(facts)),
        trials=Markup(pictures.trials(facts)),
        sources=Markup(pictures.sources(facts)),
    )
    path = build.folder / REPORT
    partial = path.with_suffix(".partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(path)
    return path


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("rankmill", "page"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = lambda value: "" if value is None else f"{value:.2f}"
    environment.filters["count"] = lambda value: f"{value:,}"
    return environment.get_template("report.html.j2")
