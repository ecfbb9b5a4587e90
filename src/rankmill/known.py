"""What is known to answer a query before anybody has judged it."""

from collections.abc import Mapping

import polars as pl

Known = Mapping[str, tuple[str, ...]]
"""Docids that are known to answer a query, by qid; none where nobody knows any."""


def sources_of(queries: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """The document that each query was written for, and the second one that some queries need."""
    rows = queries.select("qid", "source_docid", "related_docid").iter_rows()
    return {qid: tuple(docid for docid in docids if docid is not None) for qid, *docids in rows}


def known_of(queries: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Its sources, and after them the further answers that came with a query."""
    further = dict(queries.select("qid", "answer_docids").iter_rows())
    return {
        qid: tuple(dict.fromkeys((*docids, *(further[qid] or ()))))
        for qid, docids in sources_of(queries).items()
    }
