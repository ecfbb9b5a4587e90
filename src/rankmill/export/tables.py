"""What exports are made from: the tables of a build, checked against each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import polars as pl

from rankmill.contamination import Decontamination
from rankmill.errors import TableError

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
        where = self.clusters.select("docid", "cluster", "split")
        return docids.join(where, on="docid", how="left", maintain_order="left")

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """LABELS by qid, best first, and what the other tables say; null where they say nothing.

        Of the query `split`, of the document `home` (its split) and `number` (its row in the
        corpus, from 0), of both `origin`, `candidate_rank` and `candidate_score`.
        """
        queries = self.queries.select("qid", "split")
        documents = self.places.select("docid", home="split").with_row_index("number")
        found = self.candidates.select(
            "qid", "docid", "origin", candidate_rank="rank", candidate_score="score"
        )
        return (
            self.labels.join(queries, on="qid", how="left")
            .join(documents, on="docid", how="left")
            .join(found, on=["qid", "docid"], how="left")
            .sort("qid", "rank")
        )

    @cached_property
    def kept(self) -> pl.DataFrame:
        """The queries whose lists were kept, by qid."""
        return self.queries.join(self.labels, on="qid", how="semi").sort("qid")

    def check(self) -> None:
        """Make sure that every id leads somewhere, and no split sees another's documents.

        Raises:
            TableError: Names the table, what is wrong with it, and the first ids that offend.
        """
        self._check_clusters()
        self._check_queries()
        self._check_labels()
        _check_judgments(self)

    def _check_clusters(self) -> None:
        left_out = self.rejections.filter(pl.col("stage").is_in(CURATION))["id"]
        lost = pl.col("cluster").is_null() & ~pl.col("docid").is_in(left_out.implode())
        _none(self.places.filter(lost).select("docid"), "clusters: no cluster for documents")
        placed = self.places.select(pl.col("cluster").is_not_null().sum()).item()
        if placed < len(self.clusters):
            unknown = self.clusters.join(self.places, on="docid", how="anti").select("docid")
            _none(unknown, "clusters: not in the corpus")
        _none(
            self.clusters.filter(~pl.col("split").is_in(SPLITS)).select("docid", "split"),
            f"clusters: expected a split of {', '.join(SPLITS)}",
        )
        if self.dealt == "clusters":
            _none(_torn(self.clusters), "clusters: in two splits")

    def _check_queries(self) -> None:
        source = pl.col("source_docid")
        found = self.kept.join(
            self.places.select("docid", home="split"),
            left_on="source_docid",
            right_on="docid",
            how="left",
            maintain_order="left",
        )
        _none(
            found.filter(pl.col("home").is_null() & source.is_not_null()).select("qid", source),
            "queries: the source document is not in the corpus",
        )
        _none(
            found.filter(pl.col("home") != pl.col("split")).select("qid", source),
            "queries: the source document is in another split",
        )

    def _check_labels(self) -> None:
        split, home = pl.col("split"), pl.col("home")
        _no_pair(self.pairs, split.is_null(), "labels: no such query")
        kept = self.lists.filter("kept").select("qid")
        others = self.pairs.join(kept, on="qid", how="anti").select("qid", "docid")
        _none(others.sort("qid", "docid"), "labels: the list was not kept")
        labelled = self.pairs.select("qid", "score_kind").unique()
        _none(
            kept.join(labelled, on="qid", how="anti").sort("qid"),
            "lists: kept, but without labels",
        )
        _no_pair(
            self.pairs,
            pl.col("origin").is_null(),
            "labels: the document is not a candidate of the query",
        )
        _no_pair(self.pairs, home.is_null(), "labels: the document is not in the corpus")
        _no_pair(
            self.pairs, home != split, "labels: the document is in another split than the query"
        )
        _none(
            labelled.filter(pl.len().over("qid") > 1).select("qid").unique().sort("qid"),
            "labels: two kinds of score in one list",
        )


def _check_judgments(tables: AssemblyInput) -> None:
    shown = tables.judgments.join(tables.kept, on="qid", how="semi").select("qid", docid="shown")
    candidates = tables.candidates.select("qid", "docid")
    lost = shown.explode("docid").join(candidates, on=["qid", "docid"], how="anti")
    _none(
        lost.unique().sort("qid", "docid"),
        "judgments: the document is not a candidate of the query",
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
