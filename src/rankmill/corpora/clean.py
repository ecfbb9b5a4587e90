"""Normal form of text: the same words always in the same bytes."""

import re
import unicodedata
from dataclasses import replace

from rankmill.records import Document
from rankmill.tags import normal

# Form feeds, vertical tabs, separators and NEL end a line; the soft hyphen and the byte order mark
# show nothing and break words apart for a tokeniser. Joiners stay: scripts are spelled with them.
_LINE_END = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028]")
_EMPTY_LINES = re.compile("\n(?:[ \t]*\n)+")
_TRAILING = re.compile("(?<![ \t])[ \t]++(?=\n)")
_UNPRINTABLE = re.compile("[\0-\x08\x0e-\x1b\x1f\x7f-\x9f\xad\ufeff\ufffe\uffff\ud800-\udfff]")
_SPACES = re.compile(r"\s+")


def clean(document: Document) -> Document:
    """Bring title, headings, text and language tag into normal form; all else stays as it is."""
    return replace(
        document,
        title=_line(document.title),
        text=clean_text(document.text),
        headings=_line(document.headings or "") or None,
        lang=normal(document.lang or "") or None,
    )


def clean_text(text: str) -> str:
    """Bring a text into normal form (a second time changes nothing).

    Unicode is composed (NFC), lines end in a line feed without spaces before it, paragraphs are
    one empty line apart, and control characters are gone. Case, indentation and layout stay.
    """
    text = _LINE_END.sub("\n", text.replace("\u2029", "\n\n"))
    text = _UNPRINTABLE.sub("", text)
    text = _EMPTY_LINES.sub("\n\n", text)
    text = _TRAILING.sub("", text)
    return unicodedata.normalize("NFC", text).strip()


def _line(text: str) -> str:
    return _SPACES.sub(" ", clean_text(text))
