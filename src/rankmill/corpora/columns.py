"""Which fields of a source's rows become a document."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from pydantic import Field

from rankmill.corpora.files import Place
from rankmill.errors import CorpusError
from rankmill.records import Document, Rejection
from rankmill.spec import Spec, digest

_USUAL = {
    "docid": ("docid", "_id", "id"),
    "title": ("title",),
    "licence": ("licence", "license"),
    "lang": ("lang",),
    "headings": (),
    "parent": (),
}


class Columns(Spec):
    """The names of a source's fields.

    A name that is given must be there in every row. One that is left out is looked for under its
    usual names and may be missing; an empty one is never read. Numbers are taken as docids, a list
    of texts as headings; every other field holds text.

    Attributes:
        docid: Usually `docid`, `_id` or `id`, the first there is; a row without one gets a
            docid from the digest of its text.
        title: Usually `title`.
        licence: Usually `licence` or `license`.
        lang: Usually `lang`.
        headings: The headings above the text, read only if named.
        parent: The docid of what the text is a part of, read only if named.
    """

    docid: str | None = None
    text: str = Field(default="text", min_length=1)
    title: str | None = None
    licence: str | None = None
    lang: str | None = None
    headings: str | None = None
    parent: str | None = None

    def find(self, found: Collection[str], place: object) -> dict[str, str]:
        """Say which of the fields `found` at `place` plays which part.

        Raises:
            CorpusError: A named field is missing.
        """
        fields = {"text": self.text}
        for part, usual in _USUAL.items():
            named = getattr(self, part)
            if named is None:
                named = next((name for name in usual if name in found), "")
            if named:
                fields[part] = named
        for part, name in fields.items():
            if name not in found:
                raise CorpusError(f"{place}: no field {name!r} for the {part}{_among(name, found)}")
        return fields

    def document(self, row: Mapping[str, object], place: Place) -> Document | Rejection:
        """Read one row. A row whose text is null is rejected as `no_text`.

        Raises:
            CorpusError: A named field is missing, or a field holds something else than text.
        """
        fields = self.find(row.keys(), place)
        read = {"docid": _docid, "parent": _docid, "headings": _headings}
        parts = {
            part: read.get(part, _text)(row[name], name, place) for part, name in fields.items()
        }
        docid = parts.get("docid") or ""
        text = parts["text"]
        if text is None:
            return Rejection(id=docid or place.source, rule="no_text", detail=f"null at {place}")
        return Document(
            docid=docid or digest(text),
            text=text,
            title=parts.get("title") or "",
            source=place.source,
            licence=parts.get("licence"),
            lang=parts.get("lang"),
            headings=parts.get("headings"),
            parent=parts.get("parent") or None,
        )


def _text(value: object, name: str, place: Place) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise CorpusError(f"{place}: field {name!r} is of type {type(value).__name__}, expected text")


def _headings(value: object, name: str, place: Place) -> str | None:
    if not isinstance(value, list):
        return _text(value, name, place)
    return " > ".join(filter(None, (_text(one, name, place) for one in value))) or None


def _docid(value: object, name: str, place: Place) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None or isinstance(value, str):
        return value or ""
    found = type(value).__name__
    raise CorpusError(
        f"{place}: field {name!r} is of type {found}, expected text or a whole number"
    )


def _among(name: str, found: Collection[str]) -> str:
    """What there is instead of `name`, for an error message."""
    spelled = {other.casefold(): other for other in found}
    nearest = get_close_matches(name.casefold(), spelled, n=1)
    hint = f" (nearest: {spelled[nearest[0]]!r})" if nearest else ""
    return f", found {', '.join(map(repr, found)) or 'none'}{hint}"
