"""Exports that evaluate, and so are written of held-out splits alone."""

from typing import Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import Exported


class HeldOut(Exported):
    """Written of some splits.

    Attributes:
        splits: Which.
    """

    splits: tuple[Literal["train", "validation", "test"], ...] = Field(
        default=("validation", "test"), min_length=1
    )

    def held(self, rows: pl.DataFrame, split: str = "") -> pl.DataFrame:
        """The rows of these splits: by their column `split`, or all or none of one split's."""
        if split:
            return rows if split in self.splits else rows.clear()
        return rows.filter(pl.col("split").is_in(self.splits))
