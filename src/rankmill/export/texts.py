"""The texts of listed documents, on disk until they are looked at."""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

_BATCH, _BUFFER = 16_384, 2**20
WORDS = pl.concat_str("title", pl.lit("\n"), "text").str.strip_chars()
"""A document as a trainer gets it: its title, if any, on a line of its own, then its text.
A teacher saw the beginning of it, as long as its view's `excerpt`."""


class Texts:
    """The texts of documents that are listed, by their row in the corpus."""

    def __init__(self, path: Path, listed: NDArray[np.bool_]) -> None:
        """Map the file of their titles and texts.

        Args:
            path: An Arrow file of uncompressed columns title and text.
            listed: Of every row of the corpus, whether it is in the file.
        """
        import pyarrow as pa

        with path.open("rb") as file:
            self._pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        batches = pa.ipc.open_file(pa.py_buffer(self._pages))
        self._texts = pl.concat(
            [self._looked_at(batches.get_batch(n)) for n in range(batches.num_record_batches)]
        )
        self._rows = listed.cumsum(dtype=np.uint32) - 1

    def _looked_at(self, batch: Any) -> pl.DataFrame:  # noqa: ANN401 - an Arrow batch
        frame = pl.DataFrame(batch)
        self._pages.madvise(mmap.MADV_DONTNEED)
        return frame

    def sizes(self, pairs: pl.DataFrame) -> pl.Series:
        """Bytes of title and text, of the documents in rows with a number."""
        each = self._texts.select(pl.col("title").str.len_bytes() + pl.col("text").str.len_bytes())
        return each.to_series()[self._rows[pairs["number"]]]

    def join(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Rows with a number, and title, text and words of the document that has it."""
        self._pages.madvise(mmap.MADV_DONTNEED)  # what was read before is not held
        found = self._texts[self._rows[pairs["number"]]]
        return pairs.hstack(found.with_columns(words=WORDS))


@contextmanager
def kept_texts(corpus: Path, numbers: pl.Series, scratch: Path) -> Iterator[Texts]:
    """The texts of some documents, in a file that is mapped into memory.

    Args:
        corpus: File of DOCUMENTS.
        numbers: Rows of it, from 0, in any order and any number of times.
        scratch: Where the file is meanwhile.
    """
    with TemporaryDirectory(dir=scratch, prefix=".texts-") as folder:
        path = Path(folder) / "texts.arrow"
        yield Texts(path, _keep(corpus, numbers, path))


def _keep(corpus: Path, numbers: pl.Series, path: Path) -> NDArray[np.bool_]:
    """Write what `Texts` maps, and return which rows these are."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    schema = pa.schema([("title", pa.large_string()), ("text", pa.large_string())])
    with ParquetFile(corpus, buffer_size=_BUFFER) as file, pa.ipc.new_file(path, schema) as kept:
        listed = np.zeros(file.metadata.num_rows, dtype=np.bool_)
        listed[numbers.to_numpy()] = True
        start = 0
        for batch in file.iter_batches(_BATCH, columns=schema.names):
            some = pa.array(listed[start : start + batch.num_rows])
            kept.write_table(pa.table(batch.filter(some)).cast(schema))
            start += batch.num_rows
    pa.default_memory_pool().release_unused()
    return listed
