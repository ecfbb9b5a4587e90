"""Relevance grades: small integers from a ranking and what its views scored."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rankmill.filters.labelled import LabelledList
from rankmill.spec import Spec


class Bands(Spec):
    """Grade by rank alone: the first `sizes[0]` documents get the highest grade, and so on.

    Documents below all bands get 0. With the default sizes: rank 1 gets 3, ranks 2 and 3 get 2,
    ranks 4 to 6 get 1.
    """

    kind: Literal["bands"] = "bands"
    sizes: tuple[Annotated[int, Field(ge=1)], ...] = (1, 2, 3)

    @property
    def reads(self) -> tuple[str, ...]:
        """Views this rule needs."""
        return ()

    @property
    def scores(self) -> tuple[str, ...]:
        """Views whose scores this rule needs: none."""
        return ()

    def __call__(self, labelled: LabelledList) -> Mapping[str, int]:
        """Grade every document of a list, by docid."""
        best_first = [len(self.sizes) - i for i, size in enumerate(self.sizes) for _ in range(size)]
        docids = labelled.consensus.docids
        return dict(zip(docids, best_first + [0] * len(docids), strict=False))


class Cuts(Spec):
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
    def reads(self) -> tuple[str, ...]:
        """Views this rule needs."""
        return (self.view,)

    @property
    def scores(self) -> tuple[str, ...]:
        """Views whose scores this rule needs."""
        return (self.view,)

    def __call__(self, labelled: LabelledList) -> Mapping[str, int]:
        """Grade every document of a list, by docid."""
        grades, ceiling = {}, len(self.cuts)
        for docid in labelled.consensus.docids:
            score = labelled.scores[self.view][docid]
            ceiling = min(ceiling, sum(score >= cut for cut in self.cuts))
            grades[docid] = ceiling
        return grades


Grading = Annotated[Bands | Cuts, Field(discriminator="kind")]
