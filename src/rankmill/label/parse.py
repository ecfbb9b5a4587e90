"""Replies in text, read strictly.

Where a text has an ``<answer>…</answer>`` at its end, what stands before that is thought, not
answer. Nothing is invented: a reply that omits, repeats or makes up what it was asked for, says
anything besides, or was cut short comes back as `Malformed`.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from rankmill.readings import Choice, Malformed, Permutation, Score, Scores
from rankmill.records import Reply

_RANKING = re.compile(r"\[\d{1,4}\](\s*>\s*\[\d{1,4}\])*")
_IDENTIFIER = re.compile(r"\[(\d{1,4})\]")
_ANSWER = re.compile(r".*<answer>(.*)</answer>", re.DOTALL)
_FENCE = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)
_LABEL = re.compile(r"(?:(?:passage|document)\s+)?\[?([A-Z]|\d{1,4})\]?\.?", re.IGNORECASE)
_SELECTION = re.compile(r"(.*)\bselection:\s*\[?((?:[^\[\]]|\[\d+\])*)\]?\s*", re.DOTALL | re.I)
_NAMED = re.compile(r"(?:(?:passage|document)[\s-]*)?\[?(\d{1,4})\]?", re.IGNORECASE)
_NONE = "none"
_EXCERPT = 80


def parse_permutation(
    reply: Reply, shown: Sequence[str], *, repair: bool = False
) -> Permutation | Malformed:
    """Read a listwise reply such as ``[2] > [1] > [3]`` back into docids.

    Identifiers are positions in `shown`, counted from 1. With `repair`, what RankGPT does is
    done, and said: every number is an identifier, repeated and unknown ones are dropped, and
    missing ones follow in the order shown.
    """
    text = _answer(reply, may_end=not repair)
    if isinstance(text, Malformed):
        return text
    if repair:
        return _repaired(text, shown)
    if not _RANKING.fullmatch(text):
        return _no(reply, "not_a_ranking", text)
    places = [int(digits) for digits in _IDENTIFIER.findall(text)]
    if fault := _wrong_places(places, len(shown), text):
        return fault
    if len(places) < len(shown):
        return Malformed(reason="incomplete", detail=f"{len(places)} of {len(shown)}")
    return Permutation(shown=tuple(shown), ranked=tuple(shown[place - 1] for place in places))


def _repaired(text: str, shown: Sequence[str]) -> Permutation | Malformed:
    """Sun et al., "Is ChatGPT Good at Search?", EMNLP 2023: what their released code does."""
    said = [int(digits) for digits in re.findall(r"\d{1,4}", text)]
    kept = [place for place in dict.fromkeys(said) if 1 <= place <= len(shown)]
    if not kept:
        return Malformed(reason="not_a_ranking", detail=_excerpt(text))
    missing = [place for place in range(1, len(shown) + 1) if place not in kept]
    ranked = tuple(shown[place - 1] for place in kept + missing)
    changed = len(said) - len(kept), len(missing)
    words = f"{changed[0]} dropped, {changed[1]} appended" if any(changed) else ""
    return Permutation(shown=tuple(shown), ranked=ranked, repair=words)


def parse_label(reply: Reply, shown: Sequence[str], labels: Sequence[str]) -> Choice | Malformed:
    """Read the one label, such as ``[3]``, ``B`` or ``Passage B``, of a document of `shown`."""
    text = _answer(reply)
    if isinstance(text, Malformed):
        return text
    match = _LABEL.fullmatch(text)
    if not match:
        return _no(reply, "not_a_label", text)
    label = match.group(1).upper()
    if label not in labels:
        return Malformed(reason="unknown_identifier", detail=_excerpt(text))
    return Choice(shown=tuple(shown), chosen=(shown[labels.index(label)],))


def parse_selection(reply: Reply, shown: Sequence[str]) -> Choice | Malformed:
    """Read a reply that ends with ``My selection: [1], [3]``, or ``My selection: none``.

    What stands before it, such as the answer to the query, is not read.
    """
    text = _answer(reply)
    if isinstance(text, Malformed):
        return text
    match = _SELECTION.fullmatch(text)
    if not match:
        return _no(reply, "not_a_selection", text)
    named = match.group(2).strip().rstrip(".")
    parts = [] if named.casefold() == _NONE else [part.strip() for part in named.split(",")]
    found = [_NAMED.fullmatch(part) for part in parts]
    places = [int(one.group(1)) for one in found if one]
    if len(places) < len(parts):
        return _no(reply, "not_a_selection", named)
    if fault := _wrong_places(places, len(shown), named):
        return fault
    return Choice(shown=tuple(shown), chosen=tuple(shown[place - 1] for place in places))


def parse_grade(reply: Reply, docid: str, highest: int) -> Score | Malformed:
    """Read one integer from 0 to `highest`."""
    text = _answer(reply)
    if isinstance(text, Malformed):
        return text
    if not re.fullmatch(r"-?\d{1,9}", text):
        return _no(reply, "not_a_grade", text)
    if not 0 <= int(text) <= highest:
        return Malformed(reason="out_of_range", detail=f"{_excerpt(text)} of 0 to {highest}")
    return Score(docid=docid, value=float(text))


def parse_grades(reply: Reply, shown: Sequence[str], highest: int) -> Scores | Malformed:
    """Read a JSON object ``{"[1]": 7, …}`` with a number from 0 to `highest` for every document."""
    text = _answer(reply)
    if isinstance(text, Malformed):
        return text
    fenced = _FENCE.fullmatch(text)
    try:
        grades = json.loads(fenced.group(1) if fenced else text, object_pairs_hook=list)
        named = [(_NAMED.fullmatch(name), value) for name, value in _pairs(grades)]
        numbers = [float(value) for _, value in named if type(value) in {int, float}]
    except (ValueError, RecursionError, OverflowError):
        return _no(reply, "not_grades", text)
    places = [int(name.group(1)) for name, _ in named if name]
    if not places or len(places) < len(named) or len(numbers) < len(named):
        return Malformed(reason="not_grades", detail=_excerpt(text))
    if fault := _wrong_places(places, len(shown), text):
        return fault
    if len(places) < len(shown):
        return Malformed(reason="incomplete", detail=f"{len(places)} of {len(shown)}")
    if not all(0 <= number <= highest for number in numbers):
        return Malformed(reason="out_of_range", detail=f"{_excerpt(text)} of 0 to {highest}")
    by_place = dict(zip(places, numbers, strict=True))
    ordered = tuple(by_place[place] for place in range(1, len(shown) + 1))
    return Scores(shown=tuple(shown), values=ordered)


def _pairs(parsed: object) -> list[tuple[str, Any]]:
    """The pairs of a JSON object read with repeated keys kept; of anything else, none."""
    if isinstance(parsed, list) and all(isinstance(pair, tuple) for pair in parsed):
        return parsed
    return []


def _answer(reply: Reply, *, may_end: bool = False) -> str | Malformed:
    """What there is to read. With `may_end`, what it says will show whether it was cut short."""
    if reply.fault:
        return reply.fault
    text, marked = _ANSWER.subn(r"\1", reply.text)
    if reply.finish_reason == "length" and not marked and not may_end and text.strip():
        return Malformed(reason="cut_short", detail=_excerpt(text))
    return text.strip() or Malformed(reason="empty")


def _no(reply: Reply, reason: Any, text: str) -> Malformed:  # noqa: ANN401 - Malformed's Literal
    cut = reply.finish_reason == "length"
    return Malformed(reason="cut_short" if cut else reason, detail=_excerpt(text))


def _wrong_places(places: Sequence[int], count: int, text: str) -> Malformed | None:
    if len(set(places)) < len(places):
        return Malformed(reason="repeated", detail=_excerpt(text))
    if not set(places) <= set(range(1, count + 1)):
        return Malformed(reason="unknown_identifier", detail=_excerpt(text))
    return None


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _EXCERPT else flat[: _EXCERPT - 1] + "…"
