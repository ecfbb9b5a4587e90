"""Judgments back into trials: what every walk through a candidate list came to."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from rankmill.label.plans import replay
from rankmill.label.rows import reading
from rankmill.label.view import View
from rankmill.readings import Reading
from rankmill.records import Ranking

Lists = Mapping[str, Sequence[str]]
"""Docids of candidate lists, best first, by qid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the views made of one candidate list.

    Attributes:
        trials: The rankings of every valid trial, by view.
        begun: How many trials were begun, by view; a view that was not asked has none.
    """

    trials: Mapping[str, Sequence[Ranking]] = field(default_factory=dict)
    begun: Mapping[str, int] = field(default_factory=dict)


def candidate_lists(candidates: pl.DataFrame) -> dict[str, list[str]]:
    """Docids of every candidate list, best first, by qid in order."""
    return dict(
        candidates.sort("qid", "rank").group_by("qid", maintain_order=True).agg("docid").iter_rows()
    )


def read_trials(
    views: Sequence[View], lists: Lists, judgments: pl.DataFrame
) -> dict[str, Readings]:
    """What every view made of every list, by qid in the lists' order.

    A trial is valid when its plan, sent the stored readings, comes to its end.

    Args:
        views: Those wanted; judgments of others are passed over.
        lists: The lists wanted.
        judgments: JUDGMENTS, sorted by their key.
    """
    stored = _stored(judgments)
    found = {}
    for qid, docids in lists.items():
        trials, begun = {}, {}
        for view in views:
            asked = stored.get((qid, view.name), {})
            plans = ((view.plan(qid, docids, trial), said) for trial, said in asked.items())
            replayed = [replay(plan, said) for plan, said in plans]
            if not asked and not view.where:  # a list too short to ask about leaves no row
                replayed = [replay(view.plan(qid, docids, 0), [])]
            trials[view.name] = tuple(ranking for ranking in replayed if ranking)
            begun[view.name] = len(asked) or len(trials[view.name])
        found[qid] = Readings(trials=trials, begun=begun)
    return found


def unsure(
    view: View, cheap: Sequence[View], lists: Lists, judgments: pl.DataFrame
) -> dict[str, Sequence[str]]:
    """The lists that go on to `view`, after what the cheap views made of them."""
    where = view.where
    if where is None:
        return dict(lists)
    sorted_judgments = judgments.sort("qid", "view", "trial", "step")
    found = read_trials(cheap, lists, sorted_judgments)
    return {qid: lists[qid] for qid, one in found.items() if where(one.trials)}


def _stored(judgments: pl.DataFrame) -> dict[tuple[str, str], dict[int, list[Reading | None]]]:
    """Readings in the order asked, by list and view, and by trial."""
    columns = ("qid", "view", "trial", "question", "shown", "ranked", "scores", "status")
    stored: defaultdict[tuple[str, str], dict[int, list[Reading | None]]] = defaultdict(dict)
    for row in judgments.select(columns).iter_rows(named=True):
        said = stored[row["qid"], row["view"]].setdefault(row["trial"], [])
        if row["status"] != "asked_again":
            said.append(reading(row))
    return stored
