"""The rows of every config, split by split, in slices that fit in memory."""

from collections.abc import Iterator
from functools import cached_property

import polars as pl

from rankmill.assemble.configs import (
    CORPUS,
    GROUPS,
    KEPT_QUERIES,
    LIST_IDS,
    LISTWISE,
    QRELS,
    READINGS,
    TRIPLETS,
)
from rankmill.assemble.spec import Assembly
from rankmill.assemble.tables import AssemblyInput
from rankmill.tables import REJECTIONS

_DOCUMENTS = 50_000
_LISTS = 5_000

FULL_TEXT = pl.concat_str("title", pl.lit("\n"), "text").str.strip_chars()
"""A document as a trainer gets it: its title, if any, on a line of its own, then its text.
A teacher saw the beginning of it, as long as its view's `excerpt`."""


class Rows:
    """Cuts checked tables into configs. Lists come by qid, their documents best first."""

    def __init__(self, spec: Assembly, tables: AssemblyInput) -> None:
        self.spec = spec
        self.tables = tables

    def of(self, config: str, split: str) -> Iterator[pl.DataFrame]:
        """The rows of one split of a config; `rejections` are the same for every split."""
        match config:
            case CORPUS.name:
                yield from self._corpus(split)
            case KEPT_QUERIES.name:
                yield self.tables.kept.filter(split=split).select(list(KEPT_QUERIES.columns))
            case READINGS.name:
                kept = self.tables.kept.filter(split=split)
                judgments = self.tables.judgments.join(kept, on="qid", how="semi")
                yield _marked(judgments.sort(READINGS.key))
            case REJECTIONS.name:
                yield pl.concat([self.tables.rejections, self.without_triplets])
            case _:
                cut = {
                    LISTWISE.name: self._listwise,
                    LIST_IDS.name: lambda part: part.select(list(LIST_IDS.columns)),
                    TRIPLETS.name: self._triplets,
                    GROUPS.name: self.spec.groups or _no_groups,
                    QRELS.name: _qrels,
                }[config]
                yield from map(cut, self.lists.filter(split=split).iter_slices(_LISTS))

    @cached_property
    def lists(self) -> pl.DataFrame:
        """One row per kept list: `LIST_IDS`, and the query's text and split."""
        found = self.tables.candidates.select("qid", "docid", "origin", found="rank")
        ranked = (
            self.tables.labels.join(found, on=["qid", "docid"])
            .sort("qid", "rank")
            .group_by("qid", maintain_order=True)
            .agg(
                pl.col("score_kind").first(),
                docids="docid",
                grades="grade",
                scores="score",
                stderrs="stderr",
                votes="votes",
                candidate_ranks="found",
                origins="origin",
            )
        )
        queries = self.tables.kept.select("qid", "split", query="text")
        return ranked.join(queries, on="qid", maintain_order="left").join(
            self.tables.lists.drop("kept", "reason"), on="qid", maintain_order="left"
        )

    @cached_property
    def without_triplets(self) -> pl.DataFrame:
        """A rejection for every kept list that has no positive, or no negative."""
        need, most = self.spec.positive_grade, self.spec.negative_grade
        grades = pl.col("grades")
        best, worst = grades.list.max(), grades.list.min()
        return (
            self.lists.with_columns(
                rule=pl.when(best < need)
                .then(pl.lit("no_positive"))
                .when(worst > most)
                .then(pl.lit("no_negative")),
                detail=pl.when(best < need)
                .then(pl.format(f"best grade {{}}, triplets need {need}", best))
                .otherwise(pl.format(f"lowest grade {{}}, triplets allow {most}", worst)),
            )
            .filter(pl.col("rule").is_not_null())
            .select(pl.lit("assemble").alias("stage"), pl.col("qid").alias("id"), "rule", "detail")
        )

    @cached_property
    def _texts(self) -> pl.DataFrame:
        """Columns docid and words, of every document in a list."""
        wanted = self.tables.labels.lazy().select("docid").unique()
        documents = pl.scan_parquet(self.tables.documents)
        return (
            documents.join(wanted, on="docid", how="semi")
            .select("docid", words=FULL_TEXT)
            .collect(engine="streaming")
        )

    def _corpus(self, split: str) -> Iterator[pl.DataFrame]:
        from pyarrow.parquet import ParquetFile

        start = 0
        with ParquetFile(self.tables.documents) as file:
            for batch in file.iter_batches(batch_size=_DOCUMENTS):
                places = self.tables.places.slice(start, batch.num_rows)
                start += batch.num_rows
                documents = pl.DataFrame(batch).with_columns(places["cluster"], places["split"])
                yield documents.filter(split=split).select(list(CORPUS.columns))

    def _listwise(self, part: pl.DataFrame) -> pl.DataFrame:
        return (
            part.select("qid", "query", docid="docids", labels="grades")
            .explode("docid", "labels")
            .join(self._texts, on="docid", maintain_order="left")
            .group_by("qid", maintain_order=True)
            .agg(pl.col("query").first(), docs="words", labels=pl.col("labels").cast(pl.Float32))
            .drop("qid")
        )

    def _triplets(self, part: pl.DataFrame) -> pl.DataFrame:
        graded = part.select(
            "qid", "query", docid="docids", grade="grades", found="candidate_ranks"
        ).explode("docid", "grade", "found")
        positives = graded.filter(pl.col("grade") >= self.spec.positive_grade)
        negatives = (
            graded.filter(pl.col("grade") <= self.spec.negative_grade)
            .sort("qid", "found")
            .group_by("qid", maintain_order=True)
            .head(self.spec.negatives)
            .select("qid", negative_docid="docid")
        )
        return (
            positives.join(negatives, on="qid", maintain_order="left_right")
            .join(self._texts.rename({"words": "positive"}), on="docid", maintain_order="left")
            .join(
                self._texts.rename({"docid": "negative_docid", "words": "negative"}),
                on="negative_docid",
                maintain_order="left",
            )
            .select("positive", "negative", anchor="query")
        )


def _qrels(part: pl.DataFrame) -> pl.DataFrame:
    return part.select("qid", docid="docids", grade="grades").explode("docid", "grade")


def _no_groups(_: pl.DataFrame) -> pl.DataFrame:
    return GROUPS.empty()


def _marked(judgments: pl.DataFrame) -> pl.DataFrame:
    """The readings, and of repeated scores of a document which is nearest their mean.

    The reasoning of that one stands for all of them (Cai et al., "ERank", 2025); of equally near
    ones it is the first trial's.
    """
    score, document = pl.col("scores").list.first(), pl.col("shown").list.first()
    asked = ["qid", "view", document]
    distance = pl.when(question="score").then((score - score.mean().over(asked)).abs())
    repeated = distance.count().over(asked) > 1
    nearest = distance.rank("ordinal").over(asked) == 1
    return judgments.with_columns(nearest_mean=pl.when(repeated).then(nearest))
