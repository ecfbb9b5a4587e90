"""What every reader makes of a file: a title and sections, or the reason why not."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from rankmill.errors import CorpusError
from rankmill.records import Document, Rejection

_NO_WORD = re.compile(r"[^\w\- ]+")


class Unreadable(Exception):
    """A file that holds no document.

    Attributes:
        rule: What is true of it: "broken", "encrypted", "scanned", "empty" or "undecodable".
    """

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a file that no passage leaves: what stands below a heading, a page, a function.

    Attributes:
        text: May be empty: a page without words.
        anchor: Names the section in its file, as a URL's fragment would; empty for what stands
            before the first heading.
        headings: The headings above it and its own, outermost first.
        title: If given, replaces what is made of the file's title and the headings.
        place: Where it begins: ":12" for line 12, ", page 3".
    """

    text: str
    anchor: str = ""
    headings: tuple[str, ...] = ()
    title: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """One file, read.

    Attributes:
        docid: The file's own id, where it states one.
        licence: Its own licence, where it states one.
        lang: BCP 47 tag, where it states one.
    """

    sections: tuple[Section, ...]
    title: str = ""
    docid: str | None = None
    licence: str | None = None
    lang: str | None = None

    def documents(
        self, docid: str, source: str, licence: str | None
    ) -> Iterator[Document | Rejection]:
        """One document a section: `<docid>#<anchor>`, whose parent is `docid`.

        A file of a single section is one document, `docid` itself. Text before the first heading
        has the anchor `top`; an anchor that comes again gets a number, as wikis do. The headings
        are part of the title, so that whoever is shown a passage knows what it is about.

        Args:
            docid: Used where the file states none.
            source: The file, in words a person can follow.
            licence: Used where the file states none.
        """
        docid = self.docid or docid
        taken: set[str] = set()
        for section in self.sections:
            whole = len(self.sections) == 1
            name = docid if whole else f"{docid}#{_free(section.anchor or 'top', taken)}"
            if not section.text.strip():
                detail = f"{source}{section.place} has no text"
                yield Rejection(id=name, rule="empty", detail=detail)
                continue
            yield Document(
                docid=name,
                title=section.title or self._titled(section.headings),
                text=section.text,
                source=f"{source}{section.place}",
                parent=None if whole else docid,
                licence=self.licence or licence,
                lang=self.lang,
                headings=" > ".join(section.headings) or None,
            )

    def _titled(self, headings: tuple[str, ...]) -> str:
        said = bool(headings) and headings[0] in self.title
        return " > ".join(filter(None, (self.title, *headings[said:])))


Reader = Callable[[bytes], Parsed]
"""Makes sections of a file's bytes.

Raises:
    Unreadable: The bytes hold no document of this format.
    CorpusError: A package that it needs is not installed.
"""


def slug(heading: str) -> str:
    """A heading as an anchor: lower case, dashes for spaces, no punctuation."""
    return _NO_WORD.sub("", heading.casefold()).strip().replace(" ", "-") or "section"


def package(name: str, purpose: str) -> ModuleType:
    """Import a package of the extra `documents`.

    Raises:
        CorpusError: It is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        missing = f"{purpose} needs the package {name.partition('.')[0]}"
        raise CorpusError(f"{missing}: pip install 'rankmill[documents]'") from error


def _free(anchor: str, taken: set[str]) -> str:
    """The anchor, with a number if it is taken already."""
    free, number = anchor, 0
    while free in taken:
        number += 1
        free = f"{anchor}-{number}"
    taken.add(free)
    return free
