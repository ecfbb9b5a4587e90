"""This file holds a model to permutations: it may only write what can still become one."""

from collections.abc import Callable

import numpy as np

from rankmill.teachers._llama_cpp import Logits, Model

_BETWEEN = " > "
_LIKELY = 64


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


def held_to_permutation(
    choose: Callable[[Logits, bytes], int], model: Model, count: int
) -> Callable[[Logits, bytes], int]:
    """Choose among the tokens that keep what is written a permutation's beginning."""

    def fits(token: int, written: bytes) -> bool:
        piece = model.piece(token, special=False)
        text = (written + piece).decode(errors="replace")
        return bool(piece) and bool(endings(text, count))

    def held(logits: Logits, written: bytes) -> int:
        likely = set(np.argpartition(logits, -_LIKELY)[-_LIKELY:].tolist())
        for ending in endings(written.decode(), count):
            likely.add(model.tokenize(ending, special=False)[0])
        allowed = [token for token in likely if fits(token, written)]
        only = np.full_like(logits, -np.inf)
        only[allowed] = logits[allowed]
        return choose(only, written)

    return held
