"""Orders in which a candidate list is shown to a teacher."""

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

Presentation = Literal["retrieved", "reversed", "random", "balanced"]
FIXED = frozenset({"retrieved", "reversed"})
"""Presentations that show every trial the same order."""


def present(
    docids: Sequence[str], presentation: Presentation, *, seed: str, trial: int, block: int
) -> tuple[str, ...]:
    """Order a candidate list for one trial.

    `retrieved` shows the list as it is in every trial, `reversed` from its end; `random` shuffles
    each trial anew. `balanced` makes blocks of trials: for each block the list is shuffled and
    cut into as many parts as the block has trials, and every part stands in every place of the
    list once. The rows are those of Williams' square, so that in blocks of even size each part
    also follows each other part once, and what is in a part is reversed in every second trial.
    Over a block of even size a bias that is linear in the place cancels; a block of two shows an
    order and its reverse.

    Paper: Williams, "Experimental Designs Balanced for the Estimation of Residual Effects of
    Treatments", Australian Journal of Chemistry 1949.

    Args:
        docids: The list as retrieved, best first.
        presentation: As above.
        seed: Names the list; trials of one list share it.
        trial: Counted from 0.
        block: Trials that balance each other.
    """
    match presentation:
        case "retrieved":
            return tuple(docids)
        case "reversed":
            return tuple(reversed(docids))
        case "random":
            return _shuffled(tuple(docids), f"{seed}/{trial}")
        case "balanced":
            parts = max(min(block, len(docids)), 1)
            order = _shuffled(tuple(docids), f"{seed}/{trial // parts}")
            return _williams(order, parts, trial % parts)


def _williams(order: Sequence[str], parts: int, row: int) -> tuple[str, ...]:
    """One row of Williams' square over the parts of a list."""
    shown: list[str] = []
    for place in range(parts):
        step = (place + 1) // 2 if place % 2 else -(place // 2)
        part = (row + step) % parts
        inside = order[part * len(order) // parts : (part + 1) * len(order) // parts]
        shown += reversed(inside) if row % 2 else inside
    return tuple(shown)


@lru_cache(maxsize=64)
def _shuffled(docids: tuple[str, ...], seed: str) -> tuple[str, ...]:
    return tuple(random.Random(seed).sample(docids, len(docids)))
