"""How much of a text or a number goes into the page."""

_TEXT, _SHORTEST = 24_000_000, 120


def within(texts: int, *, most: int) -> int:
    """How long so many texts may be, in characters: `most`, less where a page would grow heavy."""
    return min(most, max(_SHORTEST, _TEXT // max(texts, 1)))


def cut(text: str, limit: int) -> str:
    """The beginning of a text."""
    return text if len(text) <= limit else f"{text[: limit - 2].rstrip()} …"


def rounded(value: float | None) -> float | None:
    """Three digits: as much as a person reads."""
    return None if value is None else float(f"{value:.3g}")
