"""Parquet files that are too long for memory."""

from pathlib import Path
from typing import Any

_BUFFER = 2**16


def opened(path: Path) -> Any:  # noqa: ANN401 - a ParquetFile
    """A file whose `iter_batches` holds little more than a batch.

    By default pyarrow reads ahead, and lets go of nothing until the file is closed.

    Raises:
        pyarrow.ArrowException: It is no Parquet file.
        OSError: It cannot be read.
    """
    from pyarrow.parquet import ParquetFile

    return ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER)
