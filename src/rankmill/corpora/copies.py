"""What was left out of a corpus because another document says it."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

_SAID = {
    "duplicate": re.compile(r"(?s)the same text as (.+)"),
    "near_duplicate": re.compile(r"(?s)Jaccard [\d.]+ to (.+) >= \S+"),
    "semantic_duplicate": re.compile(r"(?s)cosine [\d.]+ to (.+) >= \S+"),
}
"""The details of `ingest`, of `NearDuplicates` and of the stage `curate`, by rule: who stays."""
_NUMBER = r"#\d+$"  # of a passage, behind the docid of the document that was cut


def originals(rejections: Sequence[Path], docids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """For those documents that are copies the one that was kept; a copy of a copy is followed.

    Of a document that was cut it is what its passages are copies of, those that are none left out.

    Args:
        rejections: The tables REJECTIONS of ingest, and of curation where there is any.
        docids: Those that are asked about; memory holds these alone.
    """
    kept: dict[str, str] = {}
    asked = set(docids)
    while asked:
        further = _left_out(rejections, asked)
        asked = set(further.values()) - set(kept)
        kept |= further
    passages: defaultdict[str, list[str]] = defaultdict(list)
    for docid in kept:
        passages[re.sub(_NUMBER, "", docid)].append(docid)
    copies = {docid: [docid] if docid in kept else passages.get(docid, []) for docid in docids}
    return {
        docid: tuple(dict.fromkeys(_end(one, kept) for one in ones))
        for docid, ones in copies.items()
        if ones
    }


def _left_out(rejections: Sequence[Path], docids: Collection[str]) -> dict[str, str]:
    """Who stays instead of documents, and of passages of documents, by docid."""
    whole = pl.col("id").str.replace(_NUMBER, "")
    rows = (
        pl.scan_parquet(list(rejections))
        .filter(pl.col("rule").is_in(list(_SAID)))
        .filter(pl.col("id").is_in(list(docids)) | whole.is_in(list(docids)))
        .select("id", "rule", "detail")
        .collect()
    )
    said = ((docid, _SAID[rule].fullmatch(detail)) for docid, rule, detail in rows.iter_rows())
    return {docid: one[1] for docid, one in said if one}


def _end(docid: str, kept: dict[str, str]) -> str:
    while docid in kept:
        docid = kept[docid]
    return docid
