"""What all samplers have in common."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from pydantic import Field

from rankmill.errors import StageError
from rankmill.sampling.pool import Pool
from rankmill.sampling.segments import POSITIONS, Position
from rankmill.spec import Spec
from rankmill.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a sampler drew.

    Attributes:
        seeds: Columns docid and cluster, sorted by docid.
        tables: Why it drew them, where it keeps that.
        facts: Numbers worth showing.
    """

    seeds: pl.DataFrame
    tables: Sequence[tuple[Table, pl.DataFrame]] = ()
    facts: Mapping[str, int | float | str] = field(default_factory=dict)


class Sampling(Spec):
    """Which documents get queries. The draw does not depend on the order of the documents.

    Attributes:
        documents: How many seeds to draw; the number is exact.
        min_chars: A shorter document is no seed.
        segments: Whether each seed names a third of its text that its query is to be about: true
            for all three of begin, middle and end, or a list of those wanted. They are dealt out
            evenly within every bin of lengths. Paper: "Is Position Bias in Dense Retrievers Built
            In or Learned from Data?", 2026 (arXiv 2605.26578), which evens the cells out after its
            verification, by leaving rows out.
        seed: Seed of the draw.
    """

    documents: int = Field(ge=1)
    min_chars: int = Field(default=100, ge=0)
    segments: bool | tuple[Position, ...] = False
    seed: int = 0

    @property
    def positions(self) -> tuple[Position, ...]:
        """The segments that are wanted, in the order of the text; none if it is all one."""
        wanted = POSITIONS if self.segments is True else self.segments or ()
        return tuple(position for position in POSITIONS if position in wanted)

    @property
    def covers(self) -> bool:
        """Whether every cluster must give a seed, so that there are no fewer seeds than those."""
        return False

    def origin(self, base: Path, evaluation: Sequence[Path]) -> dict[str, str]:
        """Fingerprints of the files that the draw depends on, by name.

        Args:
            base: Folder that the recipe's paths are relative to.
            evaluation: Folders of the collections that the dataset is evaluated on.

        Raises:
            StageError: One cannot be read.
        """
        return {}

    def draw(self, pool: Pool) -> Drawn:
        """Draw the seeds.

        Raises:
            StageError: There are fewer documents than seeds, or what the method needs is missing.
        """
        self.enough(pool)
        return self.choose(pool)

    def enough(self, pool: Pool) -> None:
        """Refuse a pool with fewer documents than seeds.

        Raises:
            StageError: There are fewer.
        """
        if len(pool) < self.documents:
            raise StageError(
                f"sample: {self.documents:,} seeds asked for, but only {len(pool):,} documents "
                f"have {self.min_chars:,} characters; lower sample.documents or sample.min_chars"
            )

    @abstractmethod
    def choose(self, pool: Pool) -> Drawn:
        """Draw from a pool that has enough."""
