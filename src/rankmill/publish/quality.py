"""Rules `lists`, `tau`, `view_tau`, `malformed` and `contamination`: is it good enough to go?"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from rankmill.audit.findings import SHOWN, Finding, Rows
from rankmill.audit.shards import Batch
from rankmill.publish.spec import Gate


@dataclass(slots=True)
class Mean:
    """A running mean, and the rows with the least of the values."""

    total: float = 0.0
    count: int = 0
    least: list[tuple[float, str]] = field(default_factory=list)

    def add(self, batch: Batch, values: pl.Series) -> None:
        """Take in a value a row; nulls were not measured."""
        values = values.cast(pl.Float64)
        self.total, self.count = self.total + float(values.sum()), self.count + values.count()
        lowest = values.arg_sort(nulls_last=True).head(SHOWN).to_list()
        named = [
            (values[place], batch.name(place)) for place in lowest if values[place] is not None
        ]
        self.least = heapq.nsmallest(SHOWN, [*self.least, *named])


class Quality:
    """Reads configs `lists`, `judgments` and `contamination`.

    Args:
        gate: The limits.
        collections: Names of the evaluation collections that the dataset was held against.
    """

    def __init__(self, gate: Gate, collections: Sequence[str]) -> None:
        self.gate, self.collections, self.lists, self.readings = gate, collections, 0, 0
        self.agreement = {"tau": Mean(), "view_tau": Mean()}
        self.malformed, self.touched = Rows(), Rows()

    def see(self, batch: Batch) -> None:
        """Look at some rows."""
        match batch.config:
            case "lists":
                self.lists += batch.rows.height
                # A list's difficulty falls from 1 to 0 as the tau of what votes rises from -1 to 1.
                measured = {"tau": 1 - 2 * pl.col("difficulty"), "view_tau": pl.col("view_tau")}
                for rule, value in measured.items():
                    if set(value.meta.root_names()) <= set(batch.rows.columns):
                        self.agreement[rule].add(batch, batch.rows.select(value).to_series())
            case "judgments":
                self.readings += batch.rows.height
                for place in (batch.rows["status"] != "valid").arg_true():
                    self.malformed.add(batch, place, f"is {batch.rows['status'][place]}")
            case "contamination":
                rows = batch.rows.select("what", "rule", "collection").iter_rows()
                for place, (what, rule, collection) in enumerate(rows):
                    self.touched.add(batch, place, f"a {what} of {collection} ({rule})")

    def findings(self) -> Iterator[Finding]:
        """One for each of the five."""
        yield Finding(
            rule="lists",
            passed=self.lists >= self.gate.lists,
            found=f"{self.lists:,}",
            limit=f"at least {self.gate.lists:,}",
        )
        for rule, limit in (("tau", self.gate.tau), ("view_tau", self.gate.view_tau)):
            yield _agreement(rule, self.agreement[rule], limit)
        share = self.malformed.count / self.readings if self.readings else 0.0
        yield Finding(
            rule="malformed",
            passed=share <= self.gate.malformed,
            found=f"{self.malformed.count:,} of {self.readings:,} readings ({share:.2%})",
            limit=f"at most {self.gate.malformed:.2%}",
            rows=tuple(self.malformed.first),
            more=self.malformed.more,
        )
        yield Finding(
            rule="contamination",
            passed=self.touched.count <= self.gate.contamination,
            found=self._touched(),
            limit=f"at most {self.gate.contamination:,}",
            rows=tuple(self.touched.first),
            more=self.touched.more,
        )

    def _touched(self) -> str:
        if self.collections or self.touched.count:
            return f"{self.touched.count:,} rows"
        return "not looked for: assemble.evaluation names no collection"


def _agreement(rule: str, mean: Mean, limit: float) -> Finding:
    """What no list has was not measured: one trial, or one view. The card says so too."""
    if not mean.count:
        return Finding(rule=rule, passed=True, found="not measured", limit=f"at least {limit:.2f}")
    value = mean.total / mean.count
    return Finding(
        rule=rule,
        passed=value >= limit,
        found=f"{value:.3f} on average over {mean.count:,} lists",
        limit=f"at least {limit:.2f}",
        rows=tuple(f"{name} {low:.3f}" for low, name in mean.least),
    )
