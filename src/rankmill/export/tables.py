"""What exports are made from: the tables of a build, checked against each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from rankmill.errors import TableError

SPLITS = ("train", "validation", "test")
_SHOWN = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class AssemblyInput:
    """The tables of one build.

    Attributes:
        documents: File of DOCUMENTS; it is streamed, never held whole.
        clusters: CLUSTERS, of every document.
        queries: QUERIES; those of lists that were not kept may be among them.
        candidates: CANDIDATES.
        judgments: JUDGMENTS, of every list that was judged.
        labels: LABELS, of the lists that were kept.
        lists: LISTS, of every list that was ranked.
        rejections: REJECTIONS of all stages, in the order of the stages.
        prompts: Folders with prompts of the recipe's own.
        evaluation: Folders of evaluation collections that the dataset is held against, by name.
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
    evaluation: Mapping[str, Path] = field(default_factory=dict)

    @cached_property
    def places(self) -> pl.DataFrame:
        """Columns docid, cluster and split, row by row with the documents."""
        docids = pl.read_parquet(self.documents, columns=["docid"])
        where = self.clusters.select("docid", "cluster", "split")
        return docids.join(where, on="docid", how="left", maintain_order="left")

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
        self._check_judgments()

    def _check_clusters(self) -> None:
        _none(
            self.places.filter(pl.col("cluster").is_null()).select("docid"),
            "clusters: no cluster for documents",
        )
        _none(
            self.clusters.join(self.places, on="docid", how="anti").select("docid"),
            "clusters: not in the corpus",
        )
        _none(
            self.clusters.filter(~pl.col("split").is_in(SPLITS)).select("docid", "split"),
            f"clusters: expected a split of {', '.join(SPLITS)}",
        )
        _none(
            self.clusters.group_by("cluster")
            .agg(pl.col("split").unique().sort())
            .filter(pl.col("split").list.len() > 1)
            .sort("cluster")
            .select("cluster", pl.col("split").list.join(" and ")),
            "clusters: in two splits",
        )

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
            found.filter(pl.col("home").is_null()).select("qid", source),
            "queries: the source document is not in the corpus",
        )
        _none(
            found.filter(pl.col("home") != pl.col("split")).select("qid", source),
            "queries: the source document is in another split",
        )

    def _check_labels(self) -> None:
        pairs = self.labels.select("qid", "docid", "score_kind").sort("qid", "docid")
        pair = pairs.select("qid", "docid")
        _none(pair.join(self.queries, on="qid", how="anti"), "labels: no such query")
        kept = self.lists.filter("kept")
        _none(pair.join(kept, on="qid", how="anti"), "labels: the list was not kept")
        _none(
            kept.join(pairs, on="qid", how="anti").select("qid").sort("qid"),
            "lists: kept, but without labels",
        )
        _none(
            pair.join(self.candidates, on=["qid", "docid"], how="anti"),
            "labels: the document is not a candidate of the query",
        )
        placed = pair.join(self.places, on="docid", how="left", maintain_order="left").join(
            self.queries.select("qid", home="split"), on="qid", maintain_order="left"
        )
        _none(
            placed.filter(pl.col("split").is_null()).select("qid", "docid"),
            "labels: the document is not in the corpus",
        )
        _none(
            placed.filter(pl.col("split") != pl.col("home")).select("qid", "docid"),
            "labels: the document is in another split than the query",
        )
        kinds = pairs.group_by("qid").agg(kinds=pl.col("score_kind").n_unique())
        _none(
            kinds.filter(pl.col("kinds") > 1).select("qid").sort("qid"),
            "labels: two kinds of score in one list",
        )

    def _check_judgments(self) -> None:
        shown = (
            self.judgments.join(self.kept, on="qid", how="semi")
            .select("qid", docid="shown")
            .explode("docid")
            .unique()
            .sort("qid", "docid")
        )
        _none(
            shown.join(self.candidates, on=["qid", "docid"], how="anti"),
            "judgments: the document is not a candidate of the query",
        )


def _none(offenders: pl.DataFrame, what: str) -> None:
    if offenders.is_empty():
        return
    first = ["/".join(map(str, row)) for row in offenders.head(_SHOWN).iter_rows()]
    more = f" and {len(offenders) - _SHOWN:,} more" if len(offenders) > _SHOWN else ""
    raise TableError(f"{what}: {', '.join(first)}{more}")
