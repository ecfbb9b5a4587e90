"""The candidates a teacher judges: what is found for a query within its split, put into a list."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import fmean

import polars as pl

from rankmill.errors import StageError
from rankmill.known import known_of
from rankmill.records import Ranking, Rejection
from rankmill.retrieve.bands import FUSED
from rankmill.retrieve.given import eligible
from rankmill.retrieve.lists import Listed, listed
from rankmill.retrieve.pools import Frame, Pools, Space
from rankmill.retrieve.spec import GIVEN, Retrieval
from rankmill.tables import CANDIDATES, QUERIES

_BLOCK = 4_096  # queries whose lists are in memory as values of Python's own


@dataclass(frozen=True, kw_only=True)
class Found:
    """What came of retrieval.

    Attributes:
        candidates: As `CANDIDATES`, scored by fusion: 0 for what no retriever found.
        rejections: `too_few_candidates` for a query whose list would hold less than two documents,
            `not_found_again` for one that did not make the round trip.
        left_out: What `eligible` takes out of given lists.
        read: Queries.
        facts: Per retriever what share of the known sources it found, and their mean rank; what
            share of the best documents an approximate search found; how many documents were given,
            how many of them are left out by which rule, and how many queries had no list.
    """

    candidates: pl.DataFrame
    rejections: list[Rejection]
    left_out: list[Rejection]
    read: int
    facts: Mapping[str, float]


def retrieve(
    spec: Retrieval,
    *,
    documents: Frame,
    clusters: pl.DataFrame,
    queries: pl.DataFrame,
    spaces: Mapping[str, Space],
    given: Mapping[str, Sequence[str]] | None = None,
) -> Found:
    """Find the candidates of every query among the documents of its own split.

    What is known to answer has origin "source"; others have "bm25", "dense", "both" (of these
    two), the name of a further retriever, "several", "given" or "random". See `listed`.

    Args:
        spec: Says how deep to look, and what is listed.
        documents: Columns docid, title and text.
        clusters: Columns docid and split; a document without a row is nobody's candidate.
        queries: Columns qid, text, source_docid, split; of others those of further answers.
        spaces: Vectors by dense retriever: row i is that of document i, or of query i.
        given: Docids by qid, best first.

    Raises:
        StageError: The tables are of different corpora or splits, or no given list is of a query.
    """
    queries = _numbered(queries, clusters)
    _check_vectors(documents, queries, spaces)
    own, left_out, brought = _brought(given or {}, queries, documents, clusters)
    pools = Pools.read(spec, documents, clusters)
    lists = _Lists(spec)
    for part in queries.partition_by("split"):
        lists.add(_results(pools, part, spaces, own))
    return Found(
        candidates=lists.table(queries),
        rejections=lists.rejections,
        left_out=left_out,
        read=len(queries),
        facts=lists.facts | pools.recalls | (brought if spec.given else {}),
    )


def _brought(
    given: Mapping[str, Sequence[str]],
    queries: pl.DataFrame,
    documents: Frame,
    clusters: pl.DataFrame,
) -> tuple[dict[str, Ranking], list[Rejection], dict[str, float]]:
    """What of the user's lists can be a candidate, what cannot, and how much of each there is.

    Raises:
        StageError: No list is of a query of this build.
    """
    strangers = given.keys() - set(queries["qid"])
    if given and len(strangers) == len(given) and len(queries):
        raise StageError(
            f"retrieve.given: no list is of a query of this build; found lists of {min(given)} "
            f"and the like, queries such as {queries['qid'][0]}"
        )
    own, left_out, total = eligible(given, queries, documents, clusters)
    rules = Counter(one.rule for one in left_out)
    facts: dict[str, float] = {
        "given documents": total,
        **{f"given documents: {rule}": count for rule, count in sorted(rules.items())},
        "queries without a given list": len(queries) - len(own),
        "given lists of unknown queries": len(strangers),
    }
    return own, left_out, facts


class _Lists:
    """The lists that are kept, why others are not, and where retrievers found the sources."""

    def __init__(self, spec: Retrieval) -> None:
        self.rejections: list[Rejection] = []
        self._spec = spec
        self._frames = [CANDIDATES.empty()]
        self._ranks: list[Mapping[str, int]] = []
        self._short = 0

    def add(self, results: Iterator[Listed]) -> None:
        """Take up lists, some at a time."""
        while some := list(islice(results, _BLOCK)):
            verdicts = [_verdict(self._spec, one) for one in some]
            kept = [one for one, verdict in zip(some, verdicts, strict=True) if not verdict]
            rows = ((one.qid, *row) for one in kept for row in one.rows)
            self._frames.append(CANDIDATES.frame(rows))
            self._ranks += (one.source_ranks for one in some if one.sources)
            self._short += sum(len(one.rows) < self._spec.depth for one in kept)
            self.rejections += filter(None, verdicts)

    def table(self, queries: pl.DataFrame) -> pl.DataFrame:
        """Every row, in the order of the queries."""
        rows = pl.concat(self._frames).join(queries.select("qid", "number"), on="qid")
        return rows.sort("number", "rank").drop("number")

    @property
    def facts(self) -> dict[str, float]:
        """How many lists are short, and of sources how many each retriever found, how far down."""
        facts: dict[str, float] = {"lists shorter than depth": self._short} if self._short else {}
        for name in (*self._spec.retrievers, FUSED) if self._ranks else ():
            found = [by_name[name] for by_name in self._ranks if name in by_name]
            facts[f"sources found by {name}"] = round(len(found) / len(self._ranks), 4)
            facts |= {f"their mean rank by {name}": round(fmean(found), 2)} if found else {}
        return facts


def _results(
    pools: Pools, queries: pl.DataFrame, spaces: Mapping[str, Space], given: Mapping[str, Ranking]
) -> Iterator[Listed]:
    """The lists of the queries of one split."""
    spec, split, numbers = pools.spec, queries["split"][0], queries["number"].to_numpy()
    words = spec.bm25.words(queries["text"].to_list())
    asked = {name: Space(space.documents, space.queries[numbers]) for name, space in spaces.items()}
    known = known_of(queries).items()
    for (qid, docids), found in zip(known, pools.find(split, words, asked), strict=True):
        lists = found | ({GIVEN: given[qid]} if qid in given else {})
        yield listed(spec, (qid, docids), lists, pools.splits[split].docids)


def _verdict(spec: Retrieval, one: Listed) -> Rejection | None:
    """Why a list is not kept, if it is not."""
    if len(one.rows) < 2:
        detail = f"{len(one.rows)} candidate{'s'[len(one.rows) :]}, expected at least 2"
        return Rejection(id=one.qid, rule="too_few_candidates", detail=detail)
    if spec.round_trip and one.sources:
        by = spec.round_trip.by  # a list that the user brings retrieves nothing
        ranks = {n: rank for n, rank in one.source_ranks.items() if n != GIVEN or by == GIVEN}
        if fault := spec.round_trip.verdict(ranks):
            return Rejection(id=one.qid, rule=fault[0], detail=fault[1])
    return None


def _numbered(queries: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """The queries with their number, and with all columns of answers, after a check of sources."""
    for name in ("related_docid", "answer_docids"):
        if name not in queries.columns:
            queries = queries.with_columns(pl.lit(None, QUERIES.columns[name]).alias(name))
    places = clusters.select("docid", found="split")
    for column in ("source_docid", "related_docid"):
        known = queries.filter(pl.col(column).is_not_null())
        placed = known.join(places, left_on=column, right_on="docid", how="left")
        astray = placed.filter(pl.col("found").ne_missing(pl.col("split")))
        for query in astray.head(1).iter_rows(named=True):
            raise StageError(
                f"retrieve: query {query['qid']}: expected its source {query[column]} in split "
                f"{query['split']}, found it in {query['found'] or 'none'}"
            )
    return queries.with_row_index("number")


def _check_vectors(documents: Frame, queries: pl.DataFrame, spaces: Mapping[str, Space]) -> None:
    total = documents.lazy().select(pl.len()).collect().item()
    for name, space in spaces.items():
        if (len(space.documents), len(space.queries)) != (total, len(queries)):
            raise StageError(
                f"retrieve: {total} documents and {len(queries)} queries, but {name} has "
                f"{len(space.documents)} and {len(space.queries)} vectors"
            )
