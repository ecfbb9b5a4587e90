"""What a recipe says about the dataset folder."""

from typing import Self

from pydantic import Field, model_validator

from rankmill.assemble.sublists import Sublists
from rankmill.spec import Spec


class Assembly(Spec):
    """How labels become training rows, and how the card presents them.

    Attributes:
        negatives: Most negatives per positive among the triplets: of the documents that qualify,
            those which the retriever had ranked highest.
        positive_grade: A document with at least this grade is a positive.
        negative_grade: A document with at most this grade is a negative.
        groups: Shorter lists cut out of the labelled ones, as config `groups`; none if left out.
        title: Heading of the card; the recipe's name if empty.
        licence: Licence of the dataset, best as an SPDX id. Without one, the card takes the
            corpus's, if every document has the same.
        tags: Added to the card's own.
    """

    negatives: int = Field(default=4, ge=1)
    positive_grade: int = Field(default=2, ge=1)
    negative_grade: int = Field(default=0, ge=0)
    groups: Sublists | None = None
    title: str = ""
    licence: str | None = None
    tags: tuple[str, ...] = ()

    @model_validator(mode="after")
    def grades_are_apart(self) -> Self:
        """Refuse grades that would make one document both a positive and a negative."""
        if self.negative_grade >= self.positive_grade:
            raise ValueError(
                f"negative_grade must be below positive_grade, found {self.negative_grade} and "
                f"{self.positive_grade}"
            )
        return self
