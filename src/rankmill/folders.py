"""Links and copies of folders that are never half there."""

import os
import shutil
from pathlib import Path

from rankmill.disk import storage


def link(target: Path, place: Path) -> None:
    """Point `place` at `target`, by a relative link that is replaced whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    relative = os.path.relpath(target, place.parent)
    if place.is_symlink() and place.readlink() == Path(relative):
        return
    partial = place.with_name(f"{place.name}.partial")
    partial.unlink(missing_ok=True)
    partial.symlink_to(relative)
    partial.replace(place)


def copy_whole(source: Path, place: Path) -> None:
    """Make `place` a copy of a finished dataset folder, in one step, unless it is one already."""
    if place.is_dir() and _digests(place) == _digests(source):
        return
    partial, old = place.with_name(f"{place.name}.partial"), place.with_name(f"{place.name}.old")
    with storage(place):
        for leftover in (partial, old):
            shutil.rmtree(leftover, ignore_errors=True)
        shutil.copytree(source, partial)
        if place.exists():
            place.rename(old)
        partial.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def _digests(folder: Path) -> str:
    path = folder / "MANIFEST.json"
    return path.read_text() if path.is_file() else ""
