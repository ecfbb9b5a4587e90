"""Many shorter lists out of one that was labelled."""

from collections.abc import Sequence
from functools import cache
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rankmill.export.base import Exported, File
from rankmill.export.draws import Chance
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.export.unfit import shorter
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
_DRAWN = pl.Schema({"row": pl.Int64(), "group": pl.Int32(), "places": pl.List(pl.Int64)})


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

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists that are shorter than the smallest group."""
        del policy
        return shorter(pairs, self.sizes[0])

    def places(self, qids: Sequence[str], depth: int) -> list[NDArray[np.int64]]:
        """The groups of lists of one depth as places in their rankings, from 0, in shown order.

        Returns:
            For each of the groups that every such list has, an array of shape (lists, documents).
        """
        chance = Chance(self.seed, qids)
        by_size = [_stretches(size, depth) for size in self.sizes if size <= depth]
        shuffled = [all_[chance.orders(len(all_))[:, : self.per_list]] for all_ in by_size]
        turns = range(max((same.shape[1] for same in shuffled), default=0))
        evenly = [same[:, turn] for turn in turns for same in shuffled if turn < same.shape[1]]
        return [
            np.take_along_axis(group, chance.orders(group.shape[1]), axis=1)
            for group in evenly[: self.per_list]
        ]

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
        drawn = part.once(known, lambda: self._drawn(lists))
        rows = lists.select("qid", *gathered)[drawn["row"]].hstack(drawn)
        return rows.select("qid", "group", pl.col(list(gathered)).list.gather(pl.col("places")))

    def _drawn(self, lists: pl.DataFrame) -> pl.DataFrame:
        """`places` of every list: its row, the number of the group, and the places."""
        qids, depths = lists["qid"], lists["docids"].list.len().to_numpy()
        drawn = [pl.DataFrame(schema=_DRAWN)]
        for depth in np.unique(depths):
            rows = np.flatnonzero(depths == depth)
            for number, places in enumerate(self.places(qids[rows].to_list(), int(depth))):
                listed = pl.Series(places).arr.to_list()
                drawn.append(pl.DataFrame([rows, [number] * len(rows), listed], schema=_DRAWN))
        return pl.concat(drawn).sort("row", "group")


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
def _stretches(size: int, depth: int) -> NDArray[np.int64]:
    """Every so many places of a list that are equally far apart; shape (stretches, size)."""
    steps = range(1, (depth - 1) // (size - 1) + 1)
    stretches = [
        range(start, start + step * size, step)
        for step in steps
        for start in range(depth - step * (size - 1))
    ]
    return np.array(stretches, dtype=np.int64)
