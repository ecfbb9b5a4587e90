"""The list of a dataset's files."""

import hashlib
import json
from pathlib import Path

MANIFEST = "MANIFEST.json"


def write_manifest(folder: Path) -> None:
    """Write the size and SHA-256 of every other file in `folder`, sorted by path."""
    files = {
        path.relative_to(folder).as_posix(): _facts(path)
        for path in folder.rglob("*")
        if path.is_file() and path != folder / MANIFEST
    }
    text = json.dumps({"files": dict(sorted(files.items()))}, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _facts(path: Path) -> dict[str, int | str]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": sha256}
