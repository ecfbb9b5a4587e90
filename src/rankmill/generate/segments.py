"""The part of a document that is to answer a query, with as much around it as there is room for."""

from typing import NamedTuple

from rankmill.generate.writing import Seed
from rankmill.prompts import as_data


class Marked(NamedTuple):
    """A document in three parts, as a prompt has them; all of it is `target` without a segment."""

    before: str
    target: str
    after: str


def marked(seed: Seed, limit: int) -> Marked:
    """Cut a seed's document at its segment; at most about `limit` characters are left.

    The segment comes first when there is too little room, then what stands before it and after
    it, half each.
    """
    text = seed.document.text
    if seed.start is None or seed.end is None:
        return Marked("", as_data(text, limit=limit), "")
    target = as_data(text[seed.start : seed.end], limit=limit)
    room = max(limit - len(target), 0) // 2
    before, after = text[: seed.start], text[seed.end :]
    if len(before) > room:
        _, _, before = before[len(before) - room :].partition(" ")
    around = (
        as_data(part, limit=room) if room and part.strip() else "" for part in (before, after)
    )
    return Marked(next(around), target, next(around))
