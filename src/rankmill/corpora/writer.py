"""Tables too long for memory, written a group of rows at a time."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rankmill.tables import Table

_GROUP = 20_000


class TableWriter:
    """A Parquet file in the making, under a table's contract.

    Each group of rows is checked as it is written; that keys differ between groups is for the
    caller to see to. Close it by leaving its `with` block.

    Attributes:
        rows: How many rows it was given.
    """

    def __init__(self, table: Table, folder: Path) -> None:
        from pyarrow.parquet import ParquetWriter

        self.rows = 0
        self._table = table
        self._waiting: list[tuple[Any, ...]] = []
        schema = table.empty().to_arrow().schema
        path = folder / f"{table.name}.parquet"
        self._file = ParquetWriter(path, schema, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._flush()
        finally:
            self._file.close()

    def write(self, *values: str | None) -> None:
        """Add one row, its values in the order of the table's columns."""
        self.rows += 1
        self._waiting.append(values)
        if len(self._waiting) == _GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            frame = self._table.frame(self._waiting)
            self._waiting = []
            self._file.write_table(self._table.check(frame).to_arrow())
