"""The parts of a document around one of them."""

from itertools import pairwise

_NEAR = 40


def around(text: str, start: int, end: int) -> tuple[str, ...]:
    """What stands before and after a part, cut at words into pieces no longer than about the part.

    Of a document of three equal segments these are the two others.

    Args:
        text: The document.
        start: First character of the part.
        end: One past its last.
    """
    size = max(end - start, 1)
    return tuple(piece for rest in (text[:start], text[end:]) for piece in _cut(rest, size))


def _cut(text: str, size: int) -> list[str]:
    """Equal pieces, as many as come nearest to `size`; a word is not divided."""
    many = max(1, round(len(text) / size))
    inside = (_word_start(text, len(text) * number // many) for number in range(1, many))
    cuts = pairwise(sorted([0, *inside, len(text)]))
    return [piece for start, end in cuts if (piece := text[start:end].strip())]


def _word_start(text: str, at: int) -> int:
    """The beginning of the word that `at` divides, if it is near."""
    found = text.rfind(" ", max(0, at - _NEAR), at + 1)
    return at if found < 0 else found
