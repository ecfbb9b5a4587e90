"""Orders as language models write them, and the turns in which they do."""

import re
from collections.abc import Sequence
from typing import Literal

import orjson
from pydantic import Field

from rankmill.validate.row import Row, Text, fault

_LETTERS = "ABCDEFGHIJKLMNOPQRST"
_ANSWER = re.compile(r"<answer>(.*)</answer>", re.DOTALL)
_IDENTIFIER = re.compile(r"\[(\d+)\]")


class Turn(Row):
    """One of a conversation, as ShareGPT has it."""

    sender: Literal["system", "human", "gpt"] = Field(alias="from")
    value: Text


def ranking(field: str, text: str) -> None:
    """Refuse what is not `[2] > [1]` or `[B] > [A]`, each identifier once, without a gap.

    Raises:
        PydanticCustomError: Says what is there.
    """
    found = re.findall(r"\[(\w+)\]", text)
    if text != " > ".join(f"[{one}]" for one in found) or not found:
        raise fault(field, repr(text[:60]), "identifiers in brackets with ` > ` between, no prose")
    letters = found[0].isalpha()
    expected = list(_LETTERS) if letters else [str(n) for n in range(1, len(found) + 1)]
    expected = expected[: len(found)]
    if sorted(found) != sorted(expected):
        last = expected[-1]
        raise fault(field, " ".join(found), f"each of {expected[0]} to {last} once, without a gap")


def answer(field: str, text: str) -> None:
    """Refuse what is no `ranking`, and has none inside `<answer>` either.

    Raises:
        PydanticCustomError: Says what is there.
    """
    inside = _ANSWER.search(text)
    ranking(field, inside[1].strip() if inside else text)


def places(field: str, order: Sequence[int], documents: int) -> None:
    """Refuse what is no order of the places from 1 to the number of documents.

    Raises:
        PydanticCustomError: Says what is there.
    """
    if sorted(order) != list(range(1, documents + 1)):
        raise fault(field, str(list(order))[:60], f"each place from 1 to {documents} once")


def graded(field: str, text: str, documents: int) -> None:
    """Refuse what is no JSON object with a grade for each of `[1]`, `[2]` and so on.

    Raises:
        PydanticCustomError: Says what is there.
    """
    try:
        grades = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise fault(field, repr(text[:60]), "JSON") from error
    if not isinstance(grades, dict) or not all(map(_IDENTIFIER.fullmatch, grades)):
        raise fault(field, repr(text[:60]), 'an object of identifiers such as "[1]"')
    places(field, [int(name[1:-1]) for name in grades], documents)
    for name, grade in grades.items():
        if not isinstance(grade, int) or grade < 0:
            raise fault(f"{field}.{name}", repr(grade), "a whole grade from 0")
