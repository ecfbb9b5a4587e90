"""What exports are made from: the tables of a build, checked against each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import polars as pl

from rankmill.contamination import Decontamination
from rankmill.errors import TableError
from rankmill.export.among import Among

SPLITS = ("train", "validation", "test")
CURATION = ("curate", "quality")  # stages that leave out documents which have vectors
_SHOWN = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class AssemblyInput:
    """The tables of one build.

    Attributes:
        documents: File of DOCUMENTS; it is streamed, never held whole.
        clusters: CLUSTERS, of every document that curation has left.
        queries: QUERIES; those of lists that were not kept may be among them.
        candidates: CANDIDATES.
        judgments: JUDGMENTS, of every list that was judged.
        labels: LABELS, of the lists that were kept.
        lists: LISTS, of every list that was ranked.
        rejections: REJECTIONS of all stages, in the order of the stages.
        prompts: Folders with prompts of the recipe's own.
        voting: Views whose readings made the labels; all that there are if empty.
        evaluation: Folders of evaluation collections that the dataset is held against, by name.
        decontaminate: What touching one of them means.
        round: Which round of mining the candidates are of, from 1.
        dealt: What was dealt out to the splits: whole clusters, or documents.
    """

    documents: Path
    clusters: pl.DataFrame
    queries: pl.DataFrame
    candidates: pl.DataFrame
    judgments: pl.DataFrame
    labels: pl.DataFrame
    lists: pl.DataFrame
    rejections: pl.DataFrame
    prompts: tuple[Path, ...] = ()
    voting: tuple[str, ...] = ()
    evaluation: Mapping[str, Path] = field(default_factory=dict)
    decontaminate: Decontamination = field(default_factory=Decontamination)
    round: int = 1
    dealt: Literal["clusters", "documents"] = "clusters"

    @cached_property
    def places(self) -> pl.DataFrame:
        """Columns docid, cluster and split, row by row with the documents; null if left out."""
        docids = pl.read_parquet(self.documents, columns=["docid"])
        where = Among(self.clusters["docid"]).rows(docids["docid"])
        return docids.hstack(self.clusters.select("cluster", "split")[where])

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """LABELS by qid, best first, and what the other tables say; null where they say nothing.

        Of the query `split`, of the document `home` (its split) and `number` (its row in the
        corpus, from 0), of both `origin`, `candidate_rank` and `candidate_score`.
        """
        found = self.candidates.select("origin", candidate_rank="rank", candidate_score="score")[
            self._candidates.rows(self._keys(self.labels))
        ]
        number = self._docids.rows(self.labels["docid"])
        said = pl.DataFrame(
            [
                self.queries["split"][self._qids.rows(self.labels["qid"])],
                number.alias("number"),
                self.places["split"][number].alias("home"),
            ]
        )
        return self.labels.hstack(said).hstack(found).sort("qid", "rank")

    @cached_property
    def _qids(self) -> Among:
        return Among(self.queries["qid"])

    @cached_property
    def _docids(self) -> Among:
        return Among(self.places["docid"])

    @cached_property
    def _candidates(self) -> Among:
        return Among(self._keys(self.candidates))

    def _keys(self, rows: pl.DataFrame) -> pl.Series:
        """One number for the qid and docid of each row; null where either leads nowhere."""
        query, document = self._qids.rows(rows["qid"]), self._docids.rows(rows["docid"])
        return query.cast(pl.UInt64) * 2**32 + document

    @cached_property
    def kept(self) -> pl.DataFrame:
        """The queries whose lists were kept, by qid."""
        return self.queries.join(self.labels, on="qid", how="semi").sort("qid")

    def check(self) -> None:
        """Make sure that every id leads somewhere, and no split sees another's documents.

        Raises:
            TableError: Names the table, what is wrong with it, and the first ids that offend.
        """
        _check_clusters(self)
        self._check_queries()
        _check_labels(self)
        self._check_judgments()

    def _check_queries(self) -> None:
        source = pl.col("source_docid")
        where = self._docids.rows(self.kept["source_docid"])
        found = self.kept.with_columns(home=self.places["split"][where])
        _none(
            found.filter(pl.col("home").is_null() & source.is_not_null()).select("qid", source),
            "queries: the source document is not in the corpus",
        )
        _none(
            found.filter(pl.col("home") != pl.col("split")).select("qid", source),
            "queries: the source document is in another split",
        )

    def _check_judgments(self) -> None:
        kept = self.judgments.join(self.kept, on="qid", how="semi")
        shown = kept.select("qid", docid="shown").explode("docid")
        lost = shown.filter(self._candidates.rows(self._keys(shown)).is_null())
        _none(
            lost.unique().sort("qid", "docid"),
            "judgments: the document is not a candidate of the query",
        )


def _check_clusters(tables: AssemblyInput) -> None:
    left_out = tables.rejections.filter(pl.col("stage").is_in(CURATION))["id"]
    lost = pl.col("cluster").is_null() & ~pl.col("docid").is_in(left_out.implode())
    _none(tables.places.filter(lost).select("docid"), "clusters: no cluster for documents")
    placed = tables.places.select(pl.col("cluster").is_not_null().sum()).item()
    if placed < len(tables.clusters):
        unknown = tables.clusters.join(tables.places, on="docid", how="anti").select("docid")
        _none(unknown, "clusters: not in the corpus")
    _none(
        tables.clusters.filter(~pl.col("split").is_in(SPLITS)).select("docid", "split"),
        f"clusters: expected a split of {', '.join(SPLITS)}",
    )
    if tables.dealt == "clusters":
        _none(_torn(tables.clusters), "clusters: in two splits")


def _check_labels(tables: AssemblyInput) -> None:
    split, home = pl.col("split"), pl.col("home")
    _no_pair(tables.pairs, split.is_null(), "labels: no such query")
    kept = tables.lists.filter("kept").select("qid")
    others = tables.pairs.join(kept, on="qid", how="anti").select("qid", "docid")
    _none(others.sort("qid", "docid"), "labels: the list was not kept")
    labelled = tables.pairs.select("qid", "score_kind").unique()
    _none(
        kept.join(labelled, on="qid", how="anti").sort("qid"),
        "lists: kept, but without labels",
    )
    _no_pair(tables.pairs, home.is_null(), "labels: the document is not in the corpus")
    _no_pair(
        tables.pairs,
        pl.col("origin").is_null(),
        "labels: the document is not a candidate of the query",
    )
    _no_pair(tables.pairs, home != split, "labels: the document is in another split than the query")
    _none(
        labelled.filter(pl.len().over("qid") > 1).select("qid").unique().sort("qid"),
        "labels: two kinds of score in one list",
    )


def _no_pair(pairs: pl.DataFrame, fault: pl.Expr, what: str) -> None:
    _none(pairs.filter(fault).select("qid", "docid").sort("qid", "docid"), what)


def _torn(clusters: pl.DataFrame) -> pl.DataFrame:
    """Clusters that are in several splits, and in which."""
    return (
        clusters.select("cluster", "split")
        .unique()
        .group_by("cluster")
        .agg(pl.col("split").sort())
        .filter(pl.col("split").list.len() > 1)
        .sort("cluster")
        .select("cluster", pl.col("split").list.join(" and "))
    )


def _none(offenders: pl.DataFrame, what: str) -> None:
    if offenders.is_empty():
        return
    first = ["/".join(map(str, row)) for row in offenders.head(_SHOWN).iter_rows()]
    more = f" and {len(offenders) - _SHOWN:,} more" if len(offenders) > _SHOWN else ""
    raise TableError(f"{what}: {', '.join(first)}{more}")
