"""Following a plan, and replaying it from what was stored."""

import asyncio
import random
from typing import get_args

import pytest

from rankmill.label import Strategy
from rankmill.label.plans import Asked, Refused, replay, walk
from rankmill.label.pointwise import Pointwise
from rankmill.label.rows import cells, reading
from rankmill.readings import Malformed
from simulated_teacher import SimulatedTeacher, documents

STRATEGIES = [strategy() for strategy in get_args(Strategy)]
LIST = tuple(random.Random(5).sample(documents(9), 9))


def walked(strategy, read):
    async def ask(question):
        return [Asked(question=question, outcome=read(question))]

    return asyncio.run(walk(strategy.plan(LIST), ask))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.kind)
def test_a_walk_that_was_stored_is_replayed_to_the_same_ranking(strategy):
    teacher = SimulatedTeacher(noise=3)
    one = walked(strategy, lambda question: teacher.read(strategy, question))
    stored = []
    for asked in one.asked:
        cell = cells(asked)
        row = {"shown": list(asked.question.docids), "question": strategy.asks, **cell._asdict()}
        stored.append(reading(row))
    assert stored == [asked.outcome for asked in one.asked]
    assert one.ranking == replay(strategy.plan(LIST), stored)
    assert sorted(one.ranking.docids) == documents(9)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.kind)
def test_one_reading_that_is_not_valid_leaves_no_ranking(strategy):
    teacher = SimulatedTeacher()
    one = walked(strategy, lambda question: teacher.read(strategy, question))
    for place in range(len(one.asked)):
        outcomes = [asked.outcome for asked in one.asked]
        outcomes[place] = None
        assert replay(strategy.plan(LIST), outcomes) is None
    assert replay(strategy.plan(LIST), []) is None


@pytest.mark.parametrize("outcome", [Malformed(reason="empty"), Refused(detail="too long")])
def test_a_walk_keeps_what_was_asked_up_to_the_reading_that_failed(outcome):
    teacher, strategy = SimulatedTeacher(), Pointwise()
    one = walked(
        strategy,
        lambda q: outcome if q.docids == LIST[2:3] else teacher.read(strategy, q),
    )
    assert [asked.question.docids for asked in one.asked] == [(docid,) for docid in LIST]
    assert one.asked[2].outcome == outcome
    assert one.ranking is None
