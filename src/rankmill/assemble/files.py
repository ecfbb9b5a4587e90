"""Files of a dataset folder, with bytes that depend on their rows alone."""

import hashlib
import json
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import polars as pl

from rankmill.tables import Table

MANIFEST = "MANIFEST.json"


def write_rows(path: Path, table: Table, slices: Iterable[pl.DataFrame]) -> int:
    """Write a Parquet file, one row group per slice, and return its number of rows.

    Without a row there is no file.

    Raises:
        TableError: A slice breaks the contract of `table`.
    """
    from pyarrow.parquet import ParquetWriter

    schema = _plain(table.empty().to_arrow(compat_level=pl.CompatLevel.oldest()).schema)
    rows = 0
    with ExitStack() as stack:
        writer = None
        for part in slices:
            if part.is_empty():
                continue
            if writer is None:
                path.parent.mkdir(parents=True, exist_ok=True)
                writer = stack.enter_context(ParquetWriter(path, schema, compression="zstd"))
            arrow = table.check(part).to_arrow(compat_level=pl.CompatLevel.oldest())
            writer.write_table(arrow.cast(schema))
            rows += len(part)
    return rows


def _plain(schema: Any) -> Any:  # noqa: ANN401 - an Arrow schema
    """`large_string` becomes `string`: that is what readers expect to find in a dataset."""
    import pyarrow as pa

    def plain(kind: Any) -> Any:  # noqa: ANN401 - an Arrow type
        if pa.types.is_large_list(kind):
            return pa.list_(plain(kind.value_type))
        return pa.string() if pa.types.is_large_string(kind) else kind

    return pa.schema([(field.name, plain(field.type)) for field in schema])


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
