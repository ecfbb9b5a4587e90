"""One row of a format, as strict as the loader that will read it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

Text = Annotated[str, Field(min_length=1)]
"""A text with something in it."""
Number = Annotated[str, Field(pattern=r"^-?\d+$")]
"""A whole number as a line of text has it."""
Decimal = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?([eE][-+]?\d+)?$")]
"""A number as a line of text has it."""
Word = Annotated[str, Field(pattern=r"^\S+$")]
"""Text without spaces."""
_SHOWN = 60


class Row(BaseModel):
    """What a loader takes for granted of a row: types, names, and what a validator adds.

    A column that is not declared is a fault, for many loaders read columns by their place, and
    take any that is too many for an input.

    Attributes:
        positional: Whether the order of the columns counts.
        header: Of lines with tabs: whether names come first.
        bare: Whether what a file holds is no object but the value of the only column, `value`.
        defines: What the ids of rows are ids of, and the column that holds them.
        refers: Columns with ids, or lists of them, and what they are ids of.
    """

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    positional: ClassVar[bool] = False
    header: ClassVar[bool] = False
    bare: ClassVar[bool] = False
    defines: ClassVar[tuple[str, str] | None] = None
    refers: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def follows(cls, before: Self, row: Self) -> None:
        """Refuse a row that is only wrong after the one before it.

        Raises:
            PydanticCustomError: What is wrong with it.
        """

    @classmethod
    def named(cls, values: Any) -> Iterator[tuple[str, str, Any]]:  # noqa: ANN401 - any JSON
        """The ids in a row: their field, what they are ids of, and each; as `refers` says."""
        for column, what in cls.refers.items():
            ids = values.get(column) if isinstance(values, Mapping) else None
            yield from ((column, what, one) for one in (ids if isinstance(ids, list) else [ids]))

    @classmethod
    def names(cls) -> list[str]:
        """Its columns, in order, as files have them."""
        return [field.alias or name for name, field in cls.model_fields.items()]


def fault(field: str, found: object, expected: str) -> PydanticCustomError:
    """What a validator raises."""
    words = {"field": field, "found": str(found), "expected": expected}
    return PydanticCustomError("rule", "{field}: expected {expected}, found {found}", words)


def same_length(first: str, one: Sequence[Any], second: str, other: Sequence[Any] | None) -> None:
    """Refuse a list that goes along with another, and is shorter or longer.

    Raises:
        PydanticCustomError: Names both.
    """
    if other is not None and len(one) != len(other):
        raise fault(second, f"{len(other)} values", f"{len(one)}, one for each of {first}")


def another(field: str, negative: str, positive: str) -> None:
    """Refuse a negative that is the positive.

    Raises:
        PydanticCustomError: Names the negative.
    """
    if negative == positive:
        raise fault(field, "the positive", "another document than the positive")


def falling(field: str, values: Sequence[float]) -> None:
    """Refuse values of which one is above the one before it.

    Raises:
        PydanticCustomError: Names the first place.
    """
    for place in range(1, len(values)):
        if values[place] > values[place - 1]:
            found = f"{values[place]:g} after {values[place - 1]:g}"
            raise fault(f"{field}.{place}", found, "best first")


def faults_of(row: type[Row], values: object) -> list[tuple[str, str, str]]:
    """What is wrong with a row: field, what was found, what was expected."""
    try:
        row.model_validate(values)
    except ValidationError as error:
        return [_said(dict(one)) for one in error.errors(include_url=False)]
    return []


def _said(error: Mapping[str, Any]) -> tuple[str, str, str]:
    if error["type"] == "rule":
        said = error["ctx"]
        return said["field"], said["found"], said["expected"]
    parts = [str(part) for part in error["loc"]]
    where = ".".join(part for part in parts if not part.startswith("<")) or "row"
    if error["type"] == "missing":
        return where, "nothing", "a value in every row"
    if error["type"] == "extra_forbidden":
        return where, "such a column", "none but those of the format"
    expected = error["msg"].removeprefix("Input should ").removeprefix("be ")
    return where, _short(error["input"]), expected[:1].lower() + expected[1:]


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
