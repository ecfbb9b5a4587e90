"""What plans make of readings: an order of documents, or the best of them."""

from collections.abc import Sequence

from rankmill.readings import Choice, Permutation, Reading, Scores
from rankmill.records import Ranking


def ordered(reading: Reading) -> Sequence[str]:
    """The documents of a reading, best first; equal scores keep the order shown.

    Raises:
        TypeError: The reading orders nothing.
    """
    match reading:
        case Permutation(ranked=ranked):
            return ranked
        case Scores(shown=shown):
            scores = reading.by_docid
            return sorted(shown, key=lambda docid: -scores[docid])
        case _:
            raise TypeError(f"expected an order of documents, found {reading}")


def best(reading: Reading) -> str:
    """The document that a reading puts first.

    Raises:
        TypeError: The reading compares nothing.
    """
    match reading:
        case Permutation(ranked=ranked):
            return ranked[0]
        case Choice() | Scores():
            return reading.best
        case _:
            raise TypeError(f"expected a comparison of documents, found {reading}")


def ranking_of(reading: Reading) -> Ranking:
    """The ranking that one reading of a whole list amounts to; what was not chosen ties."""
    match reading:
        case Permutation(ranked=ranked):
            return Ranking.in_order(ranked)
        case Scores():
            return Ranking.by_score(reading.by_docid)
        case Choice(shown=shown, chosen=chosen):
            return Ranking.by_score({docid: float(docid in chosen) for docid in shown})
        case _:
            raise TypeError(f"expected a reading of a list, found {reading}")
