"""This file holds a model to something: it may only write what can still become that."""

from collections.abc import Callable

import numpy as np

from rankmill.teachers._llama_cpp import Logits, Model

_LIKELY = 64


def held_to(
    ways: Callable[[str], list[str]], choose: Callable[[Logits, bytes], int], model: Model
) -> Callable[[Logits, bytes], int]:
    """Choose among the tokens that keep what is written the beginning of something allowed.

    Args:
        ways: How a text may go on; empty when it may not.
        choose: Chooses among the tokens that are left.
        model: Whose tokens they are.
    """

    def fits(token: int, written: bytes) -> bool:
        piece = model.piece(token, special=False)
        text = (written + piece).decode(errors="replace")
        return bool(piece) and bool(ways(text))

    def held(logits: Logits, written: bytes) -> int:
        likely = set(np.argpartition(logits, -_LIKELY)[-_LIKELY:].tolist())
        for ending in ways(written.decode()):
            likely.add(model.tokenize(ending, special=False)[0])
        allowed = [token for token in likely if fits(token, written)]
        only = np.full_like(logits, -np.inf)
        only[allowed] = logits[allowed]
        return choose(only, written)

    return held
