"""What a strategy is sent: one reading of one reply of a teacher, or why there is none.

Docids are best first where they are ranked; higher scores are more relevant.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Permutation:
    """One teacher's ordering of the documents it was shown.

    Attributes:
        shown: Docids in the order the prompt listed them.
        ranked: The same docids, most relevant first.
        repair: What was changed to make it a permutation, where a recipe asks for repair.

    Raises:
        ValueError: `ranked` does not rearrange `shown`, or `shown` repeats a docid.
    """

    shown: tuple[str, ...]
    ranked: tuple[str, ...]
    repair: str = ""

    def __post_init__(self) -> None:
        if len(set(self.shown)) != len(self.shown):
            raise ValueError(f"shown repeats a docid: {self.shown}")
        if sorted(self.ranked) != sorted(self.shown):
            raise ValueError(f"{self.ranked} does not rearrange {self.shown}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One teacher's score of one document; higher is more relevant.

    Raises:
        ValueError: The value is not finite.
    """

    docid: str
    value: float

    def __post_init__(self) -> None:
        if not isfinite(self.value):
            raise ValueError(f"a score must be a finite number, found {self.value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One teacher's scores of documents that it was shown together; higher is more relevant.

    Attributes:
        shown: Docids in the order the prompt listed them.
        values: A score for each of them.

    Raises:
        ValueError: A value is not finite, `shown` repeats a docid, or the numbers differ.
    """

    shown: tuple[str, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(set(self.shown)) != len(self.shown) or len(self.shown) != len(self.values):
            raise ValueError(f"expected a score for each of {self.shown}, found {self.values}")
        if not all(map(isfinite, self.values)):
            raise ValueError(f"a score must be a finite number, found {self.values}")

    @property
    def by_docid(self) -> dict[str, float]:
        """The scores by docid."""
        return dict(zip(self.shown, self.values, strict=True))

    @property
    def best(self) -> str:
        """The document with the highest score; of equals the one shown first."""
        return self.shown[self.values.index(max(self.values))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The documents that one teacher picked out of those it was shown.

    Attributes:
        shown: Docids in the order the prompt listed them.
        chosen: Those picked, in the order named; there may be none.

    Raises:
        ValueError: `shown` or `chosen` repeats a docid, or what was chosen was not shown.
    """

    shown: tuple[str, ...]
    chosen: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.shown)) != len(self.shown) or len(set(self.chosen)) != len(self.chosen):
            raise ValueError(f"a docid repeats: {self.chosen} of {self.shown}")
        if not set(self.chosen) <= set(self.shown):
            raise ValueError(f"{self.chosen} was not all shown: {self.shown}")

    @property
    def best(self) -> str:
        """The document named first.

        Raises:
            IndexError: None was chosen.
        """
        return self.chosen[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """A teacher reply that answers no question, and why."""

    reason: Literal[
        "empty",
        "refused",
        "cut_short",
        "not_a_ranking",
        "incomplete",
        "repeated",
        "unknown_identifier",
        "not_a_label",
        "not_a_selection",
        "not_a_grade",
        "not_grades",
        "out_of_range",
        "no_log_probabilities",
        "no_attention",
        "low_label_mass",
    ]
    detail: str = ""


Reading = Permutation | Score | Scores | Choice
"""What a strategy is sent: a valid reading of one reply."""
