"""Contradictions between pairwise judgments."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from rankmill.label.order import best
from rankmill.readings import Choice, Reading, Scores


def cyclic_share(lists: Iterable[Sequence[Reading | None]]) -> float | None:
    """The share of triads that are circular: a beats b, b beats c, and c beats a.

    A document beats another when every comparison of the two says so. Triads with a pair that was
    not compared, or whose orders disagree, do not count.

    Args:
        lists: The readings of each trial of each list.

    Returns:
        Between 0 and 1, 1/4 where every pair is decided by chance; None without a whole triad.

    Paper: Kendall & Babington Smith, "On the Method of Paired Comparisons", Biometrika 1940.
    """
    circular = whole = 0
    for readings in lists:
        beats = _beats(readings)
        docids = sorted({docid for pair in beats for docid in pair})
        for triad in combinations(docids, 3):
            wins = Counter(beats.get(pair) for pair in combinations(triad, 2))
            if None not in wins:
                whole += 1
                circular += len(wins) == 3
    return circular / whole if whole else None


def _beats(readings: Sequence[Reading | None]) -> Mapping[tuple[str, ...], str]:
    """The winner of every pair whose comparisons agree, by the pair in order."""
    named: dict[tuple[str, ...], set[str]] = {}
    for reading in readings:
        if isinstance(reading, Choice | Scores) and len(reading.shown) == 2:
            named.setdefault(tuple(sorted(reading.shown)), set()).add(best(reading))
    return {pair: winners.pop() for pair, winners in named.items() if len(winners) == 1}
