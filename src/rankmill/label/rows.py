"""Readings as cells of the table of judgments, and back."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rankmill.label.plans import Asked, Refused
from rankmill.readings import Choice, Malformed, Permutation, Reading, Score, Scores

REPAIRED = "repaired"
"""How the detail of a valid judgment begins whose reply was repaired."""


class Cells(NamedTuple):
    """What a judgment says of its outcome."""

    ranked: list[str] | None = None
    scores: list[float] | None = None
    status: str = "valid"
    detail: str = ""


def cells(asked: Asked) -> Cells:
    """The cells of an outcome. A choice ranks fewer documents than were shown."""
    match asked.outcome:
        case Permutation(ranked=ranked, repair=repair):
            return Cells(ranked=list(ranked), detail=f"{REPAIRED}: {repair}" if repair else "")
        case Choice(chosen=chosen):
            return Cells(ranked=list(chosen))
        case Score(value=value):
            return Cells(scores=[value])
        case Scores(values=values):
            return Cells(scores=list(values))
        case Malformed(reason=reason, detail=words):
            said = f"{reason}: {words}" if words else reason
            return Cells(status="asked_again" if asked.again else "malformed", detail=said)
        case Refused(detail=words):
            return Cells(status="refused", detail=words)


def reading(row: Mapping[str, Any]) -> Reading | None:
    """The reading that a judgment holds, or None when it is not valid."""
    if row["status"] != "valid":
        return None
    shown = tuple(row["shown"])
    match row["question"]:
        case "rank":
            return Permutation(shown=shown, ranked=tuple(row["ranked"]))
        case "choose":
            return Choice(shown=shown, chosen=tuple(row["ranked"]))
        case "grade":
            return Scores(shown=shown, values=tuple(row["scores"]))
        case _:
            return Score(docid=shown[0], value=row["scores"][0])
