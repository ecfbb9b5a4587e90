"""Finished tables on disk: made once, named for what they depend on, never half there.

`<data>/tables/<stage>/<key>/` holds one Parquet file per table and `report.json`. The folder gets
its name only when whole, so "is it done?" is "does it exist?".
"""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from filelock import FileLock, Timeout

from rankmill.disk import storage
from rankmill.errors import TableError
from rankmill.records import Rejection
from rankmill.report import StageReport
from rankmill.spec import digest
from rankmill.tables import REJECTIONS, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a finished stage left behind.

    Attributes:
        folder: Holds `<table>.parquet` for every table of the stage.
        depends: Fingerprint of everything the tables depend on, by name.
        report: The stage's counts.
    """

    stage: str
    key: str
    folder: Path
    depends: Mapping[str, str]
    report: StageReport

    def path(self, table: Table) -> Path:
        """Where a table is."""
        return self.folder / f"{table.name}.parquet"

    def read(self, table: Table) -> pl.DataFrame:
        """Read a whole table.

        Raises:
            TableError: The stage has no such table, or it breaks its contract.
        """
        path = self.path(table)
        if not path.is_file():
            raise TableError(f"{self.stage}: no table {table.name} in {self.folder}")
        return table.check(pl.read_parquet(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The folder of a stage in the making. What is written here is not yet true."""

    stage: str
    folder: Path

    def write(self, table: Table, frame: pl.DataFrame) -> None:
        """Check a table and write it.

        Raises:
            TableError: The frame breaks the table's contract.
        """
        from pyarrow import parquet  # polars hides the disk's own error number

        rows = table.check(frame).to_arrow(compat_level=pl.CompatLevel.oldest())
        parquet.write_table(rows, self.folder / f"{table.name}.parquet", compression="zstd")

    def reject(self, rejections: Iterable[Rejection]) -> dict[str, int]:
        """Write the rejected rows, and return how many fell to each rule."""
        rows = [(self.stage, r.id, r.rule, r.detail) for r in rejections]
        frame = pl.DataFrame(rows, schema=REJECTIONS.columns, orient="row")
        self.write(REJECTIONS, frame)
        counts = frame.group_by("rule").len().sort("rule")
        return dict(counts.iter_rows())


def key_of(stage: str, depends: Mapping[str, str]) -> str:
    """The name of a stage's tables: sixteen hex digits over everything they depend on."""
    return digest(json.dumps([stage, sorted(depends.items())]))


def once(
    root: Path,
    stage: str,
    depends: Mapping[str, str],
    make: Callable[[Draft], StageReport],
    *,
    resume: bool = False,
) -> Output:
    """Make a stage's tables unless they are there, and return them.

    Args:
        root: Folder of all tables.
        stage: Name of the stage.
        depends: Fingerprint of everything the tables depend on, by name.
        make: Writes the tables into a draft and returns the stage's counts.
        resume: Whether `make` goes on with what a killed attempt left in its draft; otherwise the
            draft starts empty.

    Raises:
        StorageError: The disk is full or the folder cannot be written.
    """
    key = key_of(stage, depends)
    folder = root / stage / key
    if not folder.is_dir():
        with storage(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(folder.with_name(f"{key}.lock")):  # another build may share this table
                if not folder.is_dir():
                    draft = Draft(stage=stage, folder=folder.with_name(f"{key}.partial"))
                    _clear(draft, keep=resume)
                    if not resume:
                        _sweep(folder.parent)
                    state = {"report": make(draft).to_json(), "depends": dict(depends)}
                    (draft.folder / "report.json").write_text(json.dumps(state, indent=2))
                    draft.folder.rename(folder)
    return load(folder)


def _clear(draft: Draft, *, keep: bool) -> None:
    if draft.folder.exists() and not keep:
        shutil.rmtree(draft.folder)
    draft.folder.mkdir(exist_ok=True)


def _sweep(stage: Path) -> None:
    """Remove what killed attempts left of tables that are not wanted now; nothing goes on there."""
    for left in stage.glob("*.partial"):
        lock = FileLock(left.with_suffix(".lock"))
        with suppress(Timeout), lock.acquire(timeout=0):  # whoever holds it is at work there
            shutil.rmtree(left)


def load(folder: Path) -> Output:
    """Open the finished tables in `folder`."""
    state = json.loads((folder / "report.json").read_text())
    return Output(
        stage=folder.parent.name,
        key=folder.name,
        folder=folder,
        depends=state["depends"],
        report=StageReport.from_json(state["report"]),
    )
