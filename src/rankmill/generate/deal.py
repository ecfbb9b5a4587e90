"""Quotas of a grid, dealt out exactly, evenly and by seed."""

import random
from collections.abc import Mapping, Sequence
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field

T = TypeVar("T")


def _weighed(value: object) -> object:
    """A list names values of equal weight."""
    return dict.fromkeys(value, 1.0) if isinstance(value, list | tuple) else value


Axis = Annotated[
    dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]], BeforeValidator(_weighed)
]
"""The values that queries share out among them, and the weight of each."""


def quotas(weights: Mapping[str, float], total: int, seed: int) -> dict[str, int]:
    """Shares of `total` in proportion to weights, by largest remainders; ties are settled by seed.

    Every share is its exact one, rounded up or down.
    """
    names = sorted(weights)
    random.Random(f"quotas {seed}").shuffle(names)
    whole = sum(weights.values())
    exact = {name: total * weights[name] / whole for name in names}
    shares = {name: int(exact[name]) for name in names}
    by_remainder = sorted(names, key=lambda name: shares[name] - exact[name])
    for name in by_remainder[: total - sum(shares.values())]:
        shares[name] += 1
    return shares


def spread(shares: Mapping[str, int]) -> list[str]:
    """Every name as often as its share says, each as evenly along the list as can be."""
    places = [
        ((copy + 0.5) / share, name) for name, share in shares.items() for copy in range(share)
    ]
    return [name for _, name in sorted(places)]


def cells(axes: Sequence[Mapping[str, float]], total: int, seed: int) -> list[tuple[str, ...]]:
    """`total` cells of a grid, sorted, with exact quotas along every axis.

    Each axis is dealt out evenly along the cells that those before it have made, so that a value
    has its share not only of the whole but, within about one, of each cell. An axis without
    values gives "".
    """
    made: list[tuple[str, ...]] = [()] * total
    for axis in axes:
        values = spread(quotas(axis, total, seed)) if axis else [""] * total
        made = sorted((*cell, value) for cell, value in zip(made, values, strict=True))
    return made


def deal(cards: Sequence[T], hands: int, seed: int) -> list[list[T]]:
    """Give as many cards to each of `hands` hands, in random order.

    The cards of one hand stand far apart in `cards`, so that where these are sorted, a hand holds
    the same card twice only where there are more of it than hands.
    """
    order = list(range(hands))
    random.Random(f"deal {seed}").shuffle(order)
    return [[cards[start + hand] for start in range(0, len(cards), hands)] for hand in order]
