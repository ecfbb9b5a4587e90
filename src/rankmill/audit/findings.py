"""What the gate found: one finding a rule, with the rows that it is about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rankmill.audit.shards import Batch

SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule found.

    Attributes:
        rule: The field of `Gate` that it is about, or `digests` or `references`.
        passed: Whether what was found is within the limit.
        found: What was found, in words.
        limit: What was expected, in words.
        rows: The first rows that it is about, each with the reason; no text of theirs.
        more: How many more rows there are.
        binding: Whether no reason lets it pass.
    """

    rule: str
    passed: bool
    found: str
    limit: str
    rows: Sequence[str] = ()
    more: int = 0
    binding: bool = False

    def __str__(self) -> str:
        rows = "; ".join(self.rows) + (f" and {self.more:,} more" if self.more else "")
        return f"{self.rule}: {self.found}, expected {self.limit}" + (f": {rows}" if rows else "")


class Check(Protocol):
    """A rule, or a few that read the same: it sees every row once."""

    def see(self, batch: Batch) -> None:
        """Look at some rows."""

    def findings(self) -> Iterator[Finding]:
        """What was found in all that was seen."""


@dataclass(slots=True)
class Rows:
    """Counts rows, and keeps the names of the first."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, batch: Batch, place: int, why: str) -> None:
        """Count a row of a batch."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(f"{batch.name(place)} {why}")

    @property
    def more(self) -> int:
        """How many were counted beyond the first."""
        return self.count - len(self.first)


@dataclass(slots=True)
class Distinct:
    """Counts different values, and the rows that each is in. No value is kept."""

    rows: Rows = field(default_factory=Rows)
    seen: set[int] = field(default_factory=set)

    def add(self, value: str, batch: Batch, place: int, why: str) -> None:
        """Count a value that a row holds; datasets repeat texts, so it may have come before."""
        self.seen.add(hash(value))
        self.rows.add(batch, place, why)

    def finding(self, rule: str, limit: int) -> Finding:
        """A finding for at most `limit` different values."""
        count = len(self.seen)
        return Finding(
            rule=rule,
            passed=count <= limit,
            found=f"{count:,}" + (f" in {self.rows.count:,} places" if count else ""),
            limit=f"at most {limit:,}",
            rows=tuple(self.rows.first),
            more=self.rows.more,
        )
