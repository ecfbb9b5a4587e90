"""What validation says: a line for every file, and what is wrong with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

_KEPT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a consumer would stumble over.

    Attributes:
        line: From 1: of a file of lines its line, else its row; 0 for the whole file.
        field: The column, and the place in it.
    """

    line: int
    field: str
    found: str
    expected: str

    def __str__(self) -> str:
        where = f"line {self.line}, " if self.line else ""
        return f"{where}{self.field}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One file, or one rule that reads several.

    Attributes:
        file: Its path in the folder, or the name of the rule.
        rows: How many were read.
        by: Who read them.
        findings: The first of them.
        more: How many were found beyond those.
    """

    file: str
    rows: int
    by: Sequence[str]
    findings: Sequence[Finding] = ()
    more: int = 0

    @property
    def count(self) -> int:
        """How many faults were found."""
        return len(self.findings) + self.more

    def __add__(self, other: Self) -> "Checked":
        """What two readers of one file say."""
        return Checked(
            file=self.file,
            rows=max(self.rows, other.rows),
            by=(*self.by, *other.by),
            findings=(*self.findings, *other.findings),
            more=self.more + other.more,
        )


@dataclass(slots=True)
class Found:
    """Keeps the first findings of a file, and counts the rest."""

    first: list[Finding] = field(default_factory=list)
    more: int = 0

    def add(self, line: int, faults: Iterable[tuple[str, str, str]]) -> None:
        """Note faults of a line: field, what was found, what was expected."""
        for where, found, expected in faults:
            if len(self.first) < _KEPT:
                one = Finding(line=line, field=where, found=found, expected=expected)
                self.first.append(one)
            else:
                self.more += 1
