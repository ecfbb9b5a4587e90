"""The README of a dataset folder: front matter that the hub reads, and a page for people.

Names, licences and rules come from users and corpora. None of them can end a table, open a tag or
start a heading: they stand in code spans, or with their punctuation escaped.
"""

import re
from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from rankmill.assemble.configs import CONFIGS, LISTWISE
from rankmill.assemble.facts import CardFacts, Measures
from rankmill.assemble.spec import Assembly
from rankmill.assemble.toml import dumps

_TAGS = ("rankmill", "synthetic", "information-retrieval", "learning-to-rank", "llm-labels")
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)

Counts = Mapping[str, Mapping[str, int]]
"""Rows by config and split."""


def render(spec: Assembly, facts: CardFacts, counts: Counts, measures: Measures) -> str:
    """The text of README.md."""
    present = [table.name for table in CONFIGS if table.name in counts]
    title = " ".join((spec.title or facts.name).split())
    return _template().render(
        front=_front(spec, title, counts, measures),
        title=title,
        spec=spec,
        facts=facts,
        configs=present,
        counts=counts,
        measures=measures,
        recipe=dumps(facts.recipe),
    )


def _front(spec: Assembly, title: str, counts: Counts, measures: Measures) -> str:
    from huggingface_hub import DatasetCardData

    configs = [
        {
            "config_name": table.name,
            "data_files": [
                {"split": split, "path": f"{table.name}/{split}.parquet"}
                for split in counts[table.name]
            ],
        }
        | ({"default": True} if table is LISTWISE else {})
        for table in CONFIGS
        if table.name in counts
    ]
    licence, licence_name = _licence(spec, measures)
    languages = {lang.partition("-")[0].lower() for lang in measures.langs}
    data = DatasetCardData(
        pretty_name=title,
        language=sorted(filter(re.compile(r"[a-z]{2,3}").fullmatch, languages)) or None,
        task_categories=["text-ranking", "text-retrieval"],
        size_categories=_size(sum(counts[LISTWISE.name].values())),
        tags=list(dict.fromkeys((*_TAGS, *spec.tags))),
        license=licence,
        license_name=licence_name,
        configs=configs,
    )
    return data.to_yaml()


def _licence(spec: Assembly, measures: Measures) -> tuple[str | None, str | None]:
    """The hub knows licences by lower-case ids; whatever else it is told is `other`, by name."""
    stated = spec.licence or (next(iter(measures.licences)) if len(measures.licences) == 1 else "")
    words = " ".join((stated or "").split())
    if not words:
        return None, None
    if re.fullmatch(r"[a-z0-9][a-z0-9.-]*", words.lower()):
        return words.lower(), None
    return "other", words


def _size(rows: int) -> str:
    return next((name for limit, name in _SIZES if rows < limit), "10M<n<100M")


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("rankmill", "assemble"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = {"cell": _cell, "prose": _prose, "fenced": _fenced, "n": _count, "mean": _rounded}
    environment.filters.update(filters)
    return environment.get_template("card.md.j2")


def _ticks(text: str, least: int) -> str:
    """More backticks than any run of them in `text`, so that nothing in it can close the code."""
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))


def _cell(value: object) -> str:
    """Any value as code in one cell of a table; an empty one leaves the cell empty."""
    text = " ".join(str(value).split()).replace("|", "\\|")
    ticks = _ticks(text, 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}" if text else ""


def _prose(text: str) -> str:
    """Text in a sentence or a heading, with all that Markdown or HTML could read made literal."""
    return re.sub(r"([\\`*_\[\]<>&#|~!$])", r"\\\1", " ".join(text.split()))


def _fenced(text: str, language: str) -> str:
    ticks = _ticks(text, 3)
    return f"{ticks}{language}\n{text}{ticks}"


def _count(number: int) -> str:
    return f"{number:,}"


def _rounded(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"
