"""Orders in which a candidate list is shown to a teacher."""

import random
from collections.abc import Sequence
from typing import Literal

Presentation = Literal["retrieved", "random", "balanced"]


def present(
    docids: Sequence[str], presentation: Presentation, *, seed: str, trial: int, trials: int
) -> tuple[str, ...]:
    """Order a candidate list for one trial.

    Args:
        docids: The list as retrieved, best first.
        presentation: `retrieved` shows that order in every trial; `random` shuffles each trial
            anew; `balanced` shuffles once and rotates by an equal part of the list from trial to
            trial, so that every document stands in every part of the list equally often.
        seed: Names the list; trials of one list share it.
        trial: Counted from 0.
        trials: How many there are.
    """
    if presentation == "retrieved":
        return tuple(docids)
    draw = seed if presentation == "balanced" else f"{seed}/{trial}"
    order = list(docids)
    random.Random(draw).shuffle(order)
    if presentation == "balanced":
        start = trial * len(order) // trials
        order = order[start:] + order[:start]
    return tuple(order)
