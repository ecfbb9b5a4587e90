"""Queries, documents and positives in; hard negatives out, by ids."""

from collections.abc import Sequence
from zlib import crc32

import numpy as np
import polars as pl

from rankmill.mine.known import Known, Points
from rankmill.mine.mined import NEGATIVES, Counts, Mined
from rankmill.mine.numbers import NUMBERS
from rankmill.mine.search import Block, Search
from rankmill.mine.spec import Mining
from rankmill.records import Rejection

_NONE = pl.DataFrame(schema={"qid": pl.String, "docid": pl.String})


def mine(
    spec: Mining,
    queries: Points,
    documents: Points,
    positives: pl.DataFrame,
    *,
    excluded: pl.DataFrame = _NONE,
) -> Mined:
    """Find the hard negatives of every query.

    Equal scores fall in docid order. The order in which queries, documents and pairs come is of no
    account, nor is what other queries there are.

    Args:
        spec: Which documents are negatives, and how many.
        queries: Their vectors.
        documents: Theirs, read block by block; an inner product is a score.
        positives: Columns qid and docid.
        excluded: The same, of documents that are neither positives nor to be negatives.

    Raises:
        StageError: An id repeats, or ids and vectors differ in number.
    """
    qids, order = queries.in_order()
    docids, rows = documents.in_order()
    search = Search(
        spec=spec,
        queries=queries.vectors[order],
        documents=documents.vectors,
        rows=rows,
        known=Known.of(qids, docids, positives, excluded),
        hashes=np.array([crc32(qid.encode()) for qid in qids], np.uint64),
    )
    found = list(search.blocks())
    return Mined(
        negatives=_named([block.negatives for block in found], qids, docids),
        positives=_scored(search.positives, qids, docids),
        rejections=[*search.known.rejections, *_too_few(spec, found, qids, docids)],
        counts=Counts.sum([block.counts for block in found]),
    )


def _named(numbers: list[pl.DataFrame], qids: pl.Series, docids: pl.Series) -> pl.DataFrame:
    ordered = pl.concat([NUMBERS, *numbers]).sort("q", "positive", "rank", "d", nulls_last=True)
    return NEGATIVES.check(
        ordered.with_columns(
            qid=qids.gather(ordered["q"]),
            positive=docids.gather(ordered["positive"]),
            docid=docids.gather(ordered["d"]),
        ).drop("q", "d")
    )


def _scored(positives: pl.DataFrame, qids: pl.Series, docids: pl.Series) -> pl.DataFrame:
    ordered = positives.sort("q", "score", "positive", descending=[False, True, False])
    return ordered.select(
        qid=qids.gather(ordered["q"]), docid=docids.gather(ordered["positive"]), score="score"
    )


def _too_few(
    spec: Mining, blocks: Sequence[Block], qids: pl.Series, docids: pl.Series
) -> list[Rejection]:
    rule = "too_few_negatives" if spec.short == "drop" else "no_negative"
    left_out = [block.left_out for block in blocks]
    ordered = pl.concat(left_out).sort("q", "positive") if left_out else pl.DataFrame()
    return [
        Rejection(
            id=f"{qids[q]}/{docids[positive]}" if spec.positive == "own" else qids[q],
            rule=rule,
            detail=f"{found} of {spec.negatives} negatives, the positive scores {score:.4f}",
        )
        for q, positive, score, found in ordered.iter_rows()
    ]
