"""What a card says in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from rankmill.assemble.false_negatives import Share, false_negatives
from rankmill.export.parts import Labelled
from rankmill.export.tables import SPLITS
from rankmill.label.rows import reading
from rankmill.position import PositionBias, position_bias
from rankmill.report import StageReport

AGREEMENT = ("tau", "w", "rbo", "top1_agreement", "topk_agreement", "view_tau")


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What a round of mining has found that the one before it had not.

    Attributes:
        round: Which this is, from 2.
        after: The build before.
        candidates: Documents listed now.
        new: Of them, those that the same query did not list then.
    """

    round: int
    after: str
    candidates: int
    new: int

    def __str__(self) -> str:
        return f"{self.new:,} of {self.candidates:,} candidates new since {self.after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What a card says beyond the tables. Nothing here may depend on the clock or the machine.

    Attributes:
        name: Name of the dataset.
        version: Version of rankmill.
        recipe: Identity of the resolved recipe, with keys `teachers`, `views` and `settle`.
        prompts: Fingerprint of every prompt file used, by name.
        reports: One per stage, in order.
        corpus: Digest of what the corpus held when it was read.
        packages: Versions of what shapes bytes, by package.
        weights: What is known of the recipe's models: where from, and digests of their files.
        spent: What the replies took that the dataset stands on; see `provenance.spent`.
        since: How its candidates differ from those of the round before; None in a first round.
    """

    name: str
    version: str
    recipe: Mapping[str, Any]
    prompts: Mapping[str, str]
    reports: Sequence[StageReport]
    corpus: str
    packages: Mapping[str, str]
    weights: Mapping[str, Any]
    spent: Mapping[str, Mapping[str, Mapping[str, Any]]]
    since: Since | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What a card says of the tables.

    Attributes:
        lists: Number of kept lists, and of all that were ranked.
        depth: Mean number of documents in a kept list.
        agreement: Mean over the kept lists, and over all, of each statistic of `AGREEMENT`; `None`
            where no list has it.
        source_first: Share of the lists, kept and all, whose first document is the one that the
            query was written from; of the lists in which that document stands.
        grades: Labels of each grade, highest first.
        clusters: Clusters by split.
        bias: Position bias of every view that compares documents, over all its readings.
        readings: View, teacher, status and number of the kept lists' readings.
        licences: Documents under each licence, as its source words it; `None` is not stated.
        langs: Languages of the documents, as BCP 47 tags.
        taus: Kendall's tau between the trials of a view, or else between views, of every kept
            list that has one.
        ranks: Mean grade, and number of labels, at every rank of the kept lists.
        candidates: Positives, and all documents, at every rank that the retriever gave.
        false_negatives: Candidates that teachers grade like positives, and no query was written
            from.
    """

    lists: tuple[int, int]
    depth: float
    agreement: Mapping[str, tuple[float | None, float | None]]
    source_first: tuple[float | None, float | None]
    grades: Mapping[int, int]
    clusters: Mapping[str, int]
    bias: Mapping[str, PositionBias]
    readings: Sequence[tuple[str, str, str, int]]
    licences: Mapping[str | None, int]
    langs: Sequence[str]
    taus: Sequence[float]
    ranks: Mapping[int, tuple[float, int]]
    candidates: Mapping[int, tuple[int, int]]
    false_negatives: Sequence[Share]


def measure(labelled: Labelled) -> Measures:
    """Count and average what the tables hold."""
    tables, pairs = labelled.tables, labelled.pairs
    every = tables.lists
    kept = every.filter("kept")
    grades = tables.labels.group_by("grade").len().sort("grade", descending=True)
    spread = tables.clusters.group_by("split").agg(pl.col("cluster").n_unique())
    clusters = dict(spread.iter_rows())
    readings = (
        tables.judgments.join(tables.kept, on="qid", how="semi")
        .group_by("view", "teacher", "status")
        .len()
        .sort("view", "teacher", "status")
    )
    left = tables.clusters.lazy().select("docid")
    documents = pl.scan_parquet(tables.documents).join(left, on="docid", how="semi")
    licences = documents.group_by("licence").len().sort("len", "licence", descending=[True, False])
    langs = documents.select(pl.col("lang").unique().sort().drop_nulls())
    return Measures(
        lists=(len(kept), len(every)),
        depth=len(tables.labels) / len(kept),
        agreement={name: (_mean(kept, name), _mean(every, name)) for name in AGREEMENT},
        source_first=(_source_first(kept), _source_first(every)),
        grades=dict(grades.iter_rows()),
        clusters={split: clusters[split] for split in SPLITS if split in clusters},
        bias=biases(tables.judgments),
        readings=readings.rows(),
        licences=dict(licences.collect(engine="streaming").iter_rows()),
        langs=langs.collect(engine="streaming")["lang"].to_list(),
        taus=kept.select(pl.coalesce("tau", "view_tau").drop_nulls()).to_series().to_list(),
        ranks=_at(pairs, "rank", pl.col("grade").mean(), pl.len()),
        candidates=_at(pairs, "candidate_rank", pl.col("positive").sum(), pl.len()),
        false_negatives=false_negatives(pairs),
    )


def _at(pairs: pl.DataFrame, rank: str, *values: pl.Expr) -> dict[int, Any]:
    """Two values of the documents at every rank, from the first."""
    named = dict(zip(("one", "other"), values, strict=True))
    found = pairs.group_by(rank).agg(**named).sort(rank)
    return {place: (one, other) for place, one, other in found.iter_rows()}


def biases(judgments: pl.DataFrame) -> dict[str, PositionBias]:
    """Position bias by view, of the views whose readings compare documents."""
    found = {}
    for (view,), frame in sorted(judgments.group_by("view")):
        if bias := position_bias(map(reading, frame.iter_rows(named=True))):
            found[str(view)] = bias
    return found


def _mean(lists: pl.DataFrame, name: str) -> float | None:
    mean: float | None = lists.select(pl.col(name).mean()).item()
    return mean


def _source_first(lists: pl.DataFrame) -> float | None:
    share: float | None = lists.select((pl.col("source_rank") == 1).mean()).item()
    return share
