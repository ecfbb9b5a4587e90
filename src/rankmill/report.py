"""What a stage did, in numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """Counts of one stage. Every row read is either written or rejected under a named rule.

    Attributes:
        rejected: Rows rejected, by rule.
        facts: Other numbers worth showing; they depend on the data alone, never on the clock.

    Raises:
        ValueError: Rows went missing.
    """

    stage: str
    read: int
    written: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, int | float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.read != self.written + sum(self.rejected.values()):
            raise ValueError(
                f"{self.stage}: {self.read} read, but {self.written} + {dict(self.rejected)}"
            )

    def __str__(self) -> str:
        reasons = ", ".join(f"{rule} {count:,}" for rule, count in sorted(self.rejected.items()))
        kept = f"{self.written:,} of {self.read:,} kept" if self.rejected else f"{self.written:,}"
        return f"{self.stage}: {kept}" + (f" ({reasons})" if reasons else "")

    @property
    def rejected_share(self) -> float:
        """Rejected rows as a share of the rows read, in [0, 1]; 0 when none were read."""
        return sum(self.rejected.values()) / self.read if self.read else 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values for a manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**values)
