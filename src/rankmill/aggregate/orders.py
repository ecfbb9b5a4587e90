"""Search for the best order of a few documents under a matrix of pairwise gains.

Gains have shape (lists, documents, documents); orders have shape (lists, documents), best first.
What differs by rounding only counts as equal, and falls to the order of the columns.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from rankmill.aggregate.votes import Floats

Orders = NDArray[np.intp]

_DIGITS, _LEAST, _ROOM = 9, 1e-9, 1 << 21


def bordas(wins: Floats) -> Orders:
    """The orders of Borda's count, to start from."""
    return np.argsort(-wins.sum(axis=-1).round(_DIGITS), axis=-1, kind="stable")


def best_sums(gains: Floats) -> Orders:
    """The orders with the largest sum of gains[i, j] over all i before j.

    Dynamic programming over the sets that may come first: exact, and exponential in documents.
    """
    n = gains.shape[-1]
    return _in_blocks(_best_sums, gains, n << n)


def best_paths(gains: Floats) -> Orders:
    """The orders with the largest sum of gains[i, j] over all j right after i; the same way.

    Paper: Held & Karp, "A Dynamic Programming Approach to Sequencing Problems", 1962.
    """
    n = gains.shape[-1]
    return _in_blocks(_best_paths, gains, n * n << n)


def climbed_sums(starts: Orders, gains: Floats) -> Orders:
    """Orders from which moving any one document elsewhere does not add to the sum over pairs."""
    lead = gains - gains.transpose(0, 2, 1)
    moves = _exchanges(gains.shape[-1], 1)
    i, j, k = moves.T

    def gained(lists: Orders, orders: Orders) -> Floats:
        ranked = lead[lists[:, None, None], orders[:, :, None], orders[:, None, :]]
        sums = np.pad(ranked, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
        added: Floats = sums[:, i, k] + sums[:, j, j] - sums[:, j, k] - sums[:, i, j]
        return added

    return _climbed(starts, moves, gained)


def climbed_paths(starts: Orders, gains: Floats) -> Orders:
    """Orders from which moving up to three neighbours elsewhere does not add to the path (Or-opt).

    Paper: Or, "Traveling Salesman-Type Combinatorial Problems", Northwestern University 1976.
    """
    n = gains.shape[-1]
    steps = np.pad(gains, ((0, 0), (0, 1), (0, 1)))  # a path may begin and end anywhere
    moves = _exchanges(n, 3)
    i, j, k = moves.T

    def gained(lists: Orders, orders: Orders) -> Floats:
        ends = np.full((len(orders), 1), n)
        before, after = np.hstack([ends, orders]), np.hstack([orders, ends])
        edges = steps[lists[:, None, None], before[:, :, None], after[:, None, :]]
        joined = edges[:, i, j] + edges[:, k, i] + edges[:, j, k]
        added: Floats = joined - edges[:, i, i] - edges[:, j, j] - edges[:, k, k]
        return added

    return _climbed(starts, moves, gained)


def as_scores(orders: Orders) -> Floats:
    """The number of documents that each is placed above, shape (lists, documents)."""
    scores = np.empty(orders.shape)
    falling = np.arange(orders.shape[1] - 1, -1, -1.0)
    np.put_along_axis(scores, orders, np.broadcast_to(falling, orders.shape), axis=1)
    return scores


def _best_sums(gains: Floats) -> Orders:
    lists, n, _ = gains.shape
    value, came = np.zeros((lists, 1 << n)), np.zeros((lists, 1 << n), dtype=np.intp)
    for sets, members in _layers(n):
        outside = 1.0 - (sets[:, None] >> np.arange(n) & 1)
        last = np.take_along_axis(outside @ gains.transpose(0, 2, 1), members[None], axis=2)
        reached = (value[:, sets[:, None] ^ 1 << members] + last).round(_DIGITS)
        choice = reached.argmax(axis=-1)
        value[:, sets] = reached.max(axis=-1)
        came[:, sets] = members[np.arange(len(sets)), choice]
    rows, placed = np.arange(lists), np.full(lists, (1 << n) - 1)
    orders = np.empty((lists, n), dtype=np.intp)
    for place in reversed(range(n)):
        orders[:, place] = came[rows, placed]
        placed ^= 1 << orders[:, place]
    return orders


def _best_paths(gains: Floats) -> Orders:
    lists, n, _ = gains.shape
    value = np.full((lists, 1 << n, n), -np.inf)
    came = np.zeros((lists, 1 << n, n), dtype=np.int8)
    steps = gains.transpose(0, 2, 1)
    for sets, members in _layers(n):
        if members.shape[1] == 1:
            value[:, sets, members[:, 0]] = 0
            continue
        reached = value[:, sets[:, None] ^ 1 << members] + steps[:, members]
        value[:, sets[:, None], members] = reached.max(axis=-1)
        came[:, sets[:, None], members] = _last_best(reached)
    rows, seen = np.arange(lists), np.full(lists, (1 << n) - 1)
    orders = np.empty((lists, n), dtype=np.intp)
    orders[:, -1:] = _last_best(value[:, -1])[:, None]
    for place in reversed(range(n - 1)):
        last = orders[:, place + 1]
        orders[:, place] = came[rows, seen, last]
        seen ^= 1 << last
    return orders


def _last_best(values: Floats) -> Orders:
    """Where the largest value stands, the last of equals."""
    backwards = values[..., ::-1].round(_DIGITS)
    found: Orders = values.shape[-1] - 1 - backwards.argmax(axis=-1)
    return found


def _layers(n: int) -> Iterator[tuple[Orders, Orders]]:
    """Sets of 1, 2, … n documents as bits, and what is in each, last column first."""
    every = np.arange(1 << n)
    sizes = np.bitwise_count(every)
    for size in range(1, n + 1):
        sets = every[sizes == size]
        backwards = np.nonzero(sets[:, None] >> np.arange(n - 1, -1, -1) & 1)[1]
        yield sets, (n - 1 - backwards).reshape(-1, size)


def _exchanges(n: int, longest: int) -> Orders:
    """Cuts i < j < k between which neighbouring stretches change places, one at most `longest`."""
    cuts = np.array(
        [
            (i, j, k)
            for i in range(n)
            for j in range(i + 1, n)
            for k in range(j + 1, n + 1)
            if min(j - i, k - j) <= longest
        ]
    )
    return cuts.reshape(-1, 3)


def _climbed(starts: Orders, moves: Orders, gained: Callable[[Orders, Orders], Floats]) -> Orders:
    """Make the move that gains most, in every list, until none gains."""

    def block(lists: Orders) -> Orders:
        orders = starts[lists]
        climbing = np.arange(len(lists))
        while len(climbing) and len(moves):
            gains = gained(lists[climbing], orders[climbing]).round(_DIGITS)
            higher = gains.max(axis=1) > _LEAST
            climbing, chosen = climbing[higher], moves[gains.argmax(axis=1)[higher]]
            orders[climbing] = _exchanged(orders[climbing], chosen)
        return orders

    return _in_blocks(block, np.arange(len(starts)), len(moves))


def _exchanged(orders: Orders, moves: Orders) -> Orders:
    i, j, k = moves.T[:, :, None]
    place = np.arange(orders.shape[1])
    forth = np.where((i <= place) & (place < j), k - j, 0)
    back = np.where((j <= place) & (place < k), j - i, 0)
    return np.take_along_axis(orders, np.argsort(place + forth - back, axis=1), axis=1)


def _in_blocks(search: Callable[..., Orders], lists: NDArray[np.generic], each: int) -> Orders:
    """Search some lists at a time, where one takes arrays of `each` numbers."""
    parts = np.array_split(lists, max(1, -(-len(lists) * each // _ROOM)))
    return np.concatenate([search(part) for part in parts])
