"""Queries that say what an earlier one says: in the same words, or nearly."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rankmill.screen.pair import Verdict

_BLOCK = 512  # queries judged at a time
_TILE = 1024  # earlier ones they are held against at a time: 2 MiB of bounds stay in the cache
_HEAD = 48  # leading axes that bound a cosine well enough to rule nearly every pair out
_SAMPLE = 16_384
_SLACK = 1e-4  # more than single precision can be wrong by
_END = "?.!\u2026 \uff1f\u3002\uff01\u061f;"  # ... and those of Chinese and Arabic


def same_words(
    ids: Sequence[str], texts: Sequence[str], *, known: int = 0
) -> Iterator[Verdict | None]:
    """Leave out every query that an earlier one says too, whatever its case and end mark.

    Verdicts come in order, one for each query after the first `known`, which are kept.
    """
    first: dict[str, str] = {}
    for place, (qid, text) in enumerate(zip(ids, texts, strict=True)):
        folded = text.casefold().rstrip(_END)
        if place >= known:
            yield ("duplicate", f"same words as {first[folded]}") if folded in first else None
        first.setdefault(folded, qid)


def near_duplicates(
    ids: Sequence[str], vectors: NDArray[np.float32], *, max_similarity: float, known: int = 0
) -> Iterator[Verdict | None]:
    """Leave out every query too similar to an earlier one that is kept, exactly and in one pass.

    On the axes along which the queries spread most, followed by the length of what is left of a
    vector, the inner product of two is no less than their cosine (Cauchy and Schwarz). Cosines
    are computed only where that bound leaves them open, so memory and most of the work are a few
    dozen numbers a query.

    Verdicts come in order, one for each query after the first `known`, which are kept.

    Args:
        ids: Of the queries, in the order they are considered.
        vectors: Unit-length rows, shape (queries, dimensions); may be memory-mapped.
        max_similarity: Cosine from which on two queries are near-duplicates.
        known: Queries at the beginning that are kept whatever they are like.
    """
    heads = _heads(vectors) if len(ids) else np.empty((0, 0), np.float32)
    kept = np.arange(len(ids)) < known
    for start in range(known, len(ids), _BLOCK):
        stop = min(start + _BLOCK, len(ids))
        near = _open_pairs(heads, start, stop, max_similarity - _SLACK)
        for place in range(start, stop):
            earlier = near.get(place, np.empty(0, np.intp))
            earlier = earlier[kept[earlier]]
            cosines = vectors[earlier].astype(np.float64) @ vectors[place].astype(np.float64)
            kept[place] = not (cosines >= max_similarity).any()
            if kept[place]:
                yield None
                continue
            best = int(cosines.argmax())
            like = f"cosine {cosines[best]:.3f} to {ids[earlier[best]]} >= {max_similarity}"
            yield "near_duplicate", like
        heads[start:stop][~kept[start:stop]] = 0


def _heads(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every vector on the leading axes of a sample, and the length of its rest."""
    step = -(-len(vectors) // _SAMPLE) or 1
    sample = np.asarray(vectors[::step], np.float64)
    _, axes = np.linalg.eigh(sample.T @ sample)  # in ascending order
    lead = axes[:, -_HEAD:].astype(np.float32)
    heads = np.empty((len(vectors), lead.shape[1] + 1), np.float32)
    for start in range(0, len(vectors), _TILE):
        rows = np.asarray(vectors[start : start + _TILE])
        head = rows @ lead
        rest = np.square(rows).sum(axis=1) - np.square(head).sum(axis=1)
        heads[start : start + _TILE, :-1] = head
        heads[start : start + _TILE, -1] = np.sqrt(np.maximum(rest, 0))
    return heads


def _open_pairs(
    heads: NDArray[np.float32], start: int, stop: int, least: float
) -> dict[int, NDArray[np.intp]]:
    """For the rows from `start` to `stop` all earlier rows whose bound reaches `least`."""
    found: list[NDArray[np.intp]] = []
    for tile in range(0, stop, _TILE):
        bounds = heads[start:stop] @ heads[tile : min(tile + _TILE, stop)].T
        rows = np.flatnonzero(bounds.max(axis=1) >= least)
        at, other = np.nonzero(bounds[rows] >= least)
        pairs = np.stack([rows[at] + start, other + tile])
        found.append(pairs[:, pairs[1] < pairs[0]])
    pairs = np.concatenate(found, axis=1)
    pairs = pairs[:, np.argsort(pairs[0], kind="stable")]
    if not pairs.size:
        return {}
    places, firsts = np.unique(pairs[0], return_index=True)
    return dict(zip(places.tolist(), np.split(pairs[1], firsts[1:]), strict=True))
