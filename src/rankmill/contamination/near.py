"""Queries that are nearly those of an evaluation collection."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.contamination.collection import Evaluation
from rankmill.contamination.spec import Decontamination
from rankmill.contamination.words import Theirs
from rankmill.records import Rejection
from rankmill.space.near import nearest_of

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def contaminated(
    queries: pl.DataFrame,
    vectors: NDArray[np.float32],
    collections: Mapping[str, Path],
    encode: Encode,
    spec: Decontamination,
) -> list[Rejection]:
    """Queries of ours that are, or nearly are, queries of an evaluation collection.

    Rule `contaminated`; its detail names the collection, the query of theirs, and what they have
    in common: all words, a run of 13 words, or the cosine. Nothing is rejected when the recipe
    keeps such queries.

    Args:
        queries: Columns qid and text.
        vectors: Unit-length rows of these queries, shape (queries, dimensions).
        collections: Folders in BEIR's layout, by name.
        encode: Embeds texts as queries, in the same space.
        spec: Says from which cosine on two queries are one.

    Returns:
        At most one rejection for each query, in their order.

    Raises:
        CorpusError: A collection is not there, or a line of it is wrong.
    """
    if spec.queries == "keep":
        return []
    said: dict[str, str] = {}
    for name, folder in collections.items():
        theirs = Evaluation(folder.resolve()).queries()
        near = _near(queries, vectors, theirs, encode, spec) if len(theirs) else ()
        for qid, detail in (*_same_words(queries, theirs), *near):
            said.setdefault(qid, f"{name}: {detail}")
    return [
        Rejection(id=qid, rule="contaminated", detail=said[qid])
        for qid in queries["qid"]
        if qid in said
    ]


def _near(
    queries: pl.DataFrame,
    vectors: NDArray[np.float32],
    theirs: pl.DataFrame,
    encode: Encode,
    spec: Decontamination,
) -> Iterator[tuple[str, str]]:
    """Queries of ours whose vectors are nearly those of theirs."""
    limit = spec.query_similarity
    rows, cosines = nearest_of(vectors, encode(theirs["text"].to_list()))
    for place in np.flatnonzero(cosines >= limit).tolist():
        query = theirs["id"][int(rows[place])]
        yield queries["qid"][place], f"cosine {cosines[place]:.3f} to query {query} >= {limit}"


def _same_words(queries: pl.DataFrame, theirs: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Queries of ours that share words with theirs, and which rule finds that."""
    known = Theirs(theirs.select(what=pl.lit("query"), id="id", text="text"))
    found = known.touched(queries.select(what=pl.lit("query"), id="qid", text="text"))
    for qid, rule, detail in found.select("id", "rule", "detail").iter_rows():
        yield qid, f"{rule}, {detail}"
