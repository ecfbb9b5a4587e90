"""The texts of listed documents, on disk until they are looked at."""

import mmap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

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
def kept_texts(
    corpus: Iterable[pl.DataFrame], listed: NDArray[np.bool_], scratch: Path
) -> Iterator[Texts]:
    """The texts of some documents, in a file that is mapped into memory.

    Args:
        corpus: DOCUMENTS and `number`, their row in the corpus, some at a time and in order.
        listed: Of every row of the corpus, whether its texts are kept.
        scratch: Where the file is meanwhile.
    """
    with TemporaryDirectory(dir=scratch, prefix=".texts-") as folder:
        path = Path(folder) / "texts.arrow"
        _keep((documents.filter(listed[documents["number"]]) for documents in corpus), path)
        yield Texts(path, listed)


def _keep(documents: Iterable[pl.DataFrame], path: Path) -> None:
    """Write what `Texts` maps."""
    import pyarrow as pa

    schema = pa.schema([("title", pa.large_string()), ("text", pa.large_string())])
    with pa.ipc.new_file(path, schema) as kept:
        for some in documents:
            texts = some.select(schema.names)
            kept.write_table(texts.to_arrow(compat_level=pl.CompatLevel.oldest()))
    pa.default_memory_pool().release_unused()
