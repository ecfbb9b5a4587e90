"""Digests of weights, computed once: a file that has not changed since is not read again."""

import hashlib
import json
from pathlib import Path

from rankmill.errors import ModelError
from rankmill.models.registry import KnownModel


class Ledger:
    """What was found in weight files, with the size and time of change each had then."""

    def __init__(self, path: Path) -> None:
        """Open the ledger kept in `path`, a JSON file that need not exist."""
        self._path = path
        self._known: dict[str, list[object]] = {}
        if path.is_file():
            self._known = json.loads(path.read_text(encoding="utf-8"))

    def check(self, model: KnownModel, folder: Path) -> None:
        """Compare every file of `model` in `folder` with its digest.

        Raises:
            ModelError: A file is missing, or its bytes are not the model's.
        """
        for file in model.files:
            path = folder / file.name
            if not path.is_file():
                raise ModelError(f"{path}: no such file")
            found = self._digest(path)
            if found != file.sha256:
                raise ModelError(f"{path}: SHA-256 is {found}, {model.name} has {file.sha256}")

    def _digest(self, path: Path) -> str:
        state = path.stat()
        # A file keeps its inode when it is renamed, and with it what is known of it.
        inode, mark = f"{state.st_dev}:{state.st_ino}", [state.st_size, state.st_mtime_ns]
        *known, digest = self._known.get(inode, [None])
        if known == mark:
            return str(digest)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._known[inode] = [*mark, digest]
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self._known, indent=1), encoding="utf-8")
        partial.replace(self._path)
        return digest
