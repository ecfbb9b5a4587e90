"""Documents of a corpus that was read before."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from rankmill.records import Document


def documents_of(table: Path, docids: Iterable[str]) -> list[Document]:
    """The documents of some ids, sorted by id.

    Args:
        table: The Parquet file of DOCUMENTS; it is filtered while it is read.
        docids: Those that are wanted; one that is not there is left out.
    """
    wanted = pl.Series(list(docids), dtype=pl.String)
    frame = (
        pl.scan_parquet(table)
        .filter(pl.col("docid").is_in(wanted.implode()))
        .select("docid", "title", "text", "lang")
        .sort("docid")
        .collect()
    )
    return [Document(**row) for row in frame.iter_rows(named=True)]
