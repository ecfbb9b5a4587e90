"""Documents from Parquet files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from rankmill.corpora.columns import Columns
from rankmill.corpora.files import Place, SourceFile, find_files, fingerprint, readable
from rankmill.errors import CorpusError
from rankmill.parquet import opened
from rankmill.records import Document, Rejection
from rankmill.spec import Machine, Spec

_BATCH = 4096


class ParquetFiles(Spec):
    """One document a row, read in batches: a file may be larger than memory.

    Attributes:
        path: A file, a glob, or a folder that means every `.parquet` below it; relative to the
            recipe's folder.
        columns: Which columns hold what; no other column is read.
    """

    kind: Literal["parquet"] = "parquet"
    path: Path = Machine(...)
    columns: Columns = Columns()

    def __str__(self) -> str:
        return str(self.path)

    def documents(self, base: Path) -> Iterator[Document | Rejection]:
        """Read every row, file by file in the order of their names.

        Raises:
            CorpusError: A file is missing or is not Parquet, or a named column is missing or
                holds something else than text.
        """
        for file in self._files(base):
            for number, row in enumerate(self._rows(file), start=1):
                place = Place(within=str(file.path), name=file.name, row=number)
                yield self.columns.document(row, place)

    def origin(self, base: Path) -> str:
        """The SHA-256 over the names and bytes of the files."""
        return fingerprint(self._files(base))

    def _files(self, base: Path) -> tuple[SourceFile, ...]:
        return find_files(self.path, base, endings=(".parquet",))

    def _rows(self, file: SourceFile) -> Iterator[dict[str, object]]:
        import pyarrow as pa

        try:
            with readable(file.path), opened(file.path) as content:
                fields = self.columns.find(content.schema_arrow.names, file.path)
                for batch in content.iter_batches(_BATCH, columns=list(fields.values())):
                    yield from batch.to_pylist()
        except (pa.ArrowException, UnicodeDecodeError) as error:
            reason = str(error).partition("\n")[0]
            raise CorpusError(f"{file.path}: broken Parquet file: {reason}") from error
