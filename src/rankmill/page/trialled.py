"""Every trial of a list as a person compares them: ranks, scores, places shown, words."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from rankmill.page.short import cut, rounded, within
from rankmill.page.sources import Sources
from rankmill.records import Ranking

_MOST_WORDS = 1_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One walk of a view through a list.

    Attributes:
        number: Which trial, from 0.
        ranking: What it came to; None where it came to none.
        scored: Whether the scores of `ranking` are the teacher's own.
        shown: Docids in the order shown, where one question showed the whole list; else empty.
        words: What the teacher thought aloud, question by question.
        faults: What its readings were that are not valid.
    """

    number: int
    ranking: Ranking | None
    scored: bool
    shown: Sequence[str] = field(default=())
    words: Sequence[str] = field(default=())
    faults: Sequence[str] = field(default=())

    def of(self, docids: Sequence[str]) -> dict[str, Any]:
        """The trial as plain values, document by document."""
        scores = (
            dict(zip(self.ranking.docids, self.ranking.scores, strict=True)) if self.ranking else {}
        )
        ranks = ranks_of(self.ranking) if self.ranking else {}
        places = {docid: place for place, docid in enumerate(self.shown, start=1)}
        said = {
            "ranks": [ranks[docid] for docid in docids if ranks],
            "scores": [rounded(scores[docid]) for docid in docids if scores and self.scored],
            "shown": [places[docid] for docid in docids if places],
            "words": list(self.words),
            "faults": list(self.faults),
        }
        return {"number": self.number + 1, **{name: value for name, value in said.items() if value}}


def ranks_of(ranking: Ranking) -> dict[str, int]:
    """Ranks from 1, by docid; documents of equal score share the best of theirs."""
    first: dict[float, int] = {}
    pairs = zip(ranking.docids, ranking.scores, strict=True)
    return {
        docid: first.setdefault(score, rank) for rank, (docid, score) in enumerate(pairs, start=1)
    }


def trials_of(sources: Sources, qids: Collection[str]) -> dict[tuple[str, str], list[Trial]]:
    """Every trial of some lists, by qid and view."""
    stored = _stored(sources.judgments.filter(pl.col("qid").is_in(list(qids))))
    return {
        (qid, view.name): list(
            _trials(
                stored.get((qid, view.name), ()),
                sources.readings[qid].trials[view.name],
                scored=bool(view.strategy.score_kind),
            )
        )
        for qid in qids
        if qid in sources.readings
        for view in sources.recipe.views
    }


def _trials(
    stored: Sequence[Mapping[str, Any]], rankings: Sequence[Ranking], *, scored: bool
) -> Iterator[Trial]:
    """Trials with what they came to: those without a fault have a ranking, in the same order."""
    valid = iter(rankings)
    for row in stored:
        alone = row["questions"] == 1 and len(row["shown"]) > 1
        yield Trial(
            number=row["trial"],
            ranking=None if row["faults"] else next(valid, None),
            scored=scored,
            shown=row["shown"] if alone else (),
            words=row["words"],
            faults=row["faults"],
        )
    if not stored:  # a list too short to ask about
        yield from (Trial(number=0, ranking=ranking, scored=scored) for ranking in rankings)


def _stored(judgments: pl.DataFrame) -> Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]:
    """What was asked and said in every trial, by qid and view."""
    limit = within(judgments["reasoning"].count(), most=_MOST_WORDS)
    alone = pl.col("shown").list.len() == 1
    about = pl.when(alone).then(pl.col("shown").list.first() + ": ").otherwise(pl.lit(""))
    asked = judgments.filter(pl.col("status") != "asked_again").with_columns(
        words=about + pl.col("reasoning"),
        fault=pl.when(pl.col("status") != "valid").then(pl.col("status") + ": " + pl.col("detail")),
    )
    trials = asked.group_by("qid", "view", "trial", maintain_order=True).agg(
        questions=pl.len(),
        shown=pl.col("shown").first(),
        words=pl.col("words").drop_nulls(),
        faults=pl.col("fault").drop_nulls(),
    )
    stored: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in trials.iter_rows(named=True):
        row["words"] = [cut(words, limit) for words in row["words"]]
        stored[row["qid"], row["view"]].append(row)
    return stored
