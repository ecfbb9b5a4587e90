"""The list of a dataset's files."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

MANIFEST = "MANIFEST.json"


def write_manifest(folder: Path, about: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Write what is said of a dataset, and size and SHA-256 of every other file, sorted by path.

    Args:
        folder: The dataset's.
        about: Plain JSON values; they come before `files`.
    """
    files = {
        path.relative_to(folder).as_posix(): _facts(path)
        for path in folder.rglob("*")
        if path.is_file() and path != folder / MANIFEST
    }
    said = {**about, "files": dict(sorted(files.items()))}
    text = json.dumps(said, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def sha256_of(path: Path) -> str:
    """Of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _facts(path: Path) -> dict[str, int | str]:
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
