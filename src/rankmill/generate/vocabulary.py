"""What the names of a grid's cells mean, in words that a teacher understands."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import Field

from rankmill.generate.writing import Cell, Example
from rankmill.spec import Spec, digest
from rankmill.tags import primary

_PLACE = "prompts/queries/grid.toml"
_ANY, _ENGLISH = "question", "en"


class Words(Spec):
    """Names of the user's own, or other words for those of the package.

    Attributes:
        kinds: What to write, such as `keyword = "Two to five keywords"`.
        difficulties: How hard.
        lengths: How long.
        langs: What a language is called, by BCP 47 tag.
    """

    kinds: dict[str, str] = Field(default_factory=dict)
    difficulties: dict[str, str] = Field(default_factory=dict)
    lengths: dict[str, str] = Field(default_factory=dict)
    langs: dict[str, str] = Field(default_factory=dict)

    def missing(self, axis: str, names: Mapping[str, float]) -> list[str]:
        """Those `names` of an axis that have no words."""
        known = self.all(axis)
        return sorted(name for name in names if name not in known)

    def all(self, axis: str) -> dict[str, str]:
        """The words of an axis: the package's, with the user's over them."""
        found: dict[str, str] = _shipped().words[axis]
        return {**found, **getattr(self, axis)}

    def of(self, cell: Cell) -> dict[str, str]:
        """What a prompt fills in for a cell; "" where nothing is asked.

        A language without a name is called by its tag.
        """
        langs = self.all("langs")
        return {
            "form": self.all("kinds").get(cell.kind, ""),
            "difficulty": self.all("difficulties").get(cell.difficulty, ""),
            "length": self.all("lengths").get(cell.length, ""),
            "language": langs.get(cell.lang) or langs.get(primary(cell.lang)) or cell.lang,
            "persona": cell.persona,
        }


def examples_of(cell: Cell) -> tuple[Example, ...]:
    """The package's worked examples that fit a cell: of its kind, one of them in no English.

    That one is shown where another language is asked for, and only there. An example says who
    asks, and in which language, only where the cell does. A kind of the user's own is shown with
    questions.
    """
    foreign = bool(cell.lang) and primary(cell.lang) != _ENGLISH
    shown = (one for one in _shipped().examples if foreign or one["lang"] == _ENGLISH)
    return tuple(_example(one, cell) for one in shown)


def _example(one: Mapping[str, Any], cell: Cell) -> Example:
    kind = cell.kind if cell.kind in one["queries"] else _ANY
    said = {name: one[name] if getattr(cell, name) else "" for name in ("persona", "lang")}
    return Example(
        document=one["document"],
        query=one["queries"][kind],
        title=one["title"],
        cell=Cell(kind=kind, **said),
    )


def shipped_digest() -> str:
    """Changes with the package's words."""
    return digest(_shipped().source)


@dataclass(frozen=True)
class _Shipped:
    source: str
    words: Mapping[str, dict[str, str]]
    examples: tuple[Mapping[str, Any], ...]


@cache
def _shipped() -> _Shipped:
    source = files("rankmill").joinpath(_PLACE).read_text(encoding="utf-8")
    values = tomllib.loads(source)
    return _Shipped(source=source, words=values, examples=tuple(values["examples"]))
