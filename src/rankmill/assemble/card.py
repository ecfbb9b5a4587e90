"""The README of a dataset folder: front matter that the hub reads, and a page for people.

Names, licences and rules come from users and corpora. None of them can end a table, open a tag or
start a heading: they stand in code spans, or with their punctuation escaped.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from rankmill.assemble.facts import CardFacts, Measures
from rankmill.assemble.hub_licences import known, named
from rankmill.assemble.markdown import prose
from rankmill.assemble.pictures import Picture
from rankmill.assemble.spec import Assembly
from rankmill.assemble.toml import dumps
from rankmill.contamination import Looked
from rankmill.export import SPLITS, Written, config_of
from rankmill.export.ids import COLUMNS
from rankmill.tables import CONTAMINATION, REJECTIONS
from rankmill.tags import primary
from rankmill.teachers.meter import in_money

_TAGS = ("rankmill", "synthetic", "information-retrieval", "learning-to-rank", "llm-labels")
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)

_LEFT_OUT = "everything that was left out, at which stage, by which rule"
_WHOLE = "full"
"""The split of a file that is one for all; `all` is a word of `datasets`' own."""
_TOUCHED = "documents and queries that touch evaluation collections, and by which rule"

Counts = Mapping[str, Mapping[str, int]]
"""Rows by config and split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a card says that is neither in the recipe nor in the files.

    Attributes:
        measures: Of the tables.
        looked: Evaluation collections that the dataset was held against.
        pictures: Those drawn.
    """

    measures: Measures
    looked: Sequence[Looked]
    pictures: Sequence[Picture]


def render(spec: Assembly, facts: CardFacts, files: Sequence[Written], shown: Shown) -> str:
    """The text of README.md."""
    measures = shown.measures
    title = " ".join((spec.title or facts.name).split())
    counts: dict[str, dict[str, int]] = {}
    for file in files:
        if file.config:
            counts.setdefault(file.config, {})[file.split or _WHOLE] = file.rows
    return _template().render(
        front=_front(spec, title, files, measures),
        title=title,
        spec=spec,
        facts=facts,
        columns=_columns(spec),
        counts=counts,
        splits=list(dict.fromkeys(split for rows in counts.values() for split in rows)),
        others=_others(spec, files),
        examples=list(_examples(spec, files)),
        measures=measures,
        looked=shown.looked,
        pictures=shown.pictures,
        cited=re.sub(r"[^a-z0-9]+", "-", facts.name.lower()).strip("-"),
        recipe=dumps(facts.recipe),
    )


def _front(spec: Assembly, title: str, files: Sequence[Written], measures: Measures) -> str:
    from huggingface_hub import DatasetCardData

    languages = {primary(lang) for lang in measures.langs}
    licence, licence_name = _licence(spec, measures)
    data = DatasetCardData(
        pretty_name=title,
        language=sorted(filter(re.compile(r"[a-z]{2,3}").fullmatch, languages)) or None,
        task_categories=["text-ranking", "text-retrieval"],
        size_categories=_size(measures.lists[0]),
        tags=list(dict.fromkeys((*_TAGS, *spec.tags))),
        license=licence,
        license_name=licence_name,
        configs=_configs(files),
    )
    return data.to_yaml()


def _configs(files: Sequence[Written]) -> list[dict[str, Any]]:
    """What the hub reads: every config and the files of its splits; the first is the default."""
    configs: dict[str, list[dict[str, Any]]] = {}
    for file in files:
        if file.config:
            path = file.paths[0] if len(file.paths) == 1 else list(file.paths)
            configs.setdefault(file.config, []).append(
                {"split": file.split or _WHOLE, "path": path}
            )
    return [
        {"config_name": name, "data_files": paths} | ({} if number else {"default": True})
        for number, (name, paths) in enumerate(configs.items())
    ]


def _columns(spec: Assembly) -> dict[str, str]:
    """What the rows of every config hold, in the order of the card."""
    exported = {
        config: export.columns
        for export in spec.exports
        for file in export.files()
        if (config := config_of(export, file))
    }
    return exported | COLUMNS | {REJECTIONS.name: _LEFT_OUT, CONTAMINATION.name: _TOUCHED}


def _others(spec: Assembly, files: Sequence[Written]) -> dict[str, tuple[str, list[str]]]:
    """Files that `load_dataset` does not read: what they are, and where, by export."""
    others: dict[str, tuple[str, list[str]]] = {}
    for export in spec.exports:
        mine = [path for file in files if not file.config for path in file.paths]
        if found := [path for path in mine if path.startswith(f"{export.folder}/")]:
            others[export.folder] = export.columns, found
    return others


def _examples(spec: Assembly, files: Sequence[Written]) -> Iterator[tuple[str, str]]:
    """The name of every export that has rows and says how it is used, and how."""
    for one in spec.exports:
        mine = {file.split for file in files if file.paths[0].startswith(f"{one.folder}/")}
        if one.example and mine:
            split = next((split for split in SPLITS if split in mine), _WHOLE)
            words = {"{data}": "<folder>", "{config}": one.folder, "{split}": split}
            text = one.example
            for name, value in words.items():
                text = text.replace(name, value)
            yield one.folder, text


def _licence(spec: Assembly, measures: Measures) -> tuple[str | None, str | None]:
    """The hub's id of the licence; of one that it has none for, `other` and a name."""
    stated = spec.licence or (next(iter(measures.licences)) if len(measures.licences) == 1 else "")
    words = " ".join((stated or "").split()).lower()
    if not words:
        return None, None
    return (words, None) if known(words) else ("other", named(words) or None)


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
    filters = {"cell": _cell, "prose": prose, "fenced": _fenced, "n": _count, "mean": _rounded}
    environment.filters.update(filters, money=in_money, bibtex=_bibtex)
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


def _fenced(text: str, language: str) -> str:
    ticks = _ticks(text, 3)
    return f"{ticks}{language}\n{text}{ticks}"


def _bibtex(text: str) -> str:
    """Text in a BibTeX field in a block of code: nothing in it can end either."""
    words = re.sub(r"[{}`\\]", "", text).replace("&", "\\&")
    return " ".join(words.split())


def _count(number: int) -> str:
    return f"{number:,}"


def _rounded(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"
