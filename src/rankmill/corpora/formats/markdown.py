"""Markdown: front matter, headings, and everything that HTML has."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rankmill.corpora.formats.html import parse
from rankmill.corpora.formats.parsed import Parsed, Unreadable, package
from rankmill.corpora.formats.text import decode, licence_of

_FRONT = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?)^(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.M)


def read_markdown(raw: bytes) -> Parsed:
    """Markdown as GitHub reads it (CommonMark with tables), raw HTML included.

    Front matter (YAML between `---`, TOML between `+++`) gives `id`, `title`, `licence` or
    `license`, and `lang`; what else it holds is left out. A section's place is its line.

    Raises:
        Unreadable: No words are left, the front matter cannot be parsed, or the encoding cannot
            be told.
    """
    text = decode(raw).replace("\r\n", "\n")
    match = _FRONT.match(text)
    front = _front(match[1], match[2]) if match else {}
    above = text.count("\n", 0, match.end()) if match else 0
    html = _html(text[match.end() :] if match else text, above)
    parsed = parse(html, _word(front, "title") or "")
    return replace(
        parsed,
        docid=_word(front, "id"),
        licence=_word(front, "licence", "license") or parsed.licence or licence_of(text),
        lang=_word(front, "lang", "language") or parsed.lang,
    )


def _html(text: str, above: int) -> str:
    """The text as HTML whose headings know their lines; `above` is how many are before it."""
    markdown = package("markdown_it", "Markdown").MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(text)
    for token in tokens:
        if token.type == "heading_open":
            token.attrSet("data-line", str(token.map[0] + 1 + above))
    return str(markdown.renderer.render(tokens, markdown.options, {}))


def _front(mark: str, text: str) -> Mapping[str, Any]:
    """The fields of front matter; a `---` that begins no mapping is a rule above ordinary text.

    Raises:
        Unreadable: It is not valid.
    """
    yaml = package("yaml", "front matter in YAML")
    try:
        fields = tomllib.loads(text) if mark == "+++" else yaml.safe_load(text)
    except (tomllib.TOMLDecodeError, yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise Unreadable("broken", f"front matter cannot be parsed: {reason[:200]}") from error
    return fields if isinstance(fields, dict) else {}


def _word(front: Mapping[str, Any], *names: str) -> str | None:
    """The first of some fields that holds a word or a number."""
    for name in names:
        if isinstance(value := front.get(name), str | int) and str(value).strip():
            return str(value).strip()
    return None
