"""Word documents (DOCX)."""

import io
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

from rankmill.corpora.formats.html import parse
from rankmill.corpora.formats.parsed import Parsed, Unreadable, package

_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"
_CORE = "docProps/core.xml"
_DUBLIN = "{http://purl.org/dc/elements/1.1/}"
_MALFORMED = (LookupError, ValueError, AttributeError, TypeError, RuntimeError, OSError, EOFError)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LARGEST = 512 << 20


def read_docx(raw: bytes) -> Parsed:
    """A Word document by its styles: headings, lists, tables, notes; no pictures, no comments.

    Raises:
        Unreadable: It is encrypted or an old `.doc`, no DOCX at all, holds no words, or swells to
            more than 512 MiB.
    """
    if raw.startswith(_OLE):
        raise Unreadable("encrypted", "encrypted, or in the old .doc format")
    mammoth = package("mammoth", "DOCX")
    faults = _faults()
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as parts:
            size = sum(part.file_size for part in parts.infolist())
            if size > _LARGEST:
                raise Unreadable("broken", f"unpacks to {size >> 20:,} MiB")
            core = ElementTree.fromstring(parts.read(_CORE)) if _CORE in parts.namelist() else None
        html = mammoth.convert_to_html(
            io.BytesIO(raw),
            style_map=_STYLES,
            convert_image=mammoth.images.img_element(lambda _: {}),
        ).value
    except faults as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise Unreadable("broken", f"no DOCX: {said[:200]}") from error
    return replace(parse(html, _stated(core, "title")), lang=_stated(core, "language") or None)


def _stated(core: ElementTree.Element | None, field: str) -> str:
    """A field of the document's properties."""
    return "" if core is None else (core.findtext(_DUBLIN + field) or "").strip()


def _faults() -> tuple[type[Exception], ...]:
    """What mammoth and the modules below it raise of a document that is not as it should be."""
    import zlib
    from xml.parsers.expat import ExpatError
    from xml.sax import SAXParseException

    return (
        *_MALFORMED,
        zipfile.BadZipFile,
        zlib.error,
        ExpatError,
        SAXParseException,
        ElementTree.ParseError,
    )
