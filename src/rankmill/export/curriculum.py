"""How hard a list is to learn, how much each of its ranks counts, and in which order lists come."""

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from rankmill.spec import Spec

Floats = NDArray[np.float64]
By = Literal["difficulty", "reciprank", "normscore", "kdescore"]
"""Where the difficulty of a list comes from: the teachers' disagreement, or the retriever."""

FORMULAS = ("reciprank", "normscore", "kdescore")
_CELLS = 250_000


def importance(rank: pl.Expr) -> pl.Expr:
    """What the identifier at a rank, from 1, weighs in the loss: 1 + 1 / log2(rank + 1).

    Paper: Liu et al., "Sliding Windows Are Not the End", ACL 2025.
    """
    return 1 + 1 / (rank + 1).log(2)


def difficulties(pairs: pl.DataFrame) -> pl.DataFrame:
    """Columns qid, and one in [0, 1] for each of `FORMULAS`, high where a list is hard.

    d(q, doc) is what the first retrieval says of a document: `reciprank` is 1 / rank, `normscore`
    its score from 0, the list's lowest, to 1, the highest, and `kdescore` the share of the list's
    scores below it, by kernel density estimation. A pair of a positive and a negative weighs
    (d⁺ - d⁻ + 1) / 2 early in training, which is high where the pair is easy; the difficulty is 1
    less that, for the best positive and the negative that makes the hardest pair with it. Null
    where a list has no positive or no negative.

    Paper: MacAvaney et al., "Training Curricula for Open Domain Answer Re-Ranking", SIGIR 2020.

    Args:
        pairs: Columns qid, rank, candidate_rank, candidate_score, positive and negative (see
            `Policy.marked`), list by list.
    """
    score = pl.col("candidate_score")
    lowest, highest = score.min().over("qid"), score.max().over("qid")
    lists = pairs.group_by("qid", maintain_order=True).agg(scores="candidate_score")
    easy = pairs.select(
        "qid",
        "rank",
        "positive",
        "negative",
        reciprank=1 / pl.col("candidate_rank"),
        normscore=((score - lowest) / (highest - lowest)).fill_nan(0.0),
        kdescore=kernel_shares(lists["scores"]),
    )
    first = pl.col(FORMULAS).sort_by("rank").first()
    best = easy.filter("positive").group_by("qid").agg(first.name.suffix("+"))
    hardest = easy.filter("negative").group_by("qid").agg(pl.col(FORMULAS).max())
    found = lists.join(best, on="qid", how="left", maintain_order="left")
    found = found.join(hardest, on="qid", how="left", maintain_order="left")
    return found.select("qid", *(_difficulty(name) for name in FORMULAS))


def _difficulty(name: str) -> pl.Expr:
    positive, negative = pl.col(f"{name}+"), pl.col(name)
    return (1 - (positive - negative + 1) / 2).alias(name)


def kernel_shares(scores: pl.Series) -> pl.Series:
    """The share of a list's scores below each, where every score is a normal distribution.

    The kernels are as wide as the scores' standard deviation times n ** (-1 / 5), which is Scott's
    rule; where all scores are the same, the share is 1/2.

    Args:
        scores: Lists of numbers.

    Returns:
        A share for every number, list by list.
    """
    from scipy.special import ndtr

    ends = scores.list.len().cum_sum().to_numpy().astype(np.int64)
    found = np.empty(ends[-1] if len(ends) else 0)
    for rows, values in of_equal_length(scores):
        n = values.shape[1]
        spread = values.std(axis=1, ddof=1) if n > 1 else np.zeros(len(rows))
        width = (spread * n ** (-1 / 5))[:, None, None]
        apart = values[:, :, None] - values[:, None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            below = ndtr(np.where(width > 0, apart / width, 0.0)).mean(axis=2)
        found[ends[rows][:, None] - np.arange(n, 0, -1)] = below
    return pl.Series(found)


def of_equal_length(lists: pl.Series) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Lists of numbers as arrays: places in the column, and values of shape (lists, length).

    An array with a value for every pair of a list's items fits in memory.
    """
    lengths = lists.list.len().to_numpy().astype(np.int64)
    values = lists.drop_nulls().explode(empty_as_null=False).to_numpy()
    begins = lengths.cumsum() - lengths
    for length in np.unique(lengths):
        every = np.flatnonzero(lengths == length)
        step = max(1, _CELLS // max(1, int(length) ** 2))
        for start in range(0, len(every), step):
            rows = every[start : start + step]
            yield rows, values[begins[rows][:, None] + np.arange(length)].astype(np.float64)


class Sorted(Spec):
    """Easy lists first.

    Attributes:
        by: What makes a list hard. Where it is not known for a list, that comes last.
    """

    kind: Literal["sort"] = "sort"
    by: By = "difficulty"

    def __call__(self, lists: pl.DataFrame) -> pl.DataFrame:
        """Put lists in order; equally hard ones stay as they are."""
        return lists.sort(self.by, nulls_last=True, maintain_order=True)


class Folded(Spec):
    """From easy to hard again and again: every fold is a sweep through all difficulties.

    Sorted lists are dealt out like cards, and one hand follows the other.

    Paper: DELT, "Data Efficacy for Language Model Training", 2025 (folding, three folds).

    Attributes:
        by: What makes a list hard. Where it is not known for a list, that comes last in its fold.
        folds: Sweeps.
    """

    kind: Literal["fold"] = "fold"
    by: By = "difficulty"
    folds: int = Field(default=3, ge=2)

    def __call__(self, lists: pl.DataFrame) -> pl.DataFrame:
        """Put lists in order; equally hard ones are dealt as they come."""
        easy_first = Sorted(by=self.by)(lists)
        return pl.concat([easy_first.gather_every(self.folds, fold) for fold in range(self.folds)])


Order = Annotated[Sorted | Folded, Field(discriminator="kind")]
