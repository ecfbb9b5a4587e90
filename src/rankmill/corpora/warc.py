"""Pages of a web crawl, from WARC files."""

import gzip
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from pydantic import Field

from rankmill.corpora.files import SourceFile, find_files, fingerprint, readable, unpacked
from rankmill.corpora.formats import Parsed, Unreadable
from rankmill.corpora.formats.html import read_html
from rankmill.corpora.formats.parsed import package
from rankmill.corpora.formats.text import read_text
from rankmill.records import Document, Rejection
from rankmill.spec import Machine, Spec

_PAGES = {"response", "resource", "conversion"}
_HTML = {"text/html", "application/xhtml+xml"}
_PLAIN = "text/plain"
_FOUND = "200"


class Warc(Spec):
    """The HTML pages of WARC files, plain or compressed with gzip; a docid is a page's URL.

    A page with headings becomes one document for each: `<url>#<anchor>`, whose parent is the URL.
    Plain text is read where a crawler extracted it (records `conversion`, as in Common Crawl's WET
    files). Everything else that was crawled is a rejection: `http_status` (not 200), `not_html`,
    `revisit`, `same_id` (an URL again), or what is wrong with the page, `broken`, `empty`,
    `undecodable` or `too_large`. What crawlers write about themselves (`warcinfo`, `request`,
    `metadata`) is no document. A file that ends early is `broken` from there. Needs the extra
    `documents`.

    ISO 28500, the WARC file format.

    Attributes:
        path: A file, a glob, or a folder that means every `.warc`, `.warc.gz`, `.wet` and
            `.wet.gz` below it; relative to the recipe's folder.
        licence: SPDX id or words for every page that states none itself.
        max_megabytes: A longer page is `too_large`.
    """

    kind: Literal["warc"] = "warc"
    path: Path = Machine(...)
    licence: str | None = None
    max_megabytes: int = Field(default=16, ge=1)

    def __str__(self) -> str:
        return str(self.path)

    def documents(self, base: Path) -> Iterator[Document | Rejection]:
        """Read every page, file by file in the order of their names.

        Raises:
            CorpusError: A file is missing or cannot be read, or a package is missing.
        """
        seen: set[str] = set()
        for file in self._files(base):
            with readable(file.path):
                yield from self._file(file, seen)

    def origin(self, base: Path) -> str:
        """The SHA-256 over the names and bytes of the files."""
        return fingerprint(self._files(base))

    def _files(self, base: Path) -> tuple[SourceFile, ...]:
        return find_files(self.path, base, endings=(".warc", ".warc.gz", ".wet", ".wet.gz"))

    def _file(self, file: SourceFile, seen: set[str]) -> Iterator[Document | Rejection]:
        number = 0
        try:
            with unpacked(file.path) as stream:
                for number, record in enumerate(_records(stream), start=1):
                    if record.rec_type in {*_PAGES, "revisit"}:
                        yield from self._record(record, f"{file.name}:{number}", seen)
        except (Unreadable, zlib.error, gzip.BadGzipFile) as error:
            said = " ".join(str(error).split())[:200]
            detail = f"{file.name}: broken after record {number:,}: {said}"
            yield Rejection(id=file.name, rule="broken", detail=detail)

    def _record(
        self,
        record: Any,  # noqa: ANN401 - warcio comes with an extra
        place: str,
        seen: set[str],
    ) -> Iterator[Document | Rejection]:
        url = str(record.rec_headers.get_header("WARC-Target-URI") or place).strip("<>")
        try:
            parsed = self._page(record, came_before=url in seen)
        except Unreadable as fault:
            yield Rejection(id=url, rule=fault.rule, detail=f"{place}: {fault}")
        else:
            seen.add(url)
            yield from parsed.documents(url, url, self.licence)

    def _page(self, record: Any, *, came_before: bool) -> Parsed:  # noqa: ANN401 - as above
        if came_before:
            raise Unreadable("same_id", "this URL came before")
        if record.rec_type == "revisit":
            raise Unreadable("revisit", "the same as at an earlier visit")
        headers = record.http_headers
        if headers and headers.get_statuscode() != _FOUND:
            raise Unreadable("http_status", headers.get_statuscode() or "no status")
        kind, _, rest = (
            (headers or record.rec_headers).get_header("Content-Type") or ""
        ).partition(";")
        plain = record.rec_type == "conversion" and kind.strip().lower() == _PLAIN
        if not plain and kind.strip().lower() not in _HTML:
            raise Unreadable("not_html", kind or "no content type")
        raw = self._bytes(record)
        if plain:
            return read_text(raw)
        _, _, charset = rest.lower().partition("charset=")
        return read_html(raw, charset.partition(";")[0].strip(" \"'"))

    def _bytes(self, record: Any) -> bytes:  # noqa: ANN401 - as above
        known = package("warcio.bufferedreaders", "WARC").BufferedReader
        packed = record.http_headers and record.http_headers.get_header("Content-Encoding")
        if packed and packed.lower() not in {*known.get_supported_decompressors(), "identity"}:
            raise Unreadable("undecodable", f"Content-Encoding {packed}")
        most = self.max_megabytes << 20
        stream = record.content_stream()
        with redirect_stderr(StringIO()):  # is where warcio says what is broken
            raw: bytes = stream.read(most + 1)
        if len(raw) > most:
            raise Unreadable("too_large", f"more than {self.max_megabytes} MiB")
        if packed and packed.lower() != "identity" and not _whole(stream.decompressor, raw):
            raise Unreadable("broken", f"the page ends early, or is not in {packed}")
        if not raw:
            raise Unreadable("empty", "no content")
        return raw


def _whole(unpacker: Any, raw: bytes) -> bool:  # noqa: ANN401 - one of several packages
    """Whether a page was unpacked to its end, or is kept unpacked, as some crawlers do.

    Args:
        unpacker: Its state at the end; none if the page was not packed as its header says.
        raw: What it made of the page; without one, the page itself.
    """
    if unpacker is None:
        return raw.removeprefix(BOM_UTF8).lstrip().startswith(b"<")
    return bool(unpacker.eof if hasattr(unpacker, "eof") else unpacker.is_finished())


def _records(packed: BinaryIO) -> Iterator[Any]:
    """The records of a file.

    Raises:
        Unreadable: What follows is no record, or a record's length was wrong.
        zlib.error: The file ends early.
    """
    failed = package("warcio.exceptions", "WARC").ArchiveLoadFailed
    stream = _Watched(packed)
    records = package("warcio.archiveiterator", "WARC").ArchiveIterator(stream)
    records.INC_RECORD = ""  # is written to the standard error; the count is enough
    while True:
        try:
            record = next(records, None)
        except (failed, AttributeError, ValueError) as error:  # or a header that must be is not
            raise Unreadable("broken", str(error)) from error
        if record is None:
            break
        yield record
    stream.close()
    if records.err_count:
        raise Unreadable("broken", f"{records.err_count:,} records had a wrong length")


class _Watched:
    """A stream that says when it ends early; warcio itself takes that for the end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._last = b""

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end.

        Raises:
            zlib.error: A packed file ends early.
        """
        try:
            read = cast(bytes, self._stream.read1(size))  # type: ignore[attr-defined]
        except EOFError as error:
            raise zlib.error("the packed file ends early") from error
        self._last = (self._last + read)[-4:]
        return read

    def tell(self) -> int:
        """How many bytes have been read."""
        return self._stream.tell()

    def close(self) -> None:
        """Check that the last record ended, as each does, with two line ends.

        Raises:
            zlib.error: It did not, or there was none.
        """
        if not self._last.endswith((b"\n\r\n", b"\n\n")):
            raise zlib.error("the file ends early" if self._last else "the file is empty")
