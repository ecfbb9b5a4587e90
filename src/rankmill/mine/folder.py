"""The folder of what was mined: a run's files come whole, and an earlier run's go."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rankmill.disk import storage
from rankmill.errors import ConfigError

_REPORT = "report.json"
_LAST = "negatives.parquet"  # where it is, all the others are
_PARTIAL = ".partial"


def check_folder(into: Path) -> None:
    """See that a folder is there or can be made.

    Raises:
        ConfigError: A file is in its place, or in that of a folder above it.
    """
    places = (into, *into.absolute().parents)
    found = next(place for place in places if os.path.lexists(place))
    if not found.is_dir():
        raise ConfigError(f"{found}: expected a folder, found a file")


def fill(into: Path, write: Callable[[Path], None], report: Mapping[str, Any]) -> None:
    """Put what `write` writes into a folder, and `report.json`, which names it under `files`.

    All is written to a hidden folder first, then what an earlier report names is removed, and the
    files are moved one by one: first the report, last the negatives. What a killed run leaves is
    cleared by the next one.

    Raises:
        StorageError: The disk is full, or the folder cannot be written.
    """
    partial = into / _PARTIAL
    with storage(into):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            write(partial)
            names = _files(partial)
            said = json.dumps({**report, "files": names}, indent=2) + "\n"
            (partial / _REPORT).write_text(said, encoding="utf-8")
            _clear(into)
            for name in sorted(
                [_REPORT, *names], key=lambda name: (name != _REPORT, name == _LAST)
            ):
                (into / name).parent.mkdir(parents=True, exist_ok=True)
                (partial / name).replace(into / name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _clear(into: Path) -> None:
    """Remove what an earlier run wrote, the folders that are empty then, and nothing else."""
    for name in _earlier(into / _REPORT):
        path = into / name
        if ".." in path.parts or not path.is_relative_to(into):
            continue
        path.unlink(missing_ok=True)
        above = path.parent
        while above != into and above.is_dir() and not any(above.iterdir()):
            above.rmdir()
            above = above.parent


def is_used(into: Path) -> bool:
    """Whether an earlier run has left files here, which go."""
    return bool(_earlier(into / _REPORT))


def _earlier(report: Path) -> list[str]:
    """The files that a report names; none if it is missing or somebody else's."""
    try:
        said = json.loads(report.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    files = said.get("files") if isinstance(said, dict) and "mining" in said else None
    return [name for name in files if isinstance(name, str)] if isinstance(files, list) else []
