"""Which documents of a list are positives, which are negatives, and which are neither."""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from rankmill.negative_sampling import Stride, Top

FalseNegatives = Literal["promote", "drop", "keep"]
_HARDEST = Top()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Which of a list's documents are positives and which are negatives.

    Attributes:
        positive_grade: A document with at least this grade is a positive.
        negative_grade: A document with at most this grade is a negative, unless it is known to
            answer the query.
        negatives: Most negatives of a query: those which the retriever had ranked highest.
        false_negatives: What a document is that the teacher grades like a positive, while the
            query was written from another: a positive too ("promote"), neither ("drop"), or a
            negative all the same ("keep").
        judge_margin: A negative scores at most so much less than the lowest positive of its list.
        sampling: Which of a list's negatives come first; those which the retriever had ranked
            highest unless it says otherwise.
    """

    positive_grade: int
    negative_grade: int
    negatives: int
    false_negatives: FalseNegatives = "promote"
    judge_margin: float | None = None
    sampling: Top | Stride = _HARDEST

    def marked(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Pairs, and columns false_negative, positive and negative, all three true or false.

        Where nobody knows what a query was written from, no positive is a false negative.

        Args:
            pairs: Columns qid, grade, score and origin, of whole lists.
        """
        source = pl.col("origin") == "source"
        relevant = pl.col("grade") >= self.positive_grade
        mistaken = relevant & ~source & source.any().over("qid")
        negative = ((pl.col("grade") <= self.negative_grade) & ~source) | (
            mistaken if self.false_negatives == "keep" else False
        )
        pairs = pairs.with_columns(
            false_negative=mistaken,
            positive=relevant if self.false_negatives == "promote" else relevant & ~mistaken,
        )
        if self.judge_margin is not None:
            lowest = pl.col("score").filter("positive").min().over("qid")
            near = pl.col("score") > lowest - self.judge_margin
            negative &= ~near.fill_null(value=False)
        return pairs.with_columns(negative=negative)

    def lacking(self, pairs: pl.DataFrame, *, negatives: int = 1) -> pl.DataFrame:
        """Lists without a positive, or with fewer negatives: columns id, rule and detail.

        The detail says so where a known answer, graded down, is missed among either.

        Args:
            pairs: `Labelled.pairs`.
            negatives: How many are needed.
        """
        lists = pairs.group_by("qid", maintain_order=True).agg(
            best=pl.col("grade").max(),
            none=~pl.col("positive").any(),
            found=pl.col("negative").sum(),
            source=pl.col("grade").filter(origin="source").min(),
        )
        best, found, no_positive = pl.col("best"), pl.col("found"), pl.col("none")
        down = pl.when(pl.col("source") <= self.negative_grade).then(pl.col("source"))
        source = pl.format("; a known answer has grade {} and is no negative", down)
        return lists.filter(no_positive | (found < negatives)).select(
            id="qid",
            rule=pl.when(no_positive)
            .then(pl.lit("no_positive"))
            .when(found == 0)
            .then(pl.lit("no_negative"))
            .otherwise(pl.lit("too_few_negatives")),
            detail=pl.when(no_positive)
            .then(pl.format(f"best grade {{}}, a positive needs {self.positive_grade}", best))
            .otherwise(
                pl.format(
                    f"{{}} of {negatives} negatives of at most grade {self.negative_grade}",
                    found,
                )
            )
            + source.fill_null(""),
        )
