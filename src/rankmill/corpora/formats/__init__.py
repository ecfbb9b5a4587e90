"""Readers of documents, one file a format."""

from collections.abc import Mapping
from functools import partial

from rankmill.corpora.formats.code import read_code
from rankmill.corpora.formats.docx import read_docx
from rankmill.corpora.formats.html import read_html
from rankmill.corpora.formats.markdown import read_markdown
from rankmill.corpora.formats.parsed import Parsed, Reader, Section, Unreadable
from rankmill.corpora.formats.pdf import read_pdf
from rankmill.corpora.formats.python import python_outline
from rankmill.corpora.formats.syntax import LANGUAGES
from rankmill.corpora.formats.text import read_text

FORMATS: Mapping[str, Reader] = {
    "docx": read_docx,
    "html": read_html,
    "markdown": read_markdown,
    "pdf": read_pdf,
    "text": read_text,
    "python": partial(read_code, outline=python_outline),
    **{name: partial(read_code, outline=each.outline) for name, each in LANGUAGES.items()},
}
"""The readers, by the name that a recipe uses."""

NEEDS: Mapping[str, tuple[str, ...]] = {
    "docx": ("mammoth", "selectolax"),
    "html": ("charset_normalizer", "selectolax"),
    "markdown": ("charset_normalizer", "markdown_it", "selectolax", "yaml"),
    "pdf": ("pypdfium2",),
    "text": ("charset_normalizer",),
    "python": ("charset_normalizer",),
    **{name: ("tree_sitter", each.module) for name, each in LANGUAGES.items()},
}
"""The packages of the extra `documents` that a reader may come to need."""

_ENDINGS = {
    "docx": ".docx",
    "html": ".html .htm .xhtml",
    "markdown": ".md .markdown .mdown",
    "pdf": ".pdf",
    "text": ".txt .text .rst .adoc .org .tex .log",
    "python": ".py .pyi",
    "c": ".c .h",
    "cpp": ".cc .cpp .cxx .hh .hpp .hxx",
    "csharp": ".cs",
    "go": ".go",
    "java": ".java",
    "javascript": ".js .mjs .cjs .jsx",
    "php": ".php",
    "ruby": ".rb",
    "rust": ".rs",
    "tsx": ".tsx",
    "typescript": ".ts .mts .cts",
}
FORMAT_OF: Mapping[str, str] = {
    ending: name for name, endings in _ENDINGS.items() for ending in endings.split()
}
"""The format of a file, by the ending of its name in lower case."""

CODE = frozenset({"python", *LANGUAGES})
"""The formats that are source code."""

__all__ = ["CODE", "FORMATS", "FORMAT_OF", "NEEDS", "Parsed", "Reader", "Section", "Unreadable"]
