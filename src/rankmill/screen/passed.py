"""How many queries passed each test, in order: all of them, and those of each sort."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from rankmill.report import StageReport

_SORTS = ("kind", "lang", "difficulty", "length", "segment")
_RULES = {
    "length": ("empty", "too_long", "not_a_query"),
    "mention of the document": ("refers_to_document",),
    "copying": ("copied",),
}
_LATER = {"too_few_candidates": "candidates", "not_found_again": "round trip"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """One test.

    Attributes:
        read: Queries that came to it.
        kept: Those that passed.
        sorts: The same two numbers for each sort of query, where there are several.
    """

    name: str
    read: int
    kept: int
    sorts: Mapping[str, tuple[int, int]]

    @property
    def share(self) -> float:
        """Kept as a share of those read, in [0, 1]; 1 when none were read."""
        return self.kept / self.read if self.read else 1.0

    @property
    def by_sort(self) -> str:
        """The sorts in words."""
        return ", ".join(f"{name} {kept:,}/{read:,}" for name, (read, kept) in self.sorts.items())


def passed(reports: Sequence[StageReport], screened: pl.DataFrame) -> list[Passed]:
    """The tests of a build in order, from the writing of queries to their round trip.

    Args:
        reports: Counts of every stage.
        screened: SCREENED.
    """
    stages = {report.stage: report for report in reports}
    steps = [_step(part) for _, part in screened.group_by("step", maintain_order=True)]
    if written := stages.get("generate"):
        first = steps[0].read if steps else written.written
        steps = [*_first(written, first), *steps]
    fallen = stages["retrieve"].rejected if "retrieve" in stages else {}
    return [*steps, *_later(steps[-1].kept if steps else 0, fallen)]


def _first(written: StageReport, left: int) -> Iterator[Passed]:
    """What the rules left of the replies, one after another, until `left` were left."""
    fallen = {
        name: sum(written.rejected.get(rule, 0) for rule in rules) for name, rules in _RULES.items()
    }
    kept = left + sum(fallen.values())
    yield Passed(name="writing", read=written.read, kept=kept, sorts={})
    for name, count in fallen.items():
        yield Passed(name=name, read=kept, kept=kept - count, sorts={})
        kept -= count


def _step(part: pl.DataFrame) -> Passed:
    """One step, and in it each sort by which its queries differ."""
    sorts: dict[str, tuple[int, int]] = {}
    for column in _SORTS:
        named = part.drop_nulls(column).group_by(column).agg(pl.col("read", "kept").sum())
        if len(named) > 1:
            sorts |= {name: (read, kept) for name, read, kept in named.sort(column).iter_rows()}
    read, kept = int(part["read"].sum()), int(part["kept"].sum())
    return Passed(name=part["screen"][0].replace("_", " "), read=read, kept=kept, sorts=sorts)


def _later(left: int, rejected: Mapping[str, int]) -> Iterator[Passed]:
    """What `retrieve` left out, rule by rule."""
    for rule, name in _LATER.items():
        if fallen := rejected.get(rule, 0):
            yield Passed(name=name, read=left, kept=left - fallen, sorts={})
            left -= fallen
