"""Rule `digests`: the files are those that MANIFEST.json lists, byte for byte."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rankmill.assemble.files import MANIFEST, sha256_of
from rankmill.audit.findings import SHOWN, Finding
from rankmill.errors import TableError


def read_manifest(folder: Path) -> dict[str, Any]:
    """MANIFEST.json of a dataset folder.

    Raises:
        TableError: There is none, or it lists no files.
    """
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for facts in manifest["files"].values():
            int(facts["bytes"]), str(facts["sha256"])
    except FileNotFoundError as error:
        raise TableError(f"{path}: no such file; expected a dataset folder") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise TableError(f"{path}: expected files with bytes and sha256: {error}") from error
    return manifest


def evaluated(folder: Path) -> list[str]:
    """Names of the evaluation collections that a dataset was held against, of MANIFEST.json.

    Raises:
        TableError: It says something else of them.
    """
    try:
        return [str(one["name"]) for one in read_manifest(folder).get("evaluation", ())]
    except (TypeError, KeyError) as error:
        raise TableError(f"{folder / MANIFEST}: expected names in evaluation: {error}") from error


def digests(folder: Path) -> Finding:
    """Read every file once, and compare."""
    listed = read_manifest(folder)["files"]
    wrong = list(_wrong(folder, listed))
    return Finding(
        rule="digests",
        passed=not wrong,
        found=f"{len(wrong):,} of {len(listed):,} files damaged"
        if wrong
        else f"{len(listed):,} files",
        limit="the files of MANIFEST.json",
        rows=tuple(wrong[:SHOWN]),
        more=max(0, len(wrong) - SHOWN),
        binding=True,
    )


def _wrong(folder: Path, listed: dict[str, Any]) -> Iterator[str]:
    there = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path != folder / MANIFEST
    }
    for path in sorted(there | listed.keys()):
        if path not in there:
            yield f"{path} is missing"
        elif path not in listed:
            yield f"{path} is not in {MANIFEST}"
        elif (size := (folder / path).stat().st_size) != listed[path]["bytes"]:
            yield f"{path} has {size:,} bytes, expected {listed[path]['bytes']:,}"
        elif sha256_of(folder / path) != listed[path]["sha256"]:
            yield f"{path} has another SHA-256"
