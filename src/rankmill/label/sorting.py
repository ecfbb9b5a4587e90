"""Sorting by questions: the best of a list, found by picking the best of a few at a time."""

from collections.abc import Callable, Generator, Sequence
from typing import Any

Pick = Callable[[Sequence[str]], Generator[Any, Any, str]]
"""Names the best of a few documents, asking as it must; the first is to win when undecided."""


def best_of_heap(
    docids: Sequence[str], k: int, *, children: int, pick: Pick
) -> Generator[Any, Any, list[str]]:
    """The best `k` documents, in order, off a heap whose nodes have `children` children."""
    heap, size = list(docids), len(docids)

    def sift(node: int) -> Generator[Any, Any, None]:
        while below := range(children * node + 1, min(children * (node + 1) + 1, size)):
            winner = yield from pick([heap[node], *(heap[child] for child in below)])
            place = heap.index(winner)
            if place == node:
                return
            heap[node], heap[place] = heap[place], heap[node]
            node = place

    for node in reversed(range((size - 2) // children + 1)):
        yield from sift(node)
    best: list[str] = []
    while size and len(best) < k:
        best.append(heap[0])
        size -= 1
        heap[0], heap[size] = heap[size], heap[0]
        if len(best) < k:
            yield from sift(0)
    return best


def best_by_bubbling(
    docids: Sequence[str], k: int, *, few: int, pick: Pick
) -> Generator[Any, Any, list[str]]:
    """The best `k` documents, in order: the best of every `few` moves up, `k` times over."""
    order = list(docids)
    for top in range(min(k, len(order) - 1)):
        end = len(order)
        while end - top > 1:
            start = max(end - few, top)
            winner = yield from pick(order[start:end])
            place = order.index(winner)
            order[start], order[place] = order[place], order[start]
            end = start + 1
    return order[:k]


def sorted_calls(depth: int, k: int, *, children: int) -> int:
    """Picks that `best_of_heap` makes at most."""

    def height(node: int, size: int) -> int:
        levels = 0
        while (node := children * node + 1) < size:
            levels += 1
        return levels

    build = sum(height(node, depth) for node in range((depth - 2) // children + 1))
    take = sum(height(0, depth - taken) for taken in range(1, min(k, depth)))
    return build + take
