"""How much rankings of the same list agree."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from statistics import mean

from rankmill.records import Ranking


def kendall_tau(left: Sequence[str], right: Sequence[str]) -> float:
    """Kendall's tau of two orderings of the same docids, without ties, in [-1, 1].

    1 is the same order, -1 the reverse, 0 what two random orders give on average. Fewer than two
    docids give 1.

    Paper: Kendall, "A New Measure of Rank Correlation", Biometrika 1938.
    """
    place = {docid: rank for rank, docid in enumerate(right)}
    ranks = [place[docid] for docid in left]
    pairs = len(ranks) * (len(ranks) - 1) // 2
    if not pairs:
        return 1.0
    concordant = sum(first < second for first, second in combinations(ranks, 2))
    return 2 * concordant / pairs - 1


def mean_tau(rankings: Sequence[Ranking]) -> float | None:
    """Mean Kendall's tau over every pair of rankings, in [-1, 1]; None for fewer than two."""
    pairs = [kendall_tau(a.docids, b.docids) for a, b in combinations(rankings, 2)]
    return mean(pairs) if pairs else None


def kendall_w(rankings: Sequence[Ranking]) -> float | None:
    """Kendall's coefficient of concordance, in [0, 1]; None for fewer than two rankings.

    12 S / (m² (n³ - n)), where S is the sum of squared deviations of the rank sums of n documents
    over m rankings. m unrelated rankings give about 1 / m.

    Paper: Kendall & Smith, "The Problem of m Rankings", Annals of Mathematical Statistics 1939.
    """
    m = len(rankings)
    n = len(rankings[0].docids) if rankings else 0
    if m < 2 or n < 2:
        return None
    sums = Counter[str]()
    for ranking in rankings:
        for rank, docid in enumerate(ranking.docids, start=1):
            sums[docid] += rank
    expected = m * (n + 1) / 2
    squares = sum((total - expected) ** 2 for total in sums.values())
    return 12 * squares / (m**2 * (n**3 - n))


def top1_agreement(rankings: Sequence[Ranking]) -> float | None:
    """Share of pairs of rankings with the same best document; None for fewer than two.

    Two random rankings of n documents agree with probability 1 / n.
    """
    pairs = [a.docids[0] == b.docids[0] for a, b in combinations(rankings, 2)]
    return mean(pairs) if pairs else None
