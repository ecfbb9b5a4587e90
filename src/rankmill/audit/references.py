"""Rule `references`: every id of a document or a query leads to one.

Looked at are the Parquet files of all configs but `contamination` and `rejections`: columns, and
fields of structs, of the names below. Not looked at are files of other kinds (JSON, TSV, TREC),
which are written of the same rows, ids that stand inside a text, and columns of other names, such
as `id` and `_id`, which name their own row.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rankmill.audit.findings import Finding, Rows
from rankmill.audit.shards import Batch, batches

_DOCUMENTS = (
    *("docid", "docids", "source_docid", "related_docid", "relevant_docids", "shown", "ranked"),
    "answer_docids",
    *("corpus-id", "corpus-ids", "document_id", "document_ids", "initial_list", "final_list"),
)
_QUERIES = ("qid", "query-id", "query_id")
_ELSEWHERE = {"contamination", "rejections"}  # what was left out is in no other config


class References:
    """Knows every docid of config `corpus` and every qid of `queries`, by eight bytes each."""

    def __init__(self, folder: Path) -> None:
        known = {"corpus": _known(folder, "corpus", "docid")}
        known["queries"] = _known(folder, "queries", "qid")
        self.homes: Mapping[str, tuple[str, Any]] = {
            **dict.fromkeys(_DOCUMENTS, ("corpus", known["corpus"])),
            **dict.fromkeys(_QUERIES, ("queries", known["queries"])),
        }
        self.ids, self.broken = 0, Rows()

    def see(self, batch: Batch) -> None:
        """Look at some rows."""
        if batch.config in _ELSEWHERE:
            return
        for name, values in _named(batch.rows):
            if name not in self.homes:
                continue
            config, known = self.homes[name]
            ids = _flat(values)
            self.ids += len(ids)
            for place, id_ in ids.filter(~_among(ids["id"], known)).iter_rows():
                self.broken.add(batch, place, f"{name} {id_} is not in {config}")

    def findings(self) -> Iterator[Finding]:
        """Not one that leads nowhere."""
        yield Finding(
            rule="references",
            passed=not self.broken.count,
            found=f"{self.broken.count:,} of {self.ids:,} ids lead nowhere",
            limit="none",
            rows=tuple(self.broken.first),
            more=self.broken.more,
        )


def _known(folder: Path, config: str, column: str) -> Any:  # noqa: ANN401 - sorted uint64
    found = [
        batch.rows[column].hash().to_numpy()
        for batch in batches(folder, config)
        if column in batch.rows.columns
    ]
    return np.sort(np.concatenate(found)) if found else np.empty(0, np.uint64)


def _named(rows: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    """Every column and every field of a struct, by its name."""
    for column in rows.iter_columns():
        if isinstance(column.dtype, pl.Struct):
            yield from _named(column.struct.unnest())
        else:
            yield column.name, column


def _flat(values: pl.Series) -> pl.DataFrame:
    """One id a row, without nulls, beside the place of its row."""
    rows = values.alias("id").to_frame().with_row_index("place")
    if isinstance(values.dtype, pl.List):
        rows = rows.explode("id")
    return rows.drop_nulls("id")


def _among(ids: pl.Series, known: Any) -> pl.Series:  # noqa: ANN401 - sorted uint64
    hashes = ids.hash().to_numpy()
    places = np.minimum(np.searchsorted(known, hashes), max(0, len(known) - 1))
    return pl.Series(known[places] == hashes if len(known) else np.zeros(len(ids), bool))
