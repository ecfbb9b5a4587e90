"""Source code: functions, methods and classes, each with its documentation."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from textwrap import dedent

from rankmill.corpora.formats.parsed import Parsed, Section, Unreadable
from rankmill.corpora.formats.text import decode, licence_of

_LINE_END = re.compile("\r\n?")
_LONGEST_LINE = 5000
_NO_WORDS = re.compile(r"[\W_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What one definition takes of a file, its comments and decorators included.

    Attributes:
        name: Empty for an import, which is left out.
        first: Its first line, counted from 0.
        end: One past its last line.
    """

    name: str
    first: int
    end: int


Outline = Callable[[str], Iterable[Definition]]
"""Finds the definitions of a program, in any order, those inside others too.

Raises:
    Unreadable: It is no program of the language.
    CorpusError: A package that it needs is not installed.
"""


def read_code(raw: bytes, outline: Outline) -> Parsed:
    """One section a function, method or class, and one for what a file says besides.

    A definition's lines are its own, less those of definitions inside it; its comments, decorators
    and documentation belong to it. Its anchor and title are its dotted name, its headings the names
    around it. Where two definitions share a line, the second stays with what is around it. Imports
    are left out, and so is what has not one word once they are gone.

    Raises:
        Unreadable: The bytes are no text, no program of the language, nothing but imports, or
            "minified": a line has more than 5,000 characters.
    """
    text = _LINE_END.sub("\n", decode(raw))
    lines = text.split("\n")
    if (longest := max(map(len, lines))) > _LONGEST_LINE:
        raise Unreadable("minified", f"a line of {longest:,} characters, which nobody wrote")
    sections = tuple(_sections(lines, outline(text)))
    if not sections:
        raise Unreadable("empty", "nothing but imports")
    return Parsed(sections=sections, licence=licence_of(text))


def _sections(lines: list[str], definitions: Iterable[Definition]) -> Iterator[Section]:
    file = Definition(name="", first=-1, end=len(lines))
    found: list[tuple[Definition, tuple[str, ...]]] = [(file, ())]
    owner = [0] * len(lines)  # of each line, which of `found` it is part of
    around = [0]
    for inner in sorted(definitions, key=lambda one: (one.first, -one.end)):
        while found[around[-1]][0].end <= inner.first:
            around.pop()
        outer, path = found[around[-1]]
        if outer.first < inner.first and inner.end <= outer.end:
            around.append(len(found))
            owner[inner.first : inner.end] = [len(found)] * (inner.end - inner.first)
            found.append((inner, (*path, inner.name)))
    kept: list[list[str]] = [[] for _ in found]
    for line, part in zip(lines, owner, strict=True):
        kept[part].append(line)
    for (one, path), own in zip(found, kept, strict=True):
        text = dedent("\n".join(own)).strip("\n")
        if (one.name or one is file) and not _NO_WORDS.fullmatch(text):
            name, place = ".".join(path), f":{one.first + 1}" if path else ""
            yield Section(text=text, anchor=name, title=name, headings=path[:-1], place=place)
