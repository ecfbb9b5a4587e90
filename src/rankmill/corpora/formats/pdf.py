"""PDF: the words of every page."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from rankmill.corpora.formats.parsed import Parsed, Section, Unreadable, package

_HYPHEN = "[\2\ufffe]"  # PDFium's signs for a hyphen that only a line's end called for
_BROKEN_WORD = re.compile(rf"(?<=\w)(?:{_HYPHEN}|-(?=\n[a-z]))\n?")
_NEW_LINE = re.compile(r"[-•*\u2013◦▪‣·]\s|\(?\d{1,3}[.)]\s|\S+\s?(?:\. ?){3,}")
_ENDS = re.compile(r"""[.!?:。\uff01\uff1f…]["'”\u2019)\]]*$""")
_SAYS_SOMETHING = re.compile(r"[^\W\d_]{2}.*[^\W\d_]{2}")
_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b")
_FULL, _NEARLY, _EDGE = 0.75, 0.95, 2
_NAMELESS = re.compile(r"(?i)untitled|microsoft word|.*\.(?:docx?|tex|dvi|pdf|indd|qxd)$|\W*$")


def read_pdf(raw: bytes) -> Parsed:
    """One section a page, below the headings of the document's outline that it begins under.

    Lines are joined to paragraphs, words that a line's end broke are made whole, and what stands
    at the top or foot of three pages and more (numbers apart) is left out. A page without words
    is an empty section.

    Raises:
        Unreadable: The file is broken or encrypted, or no page has words: it is "scanned" where
            there are pictures, else "empty".
    """
    pdfium = package("pypdfium2", "PDF")
    try:
        document = pdfium.PdfDocument(raw)
    except pdfium.PdfiumError as error:
        said = str(error)
        if "password" in said.lower() or "security" in said.lower():
            raise Unreadable("encrypted", "opens with a password only") from error
        raise Unreadable("broken", f"no PDF: {said}") from error
    with closing(document):
        pages = _without_furniture([_lines(_page(document, n)) for n in range(len(document))])
        if not any(pages):
            raise Unreadable(*_why_empty(document))
        paths = list(_outline(document, len(pages)))
        title = " ".join(document.get_metadata_value("Title").split())
    sections = tuple(
        Section(
            text=_paragraphs(lines),
            anchor=f"page={number}",
            headings=path,
            place=f", page {number}",
        )
        for number, (lines, path) in enumerate(zip(pages, paths, strict=True), start=1)
    )
    return Parsed(sections=sections, title="" if _NAMELESS.match(title) else title)


def _page(document: Any, number: int) -> Any:  # noqa: ANN401 - pypdfium2 is an extra
    """A page, or None where PDFium cannot load it."""
    pdfium = package("pypdfium2", "PDF")
    try:
        return document[number]
    except pdfium.PdfiumError:
        return None


def _lines(page: Any) -> list[str]:  # noqa: ANN401 - as above
    """The lines of a page; none of one that is not there."""
    if page is None:
        return []
    text = page.get_textpage().get_text_bounded()
    page.close()
    return [line for line in _whole(text).split("\n") if line.strip()]


def _whole(text: str) -> str:
    """The text with words made whole that a line's end broke."""
    return _BROKEN_WORD.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _without_furniture(pages: list[list[str]]) -> list[list[str]]:
    """The pages without running heads and feet: edge lines that recur, but for their numbers."""
    found = Counter(sign for page in pages for sign in set(map(_sign, _edges(page))))
    filled = sum(1 for page in pages if page)
    running = {sign for sign, count in found.items() if count >= max(3, filled // 50)}
    running = {sign for sign in running if sign == "0" or _SAYS_SOMETHING.search(sign)}
    kept = []
    for page in pages:
        start, end = 0, len(page)
        while start < min(_EDGE, end) and _sign(page[start]) in running:
            start += 1
        while end > max(start, len(page) - _EDGE) and _sign(page[end - 1]) in running:
            end -= 1
        kept.append(page[start:end])
    return kept


def _edges(page: list[str]) -> list[str]:
    return page if len(page) <= 2 * _EDGE else page[:_EDGE] + page[-_EDGE:]


def _sign(line: str) -> str:
    return _NUMBER.sub("0", " ".join(line.split()).casefold())


def _paragraphs(lines: list[str]) -> str:
    """Lines joined where the text runs on.

    A line ends its paragraph when it ends a sentence before the margin, or is much shorter than
    the page is wide; a list's item and a row of leading dots always begin a line.
    """
    lengths = sorted(map(len, lines))
    width = lengths[int(0.9 * (len(lengths) - 1))] if lengths else 0
    text = ""
    for line, after in zip(lines, [*lines[1:], ""], strict=False):
        short = len(line) < _FULL * width
        ends = short or (len(line) < _NEARLY * width and _ENDS.search(line))
        text += line.strip() + ("\n" if ends or _NEW_LINE.match(after.strip()) else " ")
    return text.strip()


def _outline(document: Any, pages: int) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 - as above
    """For each page the headings in force where it begins, or of what first begins on it."""
    marks: list[tuple[int, tuple[str, ...]]] = []
    path: list[str] = []
    for bookmark in document.get_toc():
        path = [*path[: bookmark.level], " ".join(bookmark.get_title().split())]
        target = bookmark.get_dest()
        if target is not None and (page := target.get_index()) is not None:
            marks.append((page, tuple(filter(None, path))))
    marks.sort(key=lambda mark: mark[0])
    now: tuple[str, ...] = ()
    for page in range(pages):
        here = [path for start, path in marks if start == page]
        yield here[0] if here else now
        now = here[-1] if here else now


def _why_empty(document: Any) -> tuple[str, str]:  # noqa: ANN401 - as above
    """The rule and the detail of a document without words."""
    image = package("pypdfium2.raw", "PDF").FPDF_PAGEOBJ_IMAGE
    pages = [_page(document, number) for number in range(len(document))]
    if None in pages:
        return "broken", f"{pages.count(None)} of {len(pages)} pages cannot be loaded"
    if pictures := sum(any(page.get_objects([image])) for page in pages):
        return "scanned", f"{len(pages)} pages without text, {pictures} with pictures: it needs OCR"
    return "empty", f"{len(pages)} pages, none with text"
