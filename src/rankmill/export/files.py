"""Files that grow part by part, with bytes that depend on their rows alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import orjson
import polars as pl

from rankmill.tables import Table

SHARD_BYTES = 500_000_000
"""A Parquet file that has grown beyond is followed by another. Other files are read by their name,
so each of them stays one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a file of text is written.

    Attributes:
        header: Whether a `.tsv` begins with the names of its columns.
        bare: Whether a `.json` or `.jsonl` holds its only column's values, in place of objects.
        around: What a `.json` has before and after its array.
    """

    header: bool = True
    bare: bool = False
    around: tuple[str, str] = ("", "")


class Sink(Protocol):
    """An open file."""

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows."""
        ...

    def close(self) -> None:
        """Write what belongs at the end."""
        ...


class Growing:
    """One file of an export and one split; it is there once it has a row.

    Attributes:
        rows: How many it has got.
        paths: Its shards, once it is closed. A single one has the file's own name, and several
            end in `-00000-of-00003`.
    """

    def __init__(
        self,
        path: Path,
        table: Table,
        shape: Shape | None = None,
        *,
        scratch: Path | None = None,
        shard_bytes: int = SHARD_BYTES,
    ) -> None:
        """Nothing is written yet; until it is closed, it is in `scratch`, or beside its place."""
        self.rows = 0
        self.paths: Sequence[Path] = ()
        self._path, self._table, self._limit = path, table, shard_bytes
        self._shape = shape or Shape()
        self._scratch = scratch or path.parent
        self._shards: list[Path] = []
        self._sink: Sink | None = None

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows.

        Raises:
            TableError: They are not what the table declares.
        """
        if rows.is_empty():
            return
        rows = self._table.check(rows)
        if self._sink and self._is_full(self._shards[-1]):
            self._end()
        if self._sink is None:
            self._scratch.mkdir(parents=True, exist_ok=True)
            name = f".{id(self):x}-{len(self._shards)}{self._path.suffix}"
            self._shards.append(self._scratch / name)
            self._sink = self._open(self._shards[-1])
        self._sink.write(rows)
        self.rows += len(rows)

    def close(self) -> None:
        """End the file, and give its shards their names."""
        self._end()
        stem, suffix, count = self._path.stem, self._path.suffix, len(self._shards)
        names = [f"{stem}-{n:05}-of-{count:05}{suffix}" for n in range(count)]
        targets = [self._path] if count == 1 else [self._path.with_name(name) for name in names]
        if targets:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        self.paths = [old.rename(new) for old, new in zip(self._shards, targets, strict=True)]

    def discard(self) -> None:
        """Take back all its rows."""
        self._end()
        for shard in self._shards:
            shard.unlink()
        self.rows, self._shards = 0, []

    def _end(self) -> None:
        if self._sink:
            self._sink.close()
        self._sink = None

    def _open(self, path: Path) -> Sink:
        if path.suffix == ".parquet":
            return _Parquet(path, self._table)
        return _Text(path, self._shape)

    def _is_full(self, shard: Path) -> bool:
        return self._path.suffix == ".parquet" and shard.stat().st_size >= self._limit


class _Parquet:
    """Compressed with zstd, one row group a part.

    Texts hardly repeat, so there are no dictionaries; and nobody looks for a range of them, so
    only the columns of the key have statistics.
    """

    def __init__(self, path: Path, table: Table) -> None:
        from pyarrow.parquet import ParquetWriter

        empty = table.empty().to_arrow(compat_level=pl.CompatLevel.oldest())
        self._schema = plain(empty.schema)
        self._writer = ParquetWriter(
            path,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=False,
            write_statistics=list(table.key),
        )

    def write(self, rows: pl.DataFrame) -> None:
        arrow = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        self._writer.write_table(arrow.cast(self._schema))

    def close(self) -> None:
        self._writer.close()


class _Text:
    """Text: lines of JSON, one array of it, or values with tabs or spaces between them."""

    def __init__(self, path: Path, shape: Shape) -> None:
        self._handle = path.open("wb")
        self._array = path.suffix == ".json"
        self._shape = shape
        self._separator = {".tsv": "\t", ".txt": " "}.get(path.suffix)
        self._begun = False

    def write(self, rows: pl.DataFrame) -> None:
        if self._array:
            before, _ = self._shape.around
            self._handle.write(b",\n" if self._begun else f"{before}[\n".encode())
            self._handle.write(self._items(rows)[:-1].replace(b"\n", b",\n"))
        elif self._separator:
            names = self._separator == "\t" and self._shape.header and not self._begun
            rows.write_csv(
                self._handle, separator=self._separator, include_header=names, quote_style="never"
            )
        elif self._shape.bare:
            self._handle.write(self._items(rows))
        else:
            rows.write_ndjson(self._handle)
        self._begun = True

    def close(self) -> None:
        if self._array:
            _, after = self._shape.around
            self._handle.write(f"\n]{after}\n".encode())
        self._handle.close()

    def _items(self, rows: pl.DataFrame) -> bytes:
        """A line for every row; in JSON, nothing but the end of one is written as it is."""
        lines = BytesIO()
        rows.write_ndjson(lines)
        if self._shape.bare:  # {"name":value}
            begins = b"{" + orjson.dumps(rows.columns[0]) + b":"
            ends = lines.getvalue()[len(begins) : -len(b"}\n")]
            return ends.replace(b"}\n" + begins, b"\n") + b"\n"
        return lines.getvalue()


def plain(schema: Any) -> Any:  # noqa: ANN401 - an Arrow schema
    """`large_string` becomes `string`: that is what readers expect to find in a dataset."""
    import pyarrow as pa

    def smaller(kind: Any) -> Any:  # noqa: ANN401 - an Arrow type
        if pa.types.is_large_list(kind):
            return pa.list_(smaller(kind.value_type))
        if pa.types.is_struct(kind):
            return pa.struct([(field.name, smaller(field.type)) for field in kind])
        return pa.string() if pa.types.is_large_string(kind) else kind

    return pa.schema([(field.name, smaller(field.type)) for field in schema])
