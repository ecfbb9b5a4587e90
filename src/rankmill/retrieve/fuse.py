"""One list from several, by ranks alone."""

from collections import defaultdict
from collections.abc import Sequence

from rankmill.records import Ranking


def fuse(lists: Sequence[Sequence[str]], *, k: int) -> Ranking:
    """Reciprocal rank fusion: a document scores the sum of 1 / (k + rank) over the lists it is in.

    Args:
        lists: Docids, best first; the lists may hold different documents.
        k: How little the very first ranks stand out. The paper's is 60.

    Returns:
        Every docid of any list, best first; ties fall to docid order.

    Paper: Cormack, Clarke & Büttcher, "Reciprocal rank fusion outperforms Condorcet and
    individual rank learning methods", SIGIR 2009.
    """
    scores: defaultdict[str, float] = defaultdict(float)
    for docids in lists:
        for rank, docid in enumerate(docids, start=1):
            scores[docid] += 1 / (k + rank)
    return Ranking.by_score(scores)
