"""How far people and teachers agree, and how sure that is."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from rankmill.filters.reviewed import one_each
from rankmill.review.journal import Review
from rankmill.review.shown import ShownList

Pair = tuple[int, int]
"""A person's grade and the teachers' of one document."""
Weights = Literal["quadratic"] | None
Counts = NDArray[np.int64]

_SURE, _ENOUGH, _FEWEST, _GROUPS = 1.96, 0.10, 10, 100
_NO_BLIND = "No grade was given blind yet: --blind measures agreement."
_IN_SIGHT = (
    "Grades given in sight of the teacher's lean towards them, and whoever corrects only what is "
    "wrong agrees too little: neither measures agreement."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kappa:
    """Cohen's kappa: agreement beyond chance, 1 at most, around 0 by chance.

    Attributes:
        value: None where it is not defined: everything has one and the same grade.
        error: Its standard error by the jackknife over lists, for documents of one list do not
            stand for themselves; None with fewer than two lists.

    Paper: Cohen, "A Coefficient of Agreement for Nominal Scales", 1960; with quadratic weights
    Cohen, "Weighted Kappa", 1968.
    """

    value: float | None
    error: float | None

    @classmethod
    def of(cls, counts: Counts, weights: Weights) -> Self:
        """Of documents by list, the person's grade and the teachers', shape (lists, n, n).

        The jackknife leaves out one list at a time, or of many lists every `_GROUPS`-th.
        """
        groups = min(len(counts), _GROUPS)
        whole = counts.sum(axis=0)
        left_out = [_kappa(whole - counts[n::groups].sum(axis=0), weights) for n in range(groups)]
        found = np.array([one for one in left_out if one is not None])
        if len(found) < max(groups, 2):
            return cls(value=_kappa(whole, weights), error=None)
        spread = ((found - found.mean()) ** 2).sum()
        error = sqrt((groups - 1) / groups * spread)
        return cls(value=_kappa(whole, weights), error=error)

    @property
    def within(self) -> float | None:
        """Half the width of its 95 % confidence interval."""
        return None if self.error is None else _SURE * self.error


def _kappa(counts: Counts, weights: Weights) -> float | None:
    """Of documents by the person's grade and the teachers'; None where it is not defined."""
    from sklearn.metrics import cohen_kappa_score

    if np.count_nonzero(counts.sum(axis=0) + counts.sum(axis=1)) < 2:
        return None
    mine, theirs = np.indices(counts.shape).reshape(2, -1)
    kappa = cohen_kappa_score(mine, theirs, sample_weight=counts.ravel(), weights=weights)
    return float(kappa)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One person and the teachers, on documents that were judged in one way.

    Attributes:
        blind: Whether the teachers' grades were out of sight.
        kept: Whether the lists were kept by the filters.
        lists: How many of them have a document that was graded.
        confusion: Documents by the person's grade (rows) and the teachers' (columns), from 0.
        kappa: Of equal grades.
        weighted: Of near grades, with quadratic weights.
    """

    reviewer: str
    blind: bool
    kept: bool
    lists: int
    confusion: tuple[tuple[int, ...], ...]
    kappa: Kappa
    weighted: Kappa

    @property
    def how(self) -> str:
        """The way of judging and the kind of list, in words."""
        sight = "blind" if self.blind else "in sight"
        return f"{sight}, {'kept' if self.kept else 'rejected'}"

    @property
    def documents(self) -> int:
        """How many were graded."""
        return sum(map(sum, self.confusion))

    @property
    def same(self) -> int:
        """How many got the grade that the teachers gave."""
        return sum(row[grade] for grade, row in enumerate(self.confusion))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What reviews come to.

    Attributes:
        accepted: Lists that somebody accepted, and nobody rejected; of every reviewer one verdict
            counts, see `one_each`.
        rejected: Lists that somebody rejected.
        outdated: Reviews of what has changed since, or is gone: they count in no other figure.
        agreements: By reviewer, way of judging and kind of list.
    """

    accepted: int
    rejected: int
    outdated: int
    agreements: tuple[Agreement, ...]

    @property
    def words(self) -> list[str]:
        """What the figures are worth, in plain sentences."""
        blind = [one for one in self.agreements if one.blind]
        words = [_worth(one) for one in blind] or [_NO_BLIND]
        return words + [_IN_SIGHT] * (len(blind) < len(self.agreements))


def _worth(one: Agreement) -> str:
    who = f"{one.reviewer}, {one.how} lists"
    if one.weighted.value is None:
        return f"{who}: every grade is the same, so kappa is not defined yet."
    if one.lists < _FEWEST or one.weighted.within is None:
        return f"{who}: too few to say how sure kappa is; judge {_FEWEST} or more."
    within = one.weighted.within
    if within <= _ENOUGH:
        return f"{who}: weighted kappa is within {within:.2f} of the truth, 19 times in 20."
    needed = ceil(one.lists * (within / _ENOUGH) ** 2)
    return (
        f"{who}: weighted kappa is sure to about {within:.2f} either way; for {_ENOUGH:.2f} judge "
        f"about {needed:,} lists, {needed - one.lists:,} more."
    )


def measure(reviews: Iterable[Review], lists: Mapping[str, ShownList], highest: int) -> Measures:
    """Compare what people said with the labels as they are now.

    Args:
        reviews: The last word on everything.
        lists: The lists to compare with, by qid. A review of another list is outdated.
        highest: The highest grade there is now.
    """
    verdicts: defaultdict[str, list[Review]] = defaultdict(list)
    pairs: defaultdict[tuple[str, bool, bool], defaultdict[str, list[Pair]]]
    pairs = defaultdict(lambda: defaultdict(list))
    outdated = 0
    for review in filter(lambda one: one.stands, reviews):
        one = lists.get(review.qid)
        if one is None or review.shown != _now(one, review):
            outdated += 1
        elif review.verdict:
            verdicts[review.qid].append(review)
        elif review.grade is not None:
            group = pairs[review.reviewer, not review.blind, bool(one.reason)]
            group[review.qid].append((review.grade, _grade(one, review.docid)))
    rejected = sum(
        any(one.verdict == "rejected" for one in one_each(said).values())
        for said in verdicts.values()
    )
    return Measures(
        accepted=len(verdicts) - rejected,
        rejected=rejected,
        outdated=outdated,
        agreements=tuple(
            _agreement(who, not sighted, not left_out, group.values(), highest)
            for (who, sighted, left_out), group in sorted(pairs.items())
        ),
    )


def _now(one: ShownList, review: Review) -> str:
    """The digest that such a review would have now; empty if its document is gone."""
    if review.docid is None:
        return one.shown_blind if review.blind else one.shown
    return next((d.shown for d in one.documents if d.docid == review.docid), "")


def _grade(one: ShownList, docid: str | None) -> int:
    return next(document.grade for document in one.documents if document.docid == docid)


def _agreement(
    reviewer: str, blind: bool, kept: bool, lists: Collection[Sequence[Pair]], highest: int
) -> Agreement:
    size = 1 + max(highest, *(grade for pairs in lists for pair in pairs for grade in pair))
    counts = np.zeros((len(lists), size, size), dtype=np.int64)
    for count, pairs in zip(counts, lists, strict=True):
        np.add.at(count, tuple(zip(*pairs, strict=True)), 1)
    return Agreement(
        reviewer=reviewer,
        blind=blind,
        kept=kept,
        lists=len(lists),
        confusion=tuple(map(tuple, counts.sum(axis=0).tolist())),
        kappa=Kappa.of(counts, None),
        weighted=Kappa.of(counts, "quadratic"),
    )
