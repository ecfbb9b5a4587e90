"""How well candidate lists are ordered, by what people judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Self

import numpy as np

from rankmill.aggregate import MeanReciprocalRank
from rankmill.evaluate.collection import Collection, Grades
from rankmill.polls import Poll, fuse_all
from rankmill.records import Ranking

_JOINED_BY = MeanReciprocalRank(k=10)
_RESAMPLES, _SEED = 10_000, 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over queries with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What an order of the candidates is worth.

    Attributes:
        ndcg: nDCG@10 with linear gain, over all queries. A list without a valid reading keeps the
            first stage's order.
        gain: Mean difference to the first stage, with a paired bootstrap interval over queries;
            None for the first stage itself.
        joined: nDCG@10 of the order joined with the first stage's by reciprocal ranks (k = 10).
        read: Share of the lists that got a valid reading.
    """

    ndcg: float
    gain: Interval | None = None
    joined: float | None = None
    read: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStage:
    """The order that every view is compared with.

    Attributes:
        qrels: Human grades.
        rankings: The candidates as retrieved, by qid.
        values: nDCG@10 of each, by qid.
    """

    qrels: Grades
    rankings: Mapping[str, Ranking]
    values: Mapping[str, float]

    @classmethod
    def of(cls, collection: Collection) -> Self:
        """Of a collection's lists."""
        rankings = {qid: Ranking.in_order(docids) for qid, docids in collection.lists.items()}
        qrels = collection.qrels
        return cls(qrels=qrels, rankings=rankings, values=ndcg(qrels, rankings))

    @property
    def quality(self) -> Quality:
        """Its own."""
        return Quality(ndcg=fmean(self.values.values()))

    def compare(self, rankings: Mapping[str, Ranking]) -> Quality:
        """Of other orders of the same lists, by qid; there may be fewer.

        Documents that tie keep the order of the first stage.
        """
        untied = {qid: self._untied(qid, ranking) for qid, ranking in rankings.items()}
        values = ndcg(self.qrels, {**self.rankings, **untied})
        both = [Poll(rankings=[self.rankings[qid], one]) for qid, one in rankings.items()]
        fused = [one.ranking for one in fuse_all(_JOINED_BY, both)]
        joined = {qid: self._untied(qid, one) for qid, one in zip(rankings, fused, strict=True)}
        return Quality(
            ndcg=fmean(values.values()),
            gain=bootstrap(np.array([values[qid] - self.values[qid] for qid in self.values])),
            joined=fmean(ndcg(self.qrels, {**self.rankings, **joined}).values()),
            read=len(rankings) / len(self.rankings),
        )

    def _untied(self, qid: str, ranking: Ranking) -> Ranking:
        first = self.rankings[qid].docids
        scores = dict(zip(ranking.docids, ranking.scores, strict=True))
        return Ranking.in_order(sorted(first, key=lambda docid: -scores[docid]))


def ndcg(qrels: Grades, rankings: Mapping[str, Ranking]) -> dict[str, float]:
    """nDCG@10 of every query, with linear gain, as trec_eval computes it."""
    from ir_measures import iter_calc, nDCG

    run = {
        qid: {docid: -float(rank) for rank, docid in enumerate(ranking.docids)}
        for qid, ranking in rankings.items()
    }
    judged = {qid: dict(qrels[qid]) for qid in rankings}
    found = {metric.query_id: metric.value for metric in iter_calc([nDCG @ 10], judged, run)}
    return {qid: found.get(qid, 0.0) for qid in rankings}


def bootstrap(values: np.ndarray) -> Interval:
    """The mean of values, shape (queries,), and where it lies in 95 % of resamples of queries.

    Paper: Sakai, "Evaluating Evaluation Metrics Based on the Bootstrap", SIGIR 2006.
    """
    chance = np.random.default_rng(_SEED)
    drawn = chance.integers(0, len(values), size=(_RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    return Interval(mean=float(values.mean()), low=float(low), high=float(high))
