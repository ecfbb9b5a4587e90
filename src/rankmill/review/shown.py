"""What a person is shown: labelled lists of a build, chosen so that any beginning is a sample."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import polars as pl

from rankmill.errors import ConfigError
from rankmill.finished import Finished
from rankmill.grades import Bands, Cuts, Quantiles
from rankmill.settle import settle
from rankmill.spec import digest
from rankmill.tables import CANDIDATES, DOCUMENTS, JUDGMENTS, LABELS, QUERIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lists a person is to see.

    Attributes:
        lists: How many; 0 is all. More lists under the same seed begin with the same ones.
        seed: Decides the order of the lists, so that whoever stops early has judged a fair sample.
        qids: These lists and no others, kept or not.
        rejected: Lists that a filter left out, in place of those that were kept.
    """

    lists: int = 0
    seed: int = 0
    qids: tuple[str, ...] = ()
    rejected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDocument:
    """One document of a list.

    Attributes:
        grade: What the teachers' labels say.
        source: Whether the query was written from it.
        shown: Sixteen hex digits over the query's and the document's text.
    """

    docid: str
    title: str
    text: str
    grade: int
    source: bool
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownList:
    """One query and its documents, best first.

    Attributes:
        reason: Why filters or the dataset left the list out; empty for a list that was kept.
        shown: Sixteen hex digits over all that a person sees of it: texts, order and grades.
        shown_blind: The same over the texts alone, in no order.
    """

    qid: str
    query: str
    reason: str
    documents: tuple[ShownDocument, ...]
    shown: str
    shown_blind: str

    @classmethod
    def of(cls, qid: str, query: str, reason: str, rows: Iterable[Mapping[str, Any]]) -> Self:
        """From its labels, best first, joined with its documents and `source_docid`."""
        documents = tuple(
            ShownDocument(
                docid=row["docid"],
                title=row["title"],
                text=row["text"],
                grade=row["grade"],
                source=row["docid"] == row["source_docid"],
                shown=digest("\0".join((query, row["title"], row["text"]))),
            )
            for row in rows
        )
        texts = [f"{one.docid}\0{one.shown}" for one in documents]
        graded = [f"{text}\0{one.grade}" for text, one in zip(texts, documents, strict=True)]
        return cls(
            qid=qid,
            query=query,
            reason=reason,
            documents=documents,
            shown=digest("\0".join((query, *graded))),
            shown_blind=digest("\0".join((query, *sorted(texts)))),
        )

    @property
    def docids(self) -> tuple[str, ...]:
        """Best first."""
        return tuple(document.docid for document in self.documents)


def highest_grade(build: Finished) -> int:
    """The highest grade that the build's rule can give, or that it gave where it knows no bound."""
    match build.recipe.settle.grades:
        case Bands(sizes=steps) | Cuts(cuts=steps) | Quantiles(shares=steps):
            return len(steps)
    found = build.read("settle", LABELS).get_column("grade").max()
    return max(int(found), 1) if isinstance(found, int) else 1


def shown_lists(build: Finished, wanted: Wanted) -> dict[str, ShownList]:
    """The lists that are wanted, by qid, in the order in which a person is to see them.

    Raises:
        ConfigError: There is none such.
        StageError: The build has not come as far as `settle`.
    """
    lists = build.lists
    qids = _chosen(lists, wanted)
    reasons = {row["qid"]: row["reason"] for row in lists.iter_rows(named=True) if not row["kept"]}
    rows = _rows(build, qids, left_out=reasons.keys() & set(qids))
    queries = dict(build.read("generate", QUERIES).select("qid", "text").iter_rows())
    return {
        qid: ShownList.of(qid, queries[qid], reasons.get(qid, ""), rows[qid])
        for qid in qids
        if qid in rows
    }


def _chosen(lists: pl.DataFrame, wanted: Wanted) -> list[str]:
    known = set(lists.get_column("qid"))
    if unknown := [qid for qid in wanted.qids if qid not in known]:
        raise ConfigError(
            f"no labelled list {', '.join(unknown)}; rankmill show BUILD lists them all"
        )
    if wanted.qids:
        return list(wanted.qids)
    fit = lists.filter(pl.col("kept") != wanted.rejected).get_column("qid").to_list()
    if not fit:
        kind, other = ("rejected", "kept") if wanted.rejected else ("kept", "rejected")
        raise ConfigError(f"no list was {kind}, all {len(lists):,} were {other}")
    fit.sort(key=lambda qid: digest(f"{wanted.seed}/{qid}"))
    return fit[: wanted.lists or len(fit)]


def _rows(
    build: Finished, qids: Sequence[str], *, left_out: Iterable[str]
) -> dict[str, list[dict[str, Any]]]:
    """Labels with their documents, best first, by qid."""
    labels = build.read("settle", LABELS)
    if absent := set(left_out) - set(labels["qid"]):  # the dataset left out what has labels
        others = _without_filters(build).filter(pl.col("qid").is_in(absent))
        labels = pl.concat([labels, others])
    labels = labels.filter(pl.col("qid").is_in(set(qids)))
    docids = labels.get_column("docid").unique()
    documents = (
        pl.scan_parquet(build.output("ingest").path(DOCUMENTS))
        .filter(pl.col("docid").is_in(docids.implode()))
        .select("docid", "title", "text")
        .collect()
    )
    sources = build.read("generate", QUERIES).select("qid", "source_docid")
    joined = labels.join(documents, on="docid").join(sources, on="qid").sort("qid", "rank")
    parts = joined.partition_by("qid", as_dict=True)
    return {str(qid): part.to_dicts() for (qid,), part in parts.items()}


def _without_filters(build: Finished) -> pl.DataFrame:
    """The labels that all lists would have if no filter left any out; no teacher is asked."""
    recipe = build.recipe
    labels, _, _ = settle(
        recipe.settle.model_copy(update={"filters": ()}),
        recipe.views,
        build.read("generate", QUERIES),
        build.read("retrieve", CANDIDATES),
        pl.scan_parquet(build.output("label").path(JUDGMENTS)),
    )
    return labels
