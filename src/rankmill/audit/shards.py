"""A dataset folder batch by batch, never a whole file."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl
from polars._typing import PolarsDataType

from rankmill.errors import TableError
from rankmill.parquet import opened

_BYTES = 8 << 20  # a batch: so large that what it costs to make patterns ready does not count
_PART = re.compile(r"-\d+-of-\d+$")
_ESCAPED = r"\\[bfnrt]"  # else the n of a line's end would begin the next word
_TEXT = {".csv", ".json", ".jsonl", ".md", ".toml", ".trec", ".tsv", ".txt", ".yaml", ".yml"}
_IDS = ("docid", "qid", "id", "_id")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some rows of one file.

    Attributes:
        config: The first folder that the file is in; its own name where it is in none.
        file: Its path in the dataset folder.
        start: How many rows of the file come before.
        rows: A text file has the one column `line`.
    """

    config: str
    file: str
    start: int
    rows: pl.DataFrame

    @cached_property
    def texts(self) -> pl.Series:
        """All text of each row, from every column, on lines of its own."""
        texts = [_text(pl.col(name), kind) for name, kind in self.rows.schema.items()]
        return self.rows.select(text=_lines_of(texts)).to_series()

    def matches(self, patterns: Sequence[str]) -> Iterator[tuple[int, int, str]]:
        """Number of the pattern, in Rust's dialect, place of the row, and the text it is in."""
        asked = [
            pl.col("text").str.contains(pattern).alias(str(number))
            for number, pattern in enumerate(patterns)
        ]
        for number, hits in enumerate(self.texts.to_frame().select(asked).iter_columns()):
            for place in hits.arg_true():
                yield number, place, self.texts[place]

    def name(self, place: int) -> str:
        """What a row is called: its config and split, number from 0, and id if it has one."""
        ids = [str(self.rows[name][place]) for name in _IDS if name in self.rows.columns]
        id_ = f" ({ids[0]})" if ids else ""
        table = PurePosixPath(self.file).with_suffix("").as_posix()
        where = f"{_PART.sub('', table)} row" if "/" in self.file else f"{self.file} line"
        return f"{where} {self.start + place:,}{id_}"


def batches(folder: Path, *configs: str) -> Iterator[Batch]:
    """Every row of every file that holds text, in the order of the paths.

    Args:
        folder: The dataset folder.
        configs: Read these alone; all if none is named.

    Raises:
        TableError: A file is not what its name says.
    """
    for file in shards(folder, *configs):
        yield from batches_of(folder, file)


def shards(folder: Path, *configs: str) -> list[PurePosixPath]:
    """The files that hold text, of these configs or of all, in the order of their paths."""
    there = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    return [
        PurePosixPath(path)
        for path in there
        if path.suffix in _TEXT | {".parquet"} and (not configs or path.parts[0] in configs)
    ]


def batches_of(folder: Path, file: PurePosixPath) -> Iterator[Batch]:
    """Every row of one file.

    Raises:
        TableError: It is not what its name says.
    """
    path, start = folder / file, 0
    for rows in _parquet(path) if path.suffix == ".parquet" else _lines(path):
        yield Batch(config=file.parts[0], file=str(file), start=start, rows=rows)
        start += rows.height


def _parquet(path: Path) -> Iterator[pl.DataFrame]:
    import pyarrow as pa

    try:
        with opened(path) as file:
            few = file.iter_batches(batch_size=_rows(file.metadata))
            yield from _gathered(pl.DataFrame(rows) for rows in few)
    except pa.ArrowException as error:
        raise TableError(f"{path}: expected a Parquet file: {error}") from error


def _rows(metadata: Any) -> int:  # noqa: ANN401 - of a Parquet file
    """How many rows may be read at a time. What is repeated is larger than the file says."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    size = sum(group.total_byte_size for group in groups) / max(1, metadata.num_rows)
    return int(min(max(_BYTES / 16 / max(1.0, size), 16), 4_096))


def _gathered(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same rows in fewer frames, each of about `_BYTES`."""
    held: list[pl.DataFrame] = []
    size = 0.0
    for frame in frames:
        held.append(frame)
        size += frame.estimated_size()
        if size >= _BYTES:
            yield pl.concat(held)
            held, size = [], 0.0
    if held:
        yield pl.concat(held)


def _lines(path: Path) -> Iterator[pl.DataFrame]:
    try:
        with path.open(encoding="utf-8") as file:
            while lines := file.readlines(_BYTES):
                text = pl.Series("line", lines, dtype=pl.String)
                if path.suffix in {".json", ".jsonl"}:
                    text = text.str.replace_all(_ESCAPED, " ")
                yield text.to_frame()
    except UnicodeDecodeError as error:
        raise TableError(f"{path}: expected UTF-8: {error}") from error


def _text(value: pl.Expr, kind: PolarsDataType) -> pl.Expr | None:
    """The strings in a value, however deep they lie in lists and structs; None without any."""
    match kind:
        case pl.String():
            return value
        case pl.List(inner=inner):
            text = _text(pl.element(), inner)
            return None if text is None else value.list.eval(text).list.join("\n")
        case pl.Struct(fields=fields):
            texts = [_text(value.struct.field(field.name), field.dtype) for field in fields]
            return _lines_of(texts) if any(text is not None for text in texts) else None
        case _:
            return None


def _lines_of(texts: Sequence[pl.Expr | None]) -> pl.Expr:
    """Joined; an empty text where there is nothing to join."""
    there = [text for text in texts if text is not None]
    return pl.concat_str(there or [pl.lit("")], separator="\n", ignore_nulls=True)
