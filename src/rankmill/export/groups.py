"""Many shorter lists out of one that was labelled."""

import random
from collections.abc import Sequence
from functools import cache
from typing import Annotated, ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.tables import Table

GROUPS = Table(
    name="groups",
    key=("qid", "group"),
    columns={
        "qid": pl.String,
        "group": pl.Int32,
        "docids": pl.List(pl.String),
        "scores": pl.List(pl.Float64),
        "grades": pl.List(pl.Int32),
    },
)


class Sampled(Exported):
    """Cut groups of several sizes out of every labelled list, and shuffle each.

    A group takes every n-th document from somewhere in the ranking, with n and the beginning drawn
    at random: groups from all over the list and from one stretch of it, for no further call. What
    is longer than the list is left out, and a group is never drawn twice.

    Paper: Sun et al., "GroupRank", 2025 (multi-scale interval sampling, sizes 5 to 20; shown in
    random and not in ranked order).

    Attributes:
        sizes: Documents of a group, in rising order; each is drawn as often as the others.
        per_list: Groups of each list, if it has as many.
        seed: Draws them.
    """

    sizes: tuple[Annotated[int, Field(ge=2)], ...] = (5, 10, 20)
    per_list: int = Field(default=10, ge=1)
    seed: int = 17

    @model_validator(mode="after")
    def sizes_rise(self) -> Self:
        """Refuse sizes that are not in rising order, or none."""
        if not self.sizes or list(self.sizes) != sorted(set(self.sizes)):
            raise ValueError(f"sizes must rise, found {list(self.sizes)}")
        return self

    def places(self, qid: str, depth: int) -> list[tuple[int, ...]]:
        """The groups of one list as places in its ranking, from 0, in the order to show."""
        chance = random.Random(f"{self.seed}/{qid}")
        by_size = [[*groups] for size in self.sizes if (groups := _stretches(size, depth))]
        for same in by_size:
            chance.shuffle(same)
        turns = range(max(map(len, by_size), default=0))
        evenly = [groups[turn] for turn in turns for groups in by_size if turn < len(groups)]
        drawn = [[*group] for group in evenly[: self.per_list]]
        for group in drawn:
            chance.shuffle(group)
        return [tuple(group) for group in drawn]

    def groups(self, part: Part, **columns: pl.Series) -> pl.DataFrame:
        """GROUPS of a part, and further columns.

        Args:
            part: Has the lists.
            columns: Name of each further column, and a value for each of `part.documents`.
        """
        gathered = {"docids": "docid", "scores": "score", "grades": "grade"}
        gathered |= {name: name for name in columns}
        lists = part.nested(part.documents.with_columns(**columns), **gathered)
        known = ("groups", self.sizes, self.per_list, self.seed)
        places = part.once(known, lambda: self._drawn(lists))
        groups = lists.with_columns(places).explode("places").drop_nulls("places")
        place, number = pl.col("places"), pl.int_range(pl.len(), dtype=pl.Int32).over("qid")
        return groups.select(
            "qid", number.alias("group"), pl.col(list(gathered)).list.gather(place)
        )

    def _drawn(self, lists: pl.DataFrame) -> pl.Series:
        """`places` of every list."""
        import pyarrow as pa

        depths = lists.select("qid", pl.col("docids").list.len())
        drawn = [self.places(qid, depth) for qid, depth in depths.iter_rows()]
        return pl.Series("places", pa.array(drawn, pa.large_list(pa.large_list(pa.int64()))))


class Groups(Sampled):
    """The groups by ids."""

    kind: Literal["groups"] = "groups"
    columns: ClassVar[str] = (
        "shorter lists cut out of the labelled ones, in random order: qid, group, docids, scores, "
        "grades"
    )
    losses: ClassVar[tuple[str, ...]] = ("groups",)

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        return [File(path="{split}.parquet", table=GROUPS, rows=self.groups)]


@cache
def _stretches(size: int, depth: int) -> tuple[range, ...]:
    """Every so many places of a list that are equally far apart, the nearest and first at first."""
    return tuple(
        range(start, start + step * size, step)
        for step in range(1, (depth - 1) // (size - 1) + 1)
        for start in range(depth - step * (size - 1))
    )
