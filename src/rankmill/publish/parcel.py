"""What goes out: the files of a dataset folder, some of them as the gate's reasons change them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rankmill.assemble.files import MANIFEST
from rankmill.audit.digests import read_manifest

KEPT = ".gitattributes"
"""The one file of the hub's own making; it stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """A file of the hub.

    Attributes:
        size: In bytes.
        sha256: Of the bytes, if they are stored apart from the repository; else empty.
        blob: Git's id of the bytes; of a pointer to them where they are stored apart.
    """

    size: int
    sha256: str
    blob: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that goes out: its size in bytes, its SHA-256, and where its bytes are."""

    size: int
    sha256: str
    content: Path | bytes

    def is_there(self, there: There | None) -> bool:
        """Whether the hub has the same bytes, by the digest that it knows of them."""
        if there is None or there.size != self.size:
            return False
        return there.sha256 == self.sha256 if there.sha256 else there.blob == self._blob()

    def _blob(self) -> str:
        """Git's id. Only what is small lies in the repository itself."""
        body = self.content if isinstance(self.content, bytes) else self.content.read_bytes()
        head = f"blob {len(body)}\0".encode()
        return hashlib.sha1(head + body, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of one file: size in bytes and SHA-256; of a deleted one, the hub's."""

    what: Literal["added", "changed", "deleted"]
    path: str
    size: int
    digest: str


def parcel(folder: Path, replaced: Mapping[str, bytes]) -> Mapping[str, File]:
    """What goes out, by path: MANIFEST.json and what it lists, the digests as it has them.

    Args:
        folder: A dataset folder that is whole.
        replaced: Other bytes for some of its files.
    """
    listed = read_manifest(folder)["files"]
    files = {
        path: File(size=facts["bytes"], sha256=facts["sha256"], content=folder / path)
        for path, facts in listed.items()
    }
    for path, body in {MANIFEST: (folder / MANIFEST).read_bytes(), **replaced}.items():
        sha256 = hashlib.sha256(body).hexdigest()
        files[path] = File(size=len(body), sha256=sha256, content=body)
    return dict(sorted(files.items()))


def changes(files: Mapping[str, File], there: Mapping[str, There]) -> Sequence[Change]:
    """What has to happen for the hub to hold these files and no others."""
    found = [
        Change(
            what="changed" if path in there else "added",
            path=path,
            size=file.size,
            digest=file.sha256,
        )
        for path, file in files.items()
        if not file.is_there(there.get(path))
    ]
    gone = [
        Change(what="deleted", path=path, size=one.size, digest=one.sha256 or one.blob)
        for path, one in there.items()
        if path not in files and path != KEPT
    ]
    return [*found, *gone]
