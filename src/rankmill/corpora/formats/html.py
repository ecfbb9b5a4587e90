"""HTML: the words of the page itself, section by section."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from rankmill.corpora.formats.parsed import Parsed, Section, Unreadable, package, slug
from rankmill.corpora.formats.text import decode

_DECLARED = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([\w:.-]+)""", re.IGNORECASE)
_MAIN = ("main", "[role=main]", "article")
_SILENT = (
    "script,style,noscript,template,svg,canvas,iframe,object,audio,video,annotation,"
    "button,select,textarea,datalist,nav,aside,footer,menu,[role=navigation],[role=search],"
    "[role=banner],[role=contentinfo],[role=complementary],[hidden],[aria-hidden=true],"
    "[style*='display:none'],[style*='display: none'],.headerlink,.sr-only,.visually-hidden"
)
_PERMALINK = {"¶", "#", "§", "\N{LINK SYMBOL}"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_PARAGRAPHS = {"p", "ul", "ol", "dl", "dt", "blockquote", "pre", "table", "figure", "hr", "details"}
_LINES = {"br", "div", "section", "article", "li", "dd", "tr", "caption", "figcaption", "summary"}
_LINES |= {"header", "address", "form", "fieldset", "main", "body", "center", "legend"}
_LISTS = {"ul", "ol"}
_LAYOUT = "table,ul,ol,pre,h1,h2,h3,h4,h5,h6,p + p,div + div"
_WIDE = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff00-\uff60"
_NO_SPACE = re.compile(f"(?<=[{_WIDE}])\\s*\\n\\s*(?=[{_WIDE}])")  # CJK wraps between characters
_NEIGHBOURS = "a[rel~=next], a[rel~=prev], a[rel~=up]"  # of a manual's or a blog's pages
_BLOCKS = {"p", "div", "td", "li", "span"}
_SHORT, _MANY, _MOSTLY = 300, 5, 0.8


def read_html(raw: bytes, declared: str = "") -> Parsed:
    """A page, in the encoding it declares.

    Args:
        raw: The bytes.
        declared: The encoding a server named; the page's own word where there is none.

    Raises:
        Unreadable: The page has no words, or its encoding cannot be told.
    """
    own = _DECLARED.search(raw, 0, 4096)
    return parse(decode(raw, declared or (own[1].decode("ascii") if own else "")))


def parse(html: str, title: str = "") -> Parsed:
    """Sections of a page: one for each heading, and one for what stands before the first.

    Scripts, styles, forms' controls, navigation, footers and what is hidden are left out. Where a
    page marks its main part, that part is read; elsewhere lists that are mostly links are left out
    too. Code keeps its layout, a table's row is one line, and a list's items begin with a dash or
    their number. An attribute `data-line` of a heading is taken for its line.

    Args:
        html: The page.
        title: Its title, if known from elsewhere; else it is the page's own, or its first heading.

    Raises:
        Unreadable: No words are left.
    """
    page = package("selectolax.lexbor", "HTML").LexborHTMLParser(html)
    own = page.css_first("title")
    licence = page.css_first("link[rel~=license][href], a[rel~=license][href]")
    language = page.root.attributes.get("lang") if page.root else None
    title = title or (_flow(own.text()) if own else "")
    root, writer = _main(page), _Writer()
    writer.read(_walk(root, _furniture(page, root)))
    sections = writer.finished()
    if not sections:
        raise Unreadable("empty", "no words besides navigation and scripts")
    title = title or next((s.headings[0] for s in sections if s.headings), "")
    return Parsed(
        sections=tuple(_headed(section, title) for section in sections),
        title=title,
        licence=licence.attributes["href"] if licence else None,
        lang=language or None,
    )


def _headed(section: Section, title: str) -> Section:
    """A section whose text begins with its heading, unless that is the title."""
    heading = section.headings[-1] if section.headings else ""
    lines = [section.text] if section.text and heading == title else [heading, section.text]
    return replace(section, text="\n\n".join(filter(None, lines)))


def _main(page: Any) -> Any:  # noqa: ANN401 - selectolax comes with an extra
    """The part of a page that it marks as the main one, else all of it."""
    for marked in _MAIN:
        found = page.css(marked)
        if len(found) == 1 and found[0].text(strip=True):
            return found[0]
    return page.body or page.root  # a frameset has no body


def _furniture(page: Any, root: Any) -> set[int]:  # noqa: ANN401 - as above
    """The nodes of a page that are none of its words."""
    nodes = page.css(_SILENT)
    nodes += [link for link in page.css("a") if link.text().strip() in _PERMALINK]
    around = [link.parent for link in page.css(_NEIGHBOURS) if link.parent.tag in _BLOCKS]
    nodes += [block for block in around if len(block.text(strip=True)) < _SHORT]
    if root.tag in {"body", "html"}:
        nodes += filter(_is_menu, page.css("ul, ol, table, header"))
    return {node.mem_id for node in nodes}


def _is_menu(block: Any) -> bool:  # noqa: ANN401 - as above
    links = block.css("a")
    linked = sum(len(link.text(strip=True)) for link in links)
    return len(links) >= _MANY and linked >= _MOSTLY * len(block.text(strip=True))


def _walk(root: Any, left_out: set[int]) -> Iterator[tuple[Any, bool]]:  # noqa: ANN401 - as above
    """Every node below `root` as it opens, and every element as it closes; however deep."""
    waiting = [(root, False)]
    while waiting:
        node, closes = waiting.pop()
        if node.mem_id in left_out:
            continue
        yield node, closes
        if node.is_element_node and not closes:
            waiting.append((node, True))
            waiting += reversed([(child, False) for child in node.iter(include_text=True)])


class _Writer:
    """Writes down a page's words and begins a new section at every heading."""

    def __init__(self) -> None:
        self._sections: list[Section] = []
        self._above: list[tuple[int, str]] = []  # the headings in force, with their levels
        self._anchor = self._place = ""
        self._written: list[str] = []
        self._gap = 0  # line ends that are due before the next word
        self._space = False
        self._mark = ""  # what is due before the next word of an item or a cell
        self._pre = self._cell = 0  # how many of them are open
        self._lists: list[int] = []  # of each open list the number of its next item, or 0

    def read(self, nodes: Iterable[tuple[Any, bool]]) -> None:
        """Write down nodes as they open and close."""
        for node, closes in nodes:
            if node.is_text_node:
                self._text(node.text_content or "")
            elif node.is_element_node and node.tag in _HEADINGS:
                self._heading(node, closes=closes)
            elif node.is_element_node:
                self._element(node, node.tag or "", closes=closes)

    def finished(self) -> list[Section]:
        """All sections but those of a heading whose only words are sections below it."""
        self._close()
        after = [section.headings for section in self._sections[1:]]
        return [
            section
            for section, below in zip(self._sections, [*after, ()], strict=False)
            if section.text or below[: len(section.headings)] != section.headings
        ]

    def _close(self) -> None:
        text = "".join(self._written).strip("\n")
        headings = tuple(words for _, words in self._above)
        if text or self._anchor:
            self._sections.append(
                Section(text=text, anchor=self._anchor, headings=headings, place=self._place)
            )
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._written = []
        self._gap, self._space, self._mark = 0, False, ""

    def _heading(self, node: Any, *, closes: bool) -> None:  # noqa: ANN401 - as above
        if not closes:
            self._close()
        elif words := _flow("".join(self._written)):
            level = _HEADINGS[node.tag]
            self._above = [(above, said) for above, said in self._above if above < level]
            self._above.append((level, words))
            self._anchor = _anchor(node) or slug(words)
            self._place = f":{line}" if (line := node.attributes.get("data-line")) else ""
            self._begin_anew()

    def _element(self, node: Any, tag: str, *, closes: bool) -> None:  # noqa: ANN401 - as above
        if tag in {"td", "th"}:
            self._table_cell(node, closes=closes)
        elif tag in _PARAGRAPHS:
            inner = closes if tag == "dt" else tag in _LISTS and self._lists[closes:]
            self._break(1 if inner else 2)
        elif tag in _LINES:
            self._break(1)
        if tag == "pre":
            self._pre += -1 if closes else 1
        if tag in _LISTS:
            self._list(tag, closes=closes)
        if tag in {"li", "tr"}:
            self._mark = self._item() if tag == "li" and not closes else ""

    def _list(self, tag: str, *, closes: bool) -> None:
        if closes:
            self._lists.pop()
        else:
            self._lists.append(1 if tag == "ol" else 0)

    def _break(self, lines: int) -> None:
        self._space = True
        if not self._cell:
            self._gap = max(self._gap, lines)

    def _item(self) -> str:
        """What stands before the next item."""
        number = self._lists[-1] if self._lists else 0
        if number:
            self._lists[-1] += 1
        return "  " * (len(self._lists) - 1) + (f"{number}. " if number else "- ")

    def _table_cell(self, node: Any, *, closes: bool) -> None:  # noqa: ANN401 - as above
        if node.css_first(_LAYOUT):  # a table that lays out a page has no rows to speak of
            self._break(1)
        elif closes:
            self._cell -= 1
        else:
            self._cell += 1
            self._mark += " | " if _follows_a_cell(node) else ""

    def _text(self, text: str) -> None:
        words = text if self._pre else _flow(text)
        if self._pre and self._gap:
            words = words.lstrip("\n")
        if not words:
            self._space |= bool(text)
            return
        if self._gap and self._written:
            self._written.append("\n" * self._gap)
        elif (self._space or text[0].isspace()) and self._written and not self._mark:
            self._written.append("" if self._pre else " ")
        self._written += [self._mark, words]
        self._gap, self._space, self._mark = 0, not self._pre and text[-1].isspace(), ""


def _flow(text: str) -> str:
    """Words with one space between them, and none where a script without spaces was wrapped."""
    return " ".join(_NO_SPACE.sub("", text).split())


def _anchor(heading: Any) -> str:  # noqa: ANN401 - as above
    """The id of a heading, or of the section that it opens."""
    if own := heading.attributes.get("id"):
        return str(own)
    around = heading.parent
    if around is None or around.tag not in {"section", "div", "article"}:
        return ""
    opening = around.css_first(",".join(_HEADINGS))
    return str(around.attributes.get("id") or "") if opening.mem_id == heading.mem_id else ""


def _follows_a_cell(cell: Any) -> bool:  # noqa: ANN401 - as above
    before = cell.prev
    while before is not None and not before.is_element_node:
        before = before.prev
    return before is not None
