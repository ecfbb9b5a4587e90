"""What a decoder that is held to something may still write."""

import re
from collections.abc import Sequence

_BETWEEN = " > "


def is_permutation(text: str, count: int) -> bool:
    """Whether `text` names the identifiers [1] to [`count`] once each, best first."""
    wanted = {f"[{place}]" for place in range(1, count + 1)}
    named = text.split(_BETWEEN)
    return len(named) == count and set(named) == wanted


def endings(text: str, count: int) -> list[str]:
    """How `text` may go on to the end of one more identifier of a permutation of `count`.

    Empty when `text` is not the beginning of a permutation of the identifiers [1] to [`count`].
    """
    left = [f"[{place}]" for place in range(1, count + 1)]
    *named, last = text.split(_BETWEEN)
    for identifier in named:
        if identifier not in left:
            return []
        left.remove(identifier)
    follows = _BETWEEN if len(left) > 1 else ""
    whole = [identifier + follows for identifier in left]
    return [one.removeprefix(last) for one in whole if one.startswith(last)]


def sequence(places: Sequence[int]) -> str:
    """A regular expression of as many identifiers as there are `places`, each of them any.

    The first bracket is left out, so that what comes before can end with it. No regular
    expression of a bearable length forbids that an identifier repeats; see `unrepeated`.
    """
    one = "|".join(map(str, places))
    return rf"({one})\]( > \[({one})\]){{{len(places) - 1}}}"


def unrepeated(text: str) -> list[int]:
    """The identifiers that `text` names in order, up to the first that repeats or is cut short."""
    found: list[int] = []
    for digits in re.findall(r"\[(\d+)\]", text):
        if int(digits) in found:
            break
        found.append(int(digits))
    return found


def written(places: Sequence[int]) -> str:
    """Identifiers as a ranking."""
    return _BETWEEN.join(f"[{place}]" for place in places)


def apart(choices: Sequence[str]) -> bool:
    """Whether no choice begins another, so that each is known to be whole when it is written."""
    return bool(choices) and not any(
        other != one and other.startswith(one) for one in choices for other in choices
    )
