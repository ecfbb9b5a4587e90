"""A folder of documents of mixed kinds."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import Field, field_validator

from rankmill.corpora.files import SourceFile, find_files, fingerprint, readable
from rankmill.corpora.formats import CODE, FORMAT_OF, FORMATS, NEEDS, Parsed, Unreadable
from rankmill.corpora.formats.parsed import package
from rankmill.errors import CorpusError
from rankmill.records import Document, Rejection
from rankmill.spec import Machine, Spec


class Folder(Spec):
    """Markdown, HTML, PDF, DOCX, plain text and source code, told apart by the endings of names.

    A file with headings, pages or functions becomes one document for each, which no passage leaves:
    `guide/install.md#from-source`, `paper.pdf#page=3`, `src/spec.py#Spec.identity`; its parent is
    the file. A file of one section is one document with the file's own docid: its path below the
    folder, or the `id` of its front matter. A file that cannot be read is a rejection under the
    name of its fault: `broken`, `encrypted`, `scanned`, `empty`, `undecodable`, `minified`,
    `too_large` or `unknown_ending`; what has the id of another file, or of a section of it, is
    `same_id`. Needs the extra `documents`.

    Attributes:
        path: A folder (hidden files are left out), a glob or a file, relative to the recipe's
            folder.
        endings: Only files with these endings, in lower case, are part of the corpus; when left
            out all are, and one whose ending is unknown is rejected.
        formats: The format of files by their endings, where it is not the usual one, such as
            `{".mdx" = "markdown"}`.
        exclude: Globs of what is no part of the corpus: `drafts/*` below the folder, or a name
            such as `node_modules` at any depth.
        code: Whether source code is cut into functions and classes, or is plain text.
        licence: SPDX id or words for every file that states none itself.
        max_megabytes: A larger file is `too_large`. Reading takes a few times that memory.
    """

    kind: Literal["folder"] = "folder"
    path: Path = Machine(...)
    endings: tuple[str, ...] = ()
    formats: dict[str, str] = Field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    code: Literal["functions", "text"] = "functions"
    licence: str | None = None
    max_megabytes: int = Field(default=64, ge=1)

    @field_validator("formats")
    @classmethod
    def _formats_are_known(cls, formats: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(formats.values()) - FORMATS.keys()):
            raise ValueError(f"unknown formats {unknown}, expected {', '.join(sorted(FORMATS))}")
        return formats

    @field_validator("endings", "formats")
    @classmethod
    def _endings_begin_with_a_dot(cls, endings: tuple[str, ...] | dict[str, str]) -> object:
        if wrong := [ending for ending in endings if not ending.startswith(".")]:
            raise ValueError(f"{', '.join(map(repr, wrong))}: an ending begins with a dot")
        return endings

    def __str__(self) -> str:
        return str(self.path)

    def documents(self, base: Path) -> Iterator[Document | Rejection]:
        """Read every file in the order of their names.

        Raises:
            CorpusError: There is no such folder, no file is left, or a package is missing that
                one of the files needs; that is said before the first one is read.
        """
        files = self._files(base)
        for name in sorted({self._format(file) for file in files} - {""}):
            for needed in NEEDS[name]:
                package(needed, f"{self}: {name}")
        file_of: dict[str, str] = {}
        for file in files:
            for found in self._file(file):
                if isinstance(found, Document):
                    names = {found.docid, found.parent or found.docid}
                    others = {file_of.get(name, file.name) for name in names} - {file.name}
                    if others:
                        detail = f"{file.name} has the id of {min(others)}"
                        yield Rejection(id=found.docid, rule="same_id", detail=detail)
                        continue
                    file_of.update(dict.fromkeys(names, file.name))
                yield found

    def origin(self, base: Path) -> str:
        """The SHA-256 over the names and bytes of the files."""
        return fingerprint(self._files(base))

    def _files(self, base: Path) -> list[SourceFile]:
        found = find_files(self.path, base, endings=("",))
        endings = self.endings or ("",)
        files = [
            file
            for file in found
            if file.name.lower().endswith(endings) and not self._excluded(file.name)
        ]
        if not files:
            raise CorpusError(f"{self}: endings and exclude leave none of {len(found):,} files")
        return files

    def _excluded(self, name: str) -> bool:
        places = [PurePosixPath(name), *PurePosixPath(name).parents]
        return any(
            fnmatchcase(place.name, glob) or fnmatchcase(str(place), glob)
            for place in places
            for glob in self.exclude
        )

    def _file(self, file: SourceFile) -> Iterator[Document | Rejection]:
        try:
            parsed = self._parsed(file)
        except Unreadable as fault:
            detail = f"{file.name}: {fault}"
            yield Rejection(id=file.name, rule=fault.rule, detail=detail)
        else:
            yield from parsed.documents(file.name, file.name, self.licence)

    def _parsed(self, file: SourceFile) -> Parsed:
        name = self._format(file)
        if not name:
            ending = file.path.suffix
            called = f"the ending {ending}" if ending else "a name without an ending"
            raise Unreadable("unknown_ending", f"{called} says nothing of its format")
        return FORMATS[name](self._bytes(file))

    def _format(self, file: SourceFile) -> str:
        """The name of a file's format; empty if its ending is unknown."""
        known = {**FORMAT_OF, **self.formats}
        endings = [ending for ending in known if file.name.lower().endswith(ending)]
        name = known[max(endings, key=len)] if endings else ""
        return "text" if name in CODE and self.code == "text" else name

    def _bytes(self, file: SourceFile) -> bytes:
        most = self.max_megabytes << 20
        with readable(file.path):
            size = file.path.stat().st_size
            if size > most:
                raise Unreadable("too_large", f"{size / 2**20:,.1f} MiB > {self.max_megabytes} MiB")
            return file.path.read_bytes()
