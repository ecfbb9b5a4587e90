"""Negatives by number: queries and documents count in the order of their ids."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.mine.known import Rows

Vectors = NDArray[np.float32]
NOTHING = -1
"""A hole in a row of documents."""
NUMBERS = pl.DataFrame(
    schema={
        "q": pl.Int64,
        "positive": pl.Int64,
        "d": pl.Int64,
        "rank": pl.Int32,
        "score": pl.Float32,
        "positive_score": pl.Float32,
        "origin": pl.String,
    }
)
"""No negatives: q, positive and d are numbers."""


def numbers(
    lists: pl.DataFrame, documents: Rows, scores: Vectors, ranks: NDArray[np.int32] | None
) -> pl.DataFrame:
    """`NUMBERS`, row by row; without ranks, documents are random."""
    return lists.select(
        "q",
        "positive",
        d=pl.Series(documents, dtype=pl.Int64),
        rank=pl.lit(None, pl.Int32) if ranks is None else pl.Series(ranks, dtype=pl.Int32),
        score=pl.Series(scores, dtype=pl.Float32),
        positive_score="score",
        origin=pl.lit("dense" if ranks is not None else "random"),
    )
