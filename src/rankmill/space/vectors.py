"""The vectors of a corpus: one file of rows aligned with the documents, made batch by batch."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from rankmill.errors import StageError, TableError
from rankmill.parquet import opened
from rankmill.space.encoder import Encoder

VECTORS = "vectors.npy"
_BLOCK = 65_536
_PROGRESS = "vectors.progress.json"
_FLOAT = np.dtype("<f4")


def text_of(title: str, text: str) -> str:
    """What stands for a document wherever it is indexed or shown: its title, then its text."""
    return f"{title}\n{text}".strip()


def sentences_of(title: str, text: str) -> str:
    """What an encoder reads of a document.

    The title ends like a sentence: many tokenizers drop the end of a line, and it would run on
    into the text.
    """
    title = title.strip()
    end = "" if title.endswith(("?", "!", ":")) else "."
    return f"{title}{end} {text}".strip() if title else text.strip()


def embed(
    documents: Path,
    *,
    encoder: Encoder,
    folder: Path,
    batch: int,
    advance: Callable[[int, int], None],
) -> Path:
    """Embed a documents table into `folder/vectors.npy`: float32, one unit-length row a document.

    Only one batch of texts is in memory at a time. After every batch the rows are flushed to the
    disk, and only then is their number recorded: a killed attempt goes on after its last whole
    batch, with the batch size it began with, and ends with the bytes of an unbroken one.

    Args:
        documents: Parquet file of the documents table; row i of the vectors is its row i.
        encoder: Where vectors come from.
        folder: Holds the vectors, and what a killed attempt left behind.
        batch: Documents between two flushes; the encoder sees exactly one batch at a time.
        advance: Told how many documents are done, and of how many.

    Raises:
        StageError: There are no documents, or the encoder gives rows that are not finite or not
            of one shape.
    """
    total = _count(documents)
    if not total:
        raise StageError(f"embed: no documents in {documents}, expected at least one")
    state = _resume(folder) or _begin(folder, batch)
    texts = islice(_texts(documents, state.batch), state.rows, None)
    advance(state.rows, total)
    with (folder / VECTORS).open("r+b") as file:
        while part := list(islice(texts, state.batch)):
            rows = _encoded(encoder, part, state)
            _write(file, rows, after=state.rows, total=total)
            state = state.plus(rows)
            _record(folder, state)
            advance(state.rows, total)
    return folder / VECTORS


def open_vectors(folder: Path) -> NDArray[np.float32]:
    """Map the vectors of a finished `embed` into memory, read-only, shape (documents, dimensions).

    Raises:
        TableError: The file is missing or not whole.
    """
    path = folder / VECTORS
    try:
        vectors: NDArray[np.float32] = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: expected the vectors of the documents: {error}") from error
    return vectors


def blocks(
    vectors: NDArray[np.float32], rows: NDArray[np.intp]
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Some rows of a matrix, a block at a time, each with its place among `rows`.

    Rows that lie together are not copied: a memory-mapped matrix is never whole in memory.

    Args:
        vectors: Shape (documents, dimensions).
        rows: Ascending.
    """
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        together = part[-1] - part[0] + 1 == len(part)
        found = vectors[part[0] : part[-1] + 1] if together else vectors[part]
        yield slice(start, start + len(part)), found


def cosines(
    vectors: NDArray[np.float32], rows: NDArray[np.intp], points: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Cosines of some rows to points, shape (rows, points); see `blocks`.

    Args:
        vectors: Unit-length rows, shape (documents, dimensions).
        rows: Ascending.
        points: Unit-length rows, shape (points, dimensions).
    """
    found = np.empty((len(rows), len(points)), np.float32)
    for part, block in blocks(vectors, rows):
        found[part] = block @ points.T
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Progress:
    """How far an attempt came. `dimensions` is 0 until the first batch is there."""

    rows: int
    batch: int
    dimensions: int

    def plus(self, rows: NDArray[np.float32]) -> Self:
        return replace(self, rows=self.rows + len(rows), dimensions=rows.shape[1])


def _begin(folder: Path, batch: int) -> _Progress:
    (folder / VECTORS).write_bytes(b"")
    return _Progress(rows=0, batch=batch, dimensions=0)


def _resume(folder: Path) -> _Progress | None:
    """What a killed attempt recorded, if the rows it recorded are there."""
    progress, vectors = folder / _PROGRESS, folder / VECTORS
    if not (progress.is_file() and vectors.is_file()):
        return None
    state = _Progress(**json.loads(progress.read_text()))
    whole = vectors.stat().st_size >= state.rows * state.dimensions * _FLOAT.itemsize
    return state if whole else None


def _record(folder: Path, state: _Progress) -> None:
    draft = folder / f"{_PROGRESS}.draft"
    with draft.open("wb") as file:
        file.write(json.dumps(asdict(state)).encode())
        _flush(file)
    draft.replace(folder / _PROGRESS)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _write(file: BinaryIO, rows: NDArray[np.float32], *, after: int, total: int) -> None:
    """Put rows in their place in an .npy file that will hold `total` of them, and flush it.

    Plain writes, not a memory map: when the disk is full they raise, where a map kills the process.
    """
    dimensions = rows.shape[1]
    shape = {"descr": _FLOAT.str, "fortran_order": False, "shape": (total, dimensions)}
    file.seek(0)
    np.lib.format.write_array_header_1_0(file, shape)
    file.seek(after * dimensions * _FLOAT.itemsize, os.SEEK_CUR)
    file.write(rows.astype(_FLOAT).tobytes())
    _flush(file)


def _encoded(encoder: Encoder, texts: list[str], state: _Progress) -> NDArray[np.float32]:
    rows = encoder.encode(texts, "document")
    expected = (len(texts), state.dimensions or rows.shape[1])
    if rows.shape != expected:
        raise StageError(f"embed: expected vectors of shape {expected}, found {rows.shape}")
    if not np.isfinite(rows).all():
        bad = state.rows + int(np.argmin(np.isfinite(rows).all(axis=1)))
        raise StageError(f"embed: the vector of document number {bad + 1} is not finite")
    return rows


def _count(documents: Path) -> int:
    from pyarrow import parquet

    return int(parquet.read_metadata(documents).num_rows)


def _texts(documents: Path, batch: int) -> Iterator[str]:
    with opened(documents) as file:
        parts = file.iter_batches(batch_size=batch, columns=["title", "text"])
        yield from chain.from_iterable(
            map(sentences_of, part["title"].to_pylist(), part["text"].to_pylist()) for part in parts
        )
