"""Relevance grades: small integers from a ranking, its scores, and what its views scored."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rankmill.filters.labelled import LabelledList
from rankmill.spec import Spec

Floats = NDArray[np.float64]


class _ListByList(Spec):
    """A rule that grades every list by itself: its values are the grades."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Views this rule needs."""
        return ()

    @property
    def scores(self) -> tuple[str, ...]:
        """Views whose scores this rule needs."""
        return self.reads

    def grades(self, scores: Floats, values: Floats) -> Floats:
        """The grades of all lists, from what was read of each."""
        del scores
        return values


class Bands(_ListByList):
    """Grade by rank alone: the first `sizes[0]` documents get the highest grade, and so on.

    Documents below all bands get 0. With the default sizes: rank 1 gets 3, ranks 2 and 3 get 2,
    ranks 4 to 6 get 1. Documents that tie all get what the last of them gets; a list whose
    documents all tie gets 0 throughout.
    """

    kind: Literal["bands"] = "bands"
    sizes: tuple[Annotated[int, Field(ge=1)], ...] = (1, 2, 3)

    @property
    def best(self) -> int:
        """The highest grade."""
        return len(self.sizes)

    def values(self, labelled: LabelledList) -> Mapping[str, float]:
        """Grade every document of a list, by docid."""
        best_first = [len(self.sizes) - i for i, size in enumerate(self.sizes) for _ in range(size)]
        consensus = labelled.consensus
        told_apart = len(set(consensus.scores)) > 1 or len(consensus.scores) == 1
        bands = [*(best_first if told_apart else ()), *(0 for _ in consensus.docids)]
        last = {score: bands[place] for place, score in enumerate(consensus.scores)}
        return {d: last[s] for d, s in zip(consensus.docids, consensus.scores, strict=True)}


class Cuts(_ListByList):
    """Grade by what one view scored: the number of `cuts` that a document's mean score reaches.

    Grades never rise down the consensus ranking: a document gets at most the grade of the one
    above it, so that order and grades tell a trainer the same story.
    """

    kind: Literal["cuts"] = "cuts"
    view: str
    cuts: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def cuts_rise(self) -> Self:
        """Refuse cuts that are not in rising order."""
        if list(self.cuts) != sorted(set(self.cuts)):
            raise ValueError(f"cuts must rise, found {list(self.cuts)}")
        return self

    @property
    def best(self) -> int:
        """The highest grade."""
        return len(self.cuts)

    @property
    def reads(self) -> tuple[str, ...]:
        """Views this rule needs."""
        return (self.view,)

    def values(self, labelled: LabelledList) -> Mapping[str, float]:
        """Grade every document of a list, by docid."""
        grades, ceiling = {}, len(self.cuts)
        for docid in labelled.consensus.docids:
            score = labelled.scores[self.view][docid]
            ceiling = min(ceiling, sum(score >= cut for cut in self.cuts))
            grades[docid] = float(ceiling)
        return grades


class Quantiles(Spec):
    """Grade by where a document's score stands among the scores of the whole build.

    With the default shares the best 5 % of all labels get 3, the next 10 % get 2, the next 20 %
    get 1, and the rest 0. Equal scores get one grade, so a share may come out larger. Fit for
    rules whose scores can be compared across lists, such as `mean_score`.
    """

    kind: Literal["quantiles"] = "quantiles"
    shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.05, 0.10, 0.20)

    @model_validator(mode="after")
    def shares_leave_some(self) -> Self:
        """Refuse shares that leave no document without a grade."""
        if sum(self.shares) >= 1:
            raise ValueError(f"shares must add up to less than 1, found {list(self.shares)}")
        return self

    @property
    def best(self) -> int:
        """The highest grade."""
        return len(self.shares)

    @property
    def reads(self) -> tuple[str, ...]:
        """Views this rule needs: none."""
        return ()

    @property
    def scores(self) -> tuple[str, ...]:
        """Views whose scores this rule needs: none."""
        return ()

    def values(self, labelled: LabelledList) -> Mapping[str, float]:
        """Nothing but the consensus is read."""
        return dict.fromkeys(labelled.consensus.docids, 0.0)

    def grades(self, scores: Floats, values: Floats) -> Floats:
        """How many of the quantiles each score reaches."""
        del values
        if not len(scores):
            return scores
        from_top = 1 - np.cumsum(self.shares)
        cuts = np.sort(np.quantile(scores, from_top, method="higher"))
        found: Floats = np.searchsorted(cuts, scores, side="right").astype(np.float64)
        return found


class Isotonic(Spec):
    """Grade by what a document's consensus score is worth on the scale of a view that grades.

    Isotonic regression over the whole build says which grade of `view` a consensus score stands
    for on average; that is rounded. Grades never rise down a ranking, and a list without a good
    document gets no high grade, which `bands` would give it.

    Paper: Zadrozny & Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability
    Estimates", KDD 2002.
    """

    kind: Literal["isotonic"] = "isotonic"
    view: str
    scale: float = Field(default=1.0, gt=0)

    @property
    def best(self) -> int | None:
        """The highest grade, which depends on what the view will score."""
        return None

    @property
    def reads(self) -> tuple[str, ...]:
        """Views this rule needs."""
        return (self.view,)

    @property
    def scores(self) -> tuple[str, ...]:
        """Views whose scores this rule needs."""
        return (self.view,)

    def values(self, labelled: LabelledList) -> Mapping[str, float]:
        """What the view scored, times `scale`."""
        return {docid: score * self.scale for docid, score in labelled.scores[self.view].items()}

    def grades(self, scores: Floats, values: Floats) -> Floats:
        """The view's grade that each consensus score stands for."""
        if not len(scores):
            return scores
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=0, out_of_bounds="clip").fit_transform(scores, values)
        found: Floats = np.rint(fitted)
        return found


Grading = Annotated[Bands | Cuts | Quantiles | Isotonic, Field(discriminator="kind")]
