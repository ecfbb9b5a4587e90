"""Position bias: what a place in the prompt does to the rank that a document gets."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rankmill.agreement import tau_b
from rankmill.readings import Choice, Permutation, Reading, Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionBias:
    """What a view's readings show, where they compare several documents.

    Attributes:
        readings: How many there are.
        tau: Mean Kendall's tau-b between the order shown and the order found, in [-1, 1]. Where
            the orders shown owe nothing to relevance, an unbiased teacher has 0; one that copies
            its prompt has 1.
        displacement: For every place, from the first, by how many ranks the documents shown
            there end up higher (above 0) or lower than the middle of the list, on average; from
            the readings of the commonest length.
        errors: Standard errors of `displacement`.
    """

    readings: int
    tau: float
    displacement: tuple[float, ...]
    errors: tuple[float, ...]


def position_bias(readings: Iterable[Reading | None]) -> PositionBias | None:
    """Measure the bias of readings; None when none of them compares documents.

    A choice ranks what was chosen, as a tie, above the rest.
    """
    by_length: defaultdict[int, list[list[float]]] = defaultdict(list)
    for reading in readings:
        if (scores := _in_the_order_shown(reading)) and len(set(scores)) > 1:
            by_length[len(scores)].append(scores)
    if not by_length:
        return None
    taus = [_against_places(np.array(rows)) for rows in by_length.values()]
    _, rows = max(by_length.items(), key=lambda item: (len(item[1]), item[0]))
    climbed = _climbed(np.array(rows))
    return PositionBias(
        readings=sum(map(len, by_length.values())),
        tau=float(np.concatenate(taus).mean()),
        displacement=tuple(climbed.mean(axis=0).tolist()),
        errors=tuple((climbed.std(axis=0) / len(climbed) ** 0.5).tolist()),
    )


def _in_the_order_shown(reading: Reading | None) -> list[float]:
    match reading:
        case Permutation(shown=shown, ranked=ranked):
            rank = {docid: place for place, docid in enumerate(ranked)}
            return [-float(rank[docid]) for docid in shown]
        case Scores(values=values):
            return list(values)
        case Choice(shown=shown, chosen=chosen):
            return [float(docid in chosen) for docid in shown]
        case _:
            return []


def _against_places(scores: np.ndarray) -> np.ndarray:
    """Tau-b of each row, shape (readings, places), with the order shown."""
    shown = np.broadcast_to(-np.arange(scores.shape[1], dtype=float), scores.shape)
    return tau_b(np.stack([shown, scores], axis=1))


def _climbed(scores: np.ndarray) -> np.ndarray:
    """Ranks above the middle of the list, ties in the middle of their span; shape as given."""
    above = (scores[:, None, :] > scores[:, :, None]).sum(axis=2)
    equal = (scores[:, None, :] == scores[:, :, None]).sum(axis=2)
    midrank = above + (equal + 1) / 2
    climbed: np.ndarray = (scores.shape[1] + 1) / 2 - midrank
    return climbed
