"""One query's candidates: what was found for it, put into a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from rankmill.records import Ranking
from rankmill.retrieve.bands import FUSED, composed, with_sources
from rankmill.retrieve.spec import GIVEN, Retrieval

_SOURCES = 2  # a query is written for one document or two
Where = tuple[str, int | None, int | None, list[dict[str, str | int]] | None]
"""Origin, rank by BM25, rank by dense search, and ranks of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A query's candidates.

    Attributes:
        sources: Docids that are known to answer it, its own source first.
        rows: Docid, rank, score, and `Where`.
        source_ranks: Where each retriever, and `fused`, found the query's source; absent where
            one did not, or where nobody knows the source.
    """

    qid: str
    sources: tuple[str, ...]
    rows: tuple[tuple[str, int, float, *Where], ...]
    source_ranks: Mapping[str, int]


def listed(
    spec: Retrieval,
    query: tuple[str, tuple[str, ...]],
    lists: Mapping[str, Ranking],
    split: Sequence[str],
) -> Listed:
    """Put what was found into a list; half of it may be what is known to answer, found or not.

    Args:
        spec: Says what of it.
        query: Its qid, and the docids that are known to answer it, its sources first.
        lists: What every retriever found, by name, and what is `given`.
        split: Every docid that may be drawn by chance.
    """
    qid, sources = query
    seed = f"{spec.seed}/{qid}"
    fused = spec.fusion({name: lists[name] for name in spec.retrievers})
    orders = {name: ranking.docids for name, ranking in lists.items()} | {FUSED: fused.docids}
    most = spec.depth - spec.random
    answers = sources[: max(_SOURCES, most // 2)]
    bands = spec.all_bands(given=GIVEN in lists)
    found = with_sources(composed(bands, orders, sources=answers, seed=seed), answers, most=most)
    known = {*found, *(docid for docids in orders.values() for docid in docids)}
    drawn = _drawn(split, known, spec.random, seed)
    ranks = {name: _ranks(docids) for name, docids in orders.items()}
    scores = dict(zip(fused.docids, fused.scores, strict=True))
    return Listed(
        qid=qid,
        sources=sources,
        rows=tuple(
            (docid, rank, scores.get(docid, 0.0), *_standing(docid, sources, ranks))
            for rank, docid in enumerate((*found, *drawn), start=1)
        ),
        source_ranks={
            name: rank
            for name, by_docid in ranks.items()
            for source in sources[:1]
            if (rank := by_docid.get(source))
        },
    )


def _standing(docid: str, sources: Sequence[str], ranks: Mapping[str, Mapping[str, int]]) -> Where:
    """Where a candidate comes from, and its ranks."""
    found = {name: where[docid] for name, where in ranks.items() if docid in where}
    found.pop(FUSED, None)
    others: list[dict[str, str | int]] = [
        {"retriever": name, "rank": rank}
        for name, rank in found.items()
        if name not in {"bm25", "dense"}
    ]
    origin = "source" if docid in sources else _origin(list(found))
    return origin, found.get("bm25"), found.get("dense"), others or None


def _origin(finders: Sequence[str]) -> str:
    """What stands for those who found a candidate; nobody finds one that is drawn by chance."""
    if GIVEN in finders:
        return GIVEN
    if set(finders) == {"bm25", "dense"}:
        return "both"
    return "several" if len(finders) > 1 else next(iter(finders), "random")


def _ranks(docids: Sequence[str]) -> dict[str, int]:
    return {docid: rank for rank, docid in enumerate(docids, start=1)}


def _drawn(split: Sequence[str], known: set[str], wanted: int, seed: str) -> list[str]:
    """Docids of the split by chance, none of them known."""
    most = min(len(split), wanted + len(known))
    drawn = Random(f"{seed}/random").sample(range(len(split)), most) if wanted else ()
    return [split[place] for place in drawn if split[place] not in known][:wanted]
