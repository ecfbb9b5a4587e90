"""What a recipe says about the dataset folder."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from rankmill.export import (
    RESERVED,
    Beir,
    Export,
    Listwise,
    Mteb,
    Policy,
    Scale,
    Triplets,
    asked_for,
    config_of,
)
from rankmill.export.curriculum import Order
from rankmill.export.policy import FalseNegatives
from rankmill.negative_sampling import Stride, Top
from rankmill.spec import Machine, Spec


class Assembly(Spec):
    """How labels become training rows, and how the card presents them.

    Attributes:
        negatives: Most negatives per positive among the triplets: of the documents that qualify,
            those which the retriever had ranked highest.
        positive_grade: A document with at least this grade is a positive.
        negative_grade: A document with at most this grade is a negative.
        false_negatives: What becomes of a candidate that the teacher grades like a positive, while
            the query was written from another document: it is a positive too ("promote"), in no
            pair ("drop"), or a negative all the same ("keep"). All are marked in the config
            `lists`, and their share is in the card and the report.
        judge_margin: A negative scores at least so much less than the lowest positive of its list,
            by the consensus of the teachers; UniME-V2's beta.
        negatives_by: Which of the documents that qualify are taken: `top`, those which the
            retriever had ranked highest, or UniME-V2's `stride` through them all.
        exports: The formats that trainers read; each is named by its `kind`, or `for` what it is
            to be used. The tables by ids are there whatever they are.
        near_duplicate: From this likeness on, two queries are one: a list of train is left out
            whose query is in a held-out split too. See `apart.alike`.
        evaluation: Folders of evaluation collections in BEIR's layout, relative to the recipe's.
            The dataset says which of its documents and queries touch them. Its identity has their
            names and contents, wherever they lie.
        order: Of the lists of the split `train` in all files; by qid if there is none. A trainer
            that shuffles undoes it.
        title: Heading of the card; the recipe's name if empty.
        licence: Licence of the dataset, best as an SPDX id. Without one, the card takes the
            corpus's, if every document has the same.
        tags: Added to the card's own.
    """

    negatives: int = Field(default=4, ge=1)
    positive_grade: int = Field(default=2, ge=1)
    negative_grade: int = Field(default=0, ge=0)
    false_negatives: FalseNegatives = "promote"
    judge_margin: float | None = Field(default=None, ge=0)
    negatives_by: Annotated[Top | Stride, Field(discriminator="kind")] = Top()
    exports: tuple[Export, ...] = (Listwise(), Triplets(), Beir(), Mteb())
    near_duplicate: float = Field(default=0.8, gt=0, le=1)
    evaluation: tuple[Path, ...] = Machine(())
    order: Order | None = None
    title: str = ""
    licence: str | None = None
    tags: tuple[str, ...] = ()

    @field_validator("exports", mode="before")
    @classmethod
    def uses_become_kinds(cls, value: Any) -> Any:  # noqa: ANN401 - what TOML has
        """Put the export that a use needs in the place of `for`; names may stand by themselves."""
        wanted = [value] if isinstance(value, str) else value
        return [asked_for(one) for one in wanted] if isinstance(wanted, list) else wanted

    @model_validator(mode="after")
    def folders_are_apart(self) -> Self:
        """Refuse two exports of one name."""
        taken = set(RESERVED)
        for export in self.exports:
            names = {export.folder, *(config_of(export, file) for file in export.files())} - {""}
            if twice := sorted(names & taken):
                raise ValueError(f"exports: the name {twice[0]} is taken; give one another `name`")
            taken |= names
        return self

    @model_validator(mode="after")
    def collections_are_apart(self) -> Self:
        """Refuse two evaluation collections of one name."""
        names = [path.name for path in self.evaluation]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"evaluation: two folders are called {twice[0]}")
        return self

    @model_validator(mode="after")
    def grades_are_apart(self) -> Self:
        """Refuse grades that would make one document both a positive and a negative."""
        if self.negative_grade >= self.positive_grade:
            raise ValueError(
                f"negative_grade must be below positive_grade, found {self.negative_grade} and "
                f"{self.positive_grade}"
            )
        return self

    def refusal(self, scale: Scale) -> str | None:
        """Why a margin means nothing on such scores; None if it does, or there is none."""
        if self.judge_margin is None:
            return None
        reason = scale.unmeasured("no `judge_margin`")
        return f"judge_margin: {reason}" if reason else None

    @property
    def policy(self) -> Policy:
        """Which documents of a list are positives, and which negatives."""
        return Policy(
            positive_grade=self.positive_grade,
            negative_grade=self.negative_grade,
            negatives=self.negatives,
            false_negatives=self.false_negatives,
            judge_margin=self.judge_margin,
            sampling=self.negatives_by,
        )
