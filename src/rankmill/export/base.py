"""What every export is: files, each with its columns, and a function that cuts rows for it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.parts import NONE_MISSING, Labelled, Part
from rankmill.export.policy import Policy
from rankmill.spec import Spec
from rankmill.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What the labels of a recipe are, known before a token is spent.

    Attributes:
        score_kind: Of the consensus scores; the name of the rule that made them.
        best_grade: The highest grade that a document can get; None where only labels will tell.
    """

    score_kind: str
    best_grade: int | None

    @property
    def measures(self) -> bool:
        """Whether differences of scores mean something, and not only their order."""
        return self.score_kind in {"mean_score", "bradley_terry", "plackett_luce"}

    @property
    def compares(self) -> bool:
        """Whether scores of different lists are on one scale."""
        return self.score_kind == "mean_score"

    def unmeasured(self, instead: str) -> str | None:
        """Why nothing can be learned from differences of scores; None if something can.

        Args:
            instead: What would do without.
        """
        if self.measures:
            return None
        return (
            f"scores of {self.score_kind} order documents, but say nothing about how far apart "
            "they are; let settle.rule be mean_score, bradley_terry or plackett_luce, or ask for "
            f"{instead}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of an export, for every split if its path has `{split}`, else one for all.

    Attributes:
        path: Inside the export's folder. Its suffix says how it is written: `.parquet`, `.jsonl`,
            `.json` (one array), `.tsv` (a line of names first), or `.txt` (no such line, single
            spaces between values).
        table: Names and types of the columns that `rows` gives, in order.
        rows: Cuts them out of a part of the labelled lists; of `of` the corpus, out of its frame
            of documents: DOCUMENTS, cluster and split.
        alone: Whether a file of a split's corpus is written when the split has no list.
        header: Whether a `.tsv` begins with the names of its columns.
        bare: Whether a `.json` or `.jsonl` holds its only column's values, in place of objects.
        around: What a `.json` has before and after its array.
    """

    path: str
    table: Table
    rows: Callable[[Part], pl.DataFrame] | Callable[[pl.DataFrame], pl.DataFrame]
    of: Literal["lists", "corpus"] = "lists"
    alone: bool = False
    header: bool = True
    bare: bool = False
    around: tuple[str, str] = ("", "")


class Exported(Spec, ABC):
    """A way to write labelled lists down for one kind of consumer.

    Attributes:
        kind: Which.
        name: Its folder in the dataset, and the name by which `load_dataset` knows what lies
            there; the kind if empty.
        columns: What a row holds, in a few words for the card.
        example: Python that loads it where it is used, for the card; `{data}` stands for the
            dataset's name, `{config}` for the export's, `{split}` for a split with rows.
        losses: Losses and other uses by which it can be asked for, in place of its kind.
    """

    kind: str
    name: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9_.-]*)?$")
    columns: ClassVar[str]
    example: ClassVar[str] = ""
    losses: ClassVar[tuple[str, ...]] = ()

    @property
    def folder(self) -> str:
        """Where it is in the dataset."""
        return self.name or self.kind

    @property
    def reads(self) -> tuple[str, ...]:
        """Views that it needs."""
        return ()

    @classmethod
    def suited(cls, loss: str) -> Mapping[str, Any]:
        """The settings that one of `losses` needs, where they are not the defaults."""
        del loss
        return {}

    def refusal(self, scale: Scale) -> str | None:
        """Why labels of this scale are of no use here, and what would be; None if they are."""
        del scale
        return None

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """The lists that it cannot use: columns id (the qid), rule and detail.

        Args:
            pairs: `Labelled.pairs` of the whole build.
            policy: Which documents are positives, and which negatives.
        """
        del pairs, policy
        return NONE_MISSING

    def unusable(self, labelled: Labelled) -> pl.DataFrame:
        """As `missing`, for an export that must see more than the labels."""
        return self.missing(labelled.pairs, labelled.policy)

    @property
    def prompts(self) -> Mapping[str, frozenset[str]]:
        """The prompts that it renders, and what each must fill in."""
        return {}

    @abstractmethod
    def files(self) -> Sequence[File]:
        """What it writes."""

    def notes(self, splits: Sequence[str]) -> Mapping[str, str]:
        """Small files beside the rows: their text, by path.

        Args:
            splits: Those of which it has rows.
        """
        del splits
        return {}
