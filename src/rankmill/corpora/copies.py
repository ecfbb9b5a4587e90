"""What was left out of a corpus because another document says it."""

import re
from collections.abc import Collection
from pathlib import Path

import polars as pl

_RULES = ("duplicate", "near_duplicate")
_SAID = re.compile(r"the same text as (?P<same>.+)|Jaccard [\d.]+ to (?P<near>.+) >= [\d.]+")
"""The details of `ingest` and of `NearDuplicates`."""


def originals(rejections: Path, docids: Collection[str]) -> dict[str, str]:
    """For those documents that are copies the one that was kept; a copy of a copy is followed.

    Args:
        rejections: The table REJECTIONS of ingest.
        docids: Those that are asked about; memory holds these alone.
    """
    found: dict[str, str] = {}
    asked = set(docids)
    while asked:
        rows = (
            pl.scan_parquet(rejections)
            .filter(pl.col("rule").is_in(_RULES), pl.col("id").is_in(list(asked)))
            .select("id", "detail")
            .collect()
        )
        said = ((docid, _SAID.fullmatch(detail)) for docid, detail in rows.iter_rows())
        further = {docid: str(one["same"] or one["near"]) for docid, one in said if one}
        asked = set(further.values()) - set(found)
        found |= further
    return {docid: _end(docid, found) for docid in docids if docid in found}


def _end(docid: str, found: dict[str, str]) -> str:
    while docid in found:
        docid = found[docid]
    return docid
