"""Lines of a user's own file: JSON Lines, or values between tabs; plain or gzip."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from rankmill.corpora.files import lines
from rankmill.corpora.jsonl import json_object
from rankmill.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Row:
    """One line.

    Attributes:
        place: File and line, for who has to mend it.
    """

    place: str
    values: Mapping[str, Any]

    def maybe(self, names: Sequence[str]) -> str:
        """The text under the first of `names` that there is; "" where there is none, or a null.

        Raises:
            CorpusError: It is neither a text nor a whole number.
        """
        for name in names:
            value = self.values.get(name)
            if isinstance(value, str):
                return value.strip()
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
            if value is not None:
                kind = type(value).__name__
                raise CorpusError(f"{self.place}: field {name!r} is of type {kind}, expected text")
        return ""

    def texts(self, names: Sequence[str]) -> list[str]:
        """The texts under the first of `names` that there is, be it a list or a single one.

        Raises:
            CorpusError: One is neither a text nor a whole number.
        """
        found: Any = next((self.values[name] for name in names if self.values.get(name)), [])
        listed = found if isinstance(found, list) else [found]
        return [Row(self.place, {names[0]: one}).text(names[:1]) for one in listed]

    def text(self, names: Sequence[str]) -> str:
        """The same, where it has to be there.

        Raises:
            CorpusError: It is not there, or empty.
        """
        if found := self.maybe(names):
            return found
        among = ", ".join(map(repr, self.values)) or "nothing"
        raise CorpusError(f"{self.place}: expected {' or '.join(map(repr, names))}, found {among}")


def rows(path: Path, *, columns: Sequence[Sequence[str]]) -> Iterator[Row]:
    """The lines of a file that hold something.

    Args:
        path: `.jsonl` or `.json` holds objects, anything else values between tabs; `.gz` is read.
        columns: The names that each of the values between tabs may have, its usual one first; a
            value that is alone is the last of them. A first line with any of these names is taken
            for a heading, which says what stands where.

    Raises:
        CorpusError: The file cannot be read, or a line is not what its format says.
    """
    as_json = path.name.removesuffix(".gz").endswith((".jsonl", ".json"))
    usual = tuple(names[0] for names in columns)
    known, heading = set(chain(*columns)), usual
    for number, line in lines(path):
        place = f"{path}:{number}"
        if as_json:
            yield Row(place, json_object(line, place))
            continue
        values = [value.strip() for value in line.split("\t")]
        if number == 1 and known & {value.lower() for value in values}:
            heading = tuple(value.lower() for value in values)
            continue
        if len(values) > len(heading):
            expected = ", ".join(heading)
            raise CorpusError(f"{place}: {len(values)} values, expected {expected} between tabs")
        alone = len(values) == 1 and heading == usual
        names = heading[-1:] if alone else heading[: len(values)]
        yield Row(place, dict(zip(names, values, strict=True)))
