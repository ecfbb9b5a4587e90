"""A file held against the rules of its format."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from rankmill.validate.findings import Checked, Found
from rankmill.validate.lines import Unreadable, rows
from rankmill.validate.row import Row, faults_of

Ids = dict[str, set[str]]
"""What ids there are of documents and queries."""


def check(path: Path, name: str, row: type[Row], known: Ids) -> Checked:
    """Read every row of a file.

    Args:
        path: The file.
        name: What it is called in the report.
        row: What its rows are.
        known: Ids that files read before have defined; this file's are added.
    """
    found, count = Found(), 0
    before: Row | None = None
    try:
        for number, read in rows(path, row):
            count += 1
            values = {"value": read} if row.bare else read
            faults = [*_order(row, values), *faults_of(row, values), *_lost(row, values, known)]
            found.add(number, faults)
            this = None if faults else row.model_validate(values)
            if before and this:
                found.add(number, _after(row, before, this))
            before = this
            _learn(row, values, known)
    except Unreadable as error:
        found.add(error.line, [("file", error.found, error.expected)])
    if not count and not found.first:
        found.add(0, [("file", "no row", "at least one")])
    return Checked(
        file=name, rows=count, by=("rules",), findings=tuple(found.first), more=found.more
    )


def _order(row: type[Row], values: Any) -> list[tuple[str, str, str]]:  # noqa: ANN401 - any JSON
    """Where columns are read by their place, they stand in it."""
    if not row.positional or not isinstance(values, Mapping):
        return []
    columns, names = list(values), row.names()
    if sorted(columns) != sorted(names) or columns == names:
        return []
    return [("columns", ", ".join(columns), f"{', '.join(names)}: they are read by position")]


def _after(row: type[Row], before: Row, this: Row) -> list[tuple[str, str, str]]:
    try:
        row.follows(before, this)
    except PydanticCustomError as error:
        said = error.context or {}
        return [(said["field"], said["found"], said["expected"])]
    return []


def _learn(row: type[Row], values: Any, known: Ids) -> None:  # noqa: ANN401 - any JSON
    if row.defines and isinstance(values, Mapping):
        what, column = row.defines
        known.setdefault(what, set()).add(str(values.get(column)))


def _lost(row: type[Row], values: Any, known: Ids) -> list[tuple[str, str, str]]:  # noqa: ANN401
    """Ids that lead nowhere, and ids that are given twice."""
    if not isinstance(values, Mapping):
        return []
    faults = []
    if row.defines and str(values.get(row.defines[1])) in known.get(row.defines[0], ()):
        what, column = row.defines
        faults.append((column, repr(values.get(column)), f"one {what} of each id"))
    faults += [
        (field, repr(one), f"the id of a {what}")
        for field, what, one in row.named(values)
        if what in known and isinstance(one, str | int) and str(one) not in known[what]
    ]
    return faults
