"""Lists that the user brings: a TREC run, or lines of JSON."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from rankmill.corpora.files import lines, resolve
from rankmill.errors import CorpusError
from rankmill.generate.examples import digest_of
from rankmill.generate.rows import rows
from rankmill.records import Ranking, Rejection
from rankmill.spec import Machine, Spec

_QID = ("qid", "query_id", "query-id", "_id", "id")
_DOCIDS = ("docids", "candidates")
_RULE = (
    pl.when(~pl.struct("qid", "docid").is_first_distinct())
    .then(pl.lit("repeated_docid"))
    .when(pl.col("known").is_null())
    .then(pl.lit("unknown_docid"))
    .when(pl.col("found").is_null())
    .then(pl.lit("no_split"))
    .when(pl.col("found") != pl.col("split"))
    .then(pl.lit("other_split"))
)
"""Why a document can be no candidate of a query; null where it can."""


class GivenLists(Spec):
    """Candidate lists by query id: what another system found, or people chose.

    Attributes:
        path: A TREC run (qid Q0 docid rank score tag), or JSON Lines (`.jsonl`) with `qid` and
            `docids`, best first.
    """

    path: Path = Machine(...)

    def digest(self, base: Path) -> str:
        """The SHA-256 of the file.

        Raises:
            CorpusError: It is missing or cannot be read.
        """
        return digest_of(self.path, base)

    def read(self, base: Path) -> dict[str, list[str]]:
        """Docids by qid, best first.

        Raises:
            CorpusError: The file is missing or empty, or a line is not what its format says.
        """
        path = resolve(self.path, base)
        as_json = {".jsonl", ".json"} & set(path.suffixes)
        lists = _read_lines(path) if as_json else read_run(path)
        if not lists:
            raise CorpusError(f"{path}: no list in it; expected lines of qid and docids, or a run")
        return lists


def eligible(
    lists: Mapping[str, Sequence[str]],
    queries: pl.DataFrame,
    documents: pl.DataFrame | pl.LazyFrame,
    clusters: pl.DataFrame,
) -> tuple[dict[str, Ranking], list[Rejection], int]:
    """Of given lists what may be a candidate: a document of its query's split.

    Lists of queries that nobody asks are left aside: a file may serve several builds.

    Returns:
        The lists by qid; what was taken out of them, as `repeated_docid` (it stands earlier in the
        list), `unknown_docid` (the corpus has no such document), `no_split` (it was curated away)
        or `other_split`; and how many documents the lists had before.
    """
    pairs = [(qid, docid) for qid, docids in lists.items() for docid in docids]
    places = clusters.select("docid", found="split")
    known = documents.lazy().select("docid", known=True).collect()
    frame = (
        pl.DataFrame(pairs, schema={"qid": pl.String, "docid": pl.String}, orient="row")
        .join(queries.select("qid", "split"), on="qid", maintain_order="left")
        .join(places, on="docid", how="left", maintain_order="left")
        .join(known, on="docid", how="left", maintain_order="left")
        .with_columns(rule=_RULE)
    )
    kept, lost = frame.filter(pl.col("rule").is_null()), frame.drop_nulls("rule")
    by_qid = kept.group_by("qid", maintain_order=True).agg("docid").iter_rows()
    rejections = [
        Rejection(id=qid, rule=rule, detail=f"given document {docid}")
        for qid, docid, rule in lost.select("qid", "docid", "rule").iter_rows()
    ]
    return {qid: Ranking.in_order(docids) for qid, docids in by_qid}, rejections, len(frame)


def _read_lines(path: Path) -> dict[str, list[str]]:
    """Docids of lines of JSON, by qid."""
    found: dict[str, list[str]] = {}
    for row in rows(path, columns=(_QID, _DOCIDS)):
        qid = row.text(_QID)
        if not set(_DOCIDS) & row.values.keys():
            among = ", ".join(row.values)
            raise CorpusError(f"{row.place}: expected {' or '.join(_DOCIDS)}, found {among}")
        if qid in found:
            raise CorpusError(f"{row.place}: a second list of {qid!r}, expected one")
        found[qid] = row.texts(_DOCIDS)
    return found


def read_run(path: Path) -> dict[str, list[str]]:
    """Docids of a TREC run, by qid, highest score first; equal scores by rank.

    Raises:
        CorpusError: The file cannot be read, or a line is no line of a run.
    """
    found: defaultdict[str, list[tuple[float, int, str]]] = defaultdict(list)
    for number, line in lines(path):
        try:
            qid, _, docid, rank, score, *_ = line.split()
            found[qid].append((-_finite(score), int(rank), docid))
        except ValueError as error:
            expected = "expected qid Q0 docid rank score tag"
            raise CorpusError(f"{path}, line {number}: {expected}, found {line!r}") from error
    return {qid: [docid for _, _, docid in sorted(ranked)] for qid, ranked in found.items()}


def _finite(score: str) -> float:
    """A score that can be compared.

    Raises:
        ValueError: It is none.
    """
    if math.isnan(number := float(score)):
        raise ValueError(f"{score} is no number")
    return number
