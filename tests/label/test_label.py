"""The driver: candidate lists in, judgments out, whatever the teacher says."""

import asyncio
import re
import zlib

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankmill.label import Adaptive, View
from rankmill.label.label import ASK_AGAIN, Prompts, label
from rankmill.label.listwise import Listwise
from rankmill.label.pairwise import Pairwise
from rankmill.label.pointwise import Pointwise
from rankmill.label.windows import SlidingWindow
from rankmill.prompts import find
from rankmill.records import Query, Reply
from rankmill.settle import Settle, settle
from rankmill.tables import CANDIDATES, JUDGMENTS, QUERIES
from rankmill.teachers.engine import Answer
from rankmill.trials import read_trials

DOCIDS = ["d3", "d0", "d4", "d2", "d1"]
TEXTS = {docid: f"document number {docid[1]}" for docid in DOCIDS}
VIEWS = [
    View(name="listwise", strategy=Listwise(), teacher="t", prompt="labels/listwise", trials=3),
    View(name="pointwise", strategy=Pointwise(), teacher="t", prompt="labels/relevance"),
    View(name="pairs", strategy=Pairwise(), teacher="t", prompt="labels/pairwise"),
    View(
        name="windows",
        strategy=SlidingWindow(size=3, stride=2),
        teacher="t",
        prompt="labels/listwise",
        trials=2,
    ),
]
FAULTS = [
    Reply(),
    Reply(text="Error 503: upstream overloaded"),
    Reply(text="[1] > [1]"),
    Reply(text="A or B", finish_reason="length"),
    Reply(text="[1] > [2] > [3]", finish_reason="content_filter"),
    Reply(text="Yes", top_logprobs=(("The", -0.1),)),
    None,
]


def truth(request):
    """What a faultless teacher says: low numbers are relevant."""
    last = request.messages[-1].content
    if numbered := re.findall(r"^\[(\d+)\] document number (\d)", last, re.MULTILINE):
        ranked = sorted(numbered, key=lambda pair: pair[1])
        return Reply(text=" > ".join(f"[{place}]" for place, _ in ranked))
    if lettered := re.findall(r"^\[([A-Z])\] document number (\d)", last, re.MULTILINE):
        return Reply(text=min(lettered, key=lambda pair: pair[1])[0])
    (number,) = re.findall(r"<document>document number (\d)", last)
    return Reply(text="Yes", top_logprobs=(("Yes", -0.1 * int(number) - 0.1), ("No", -1.0)))


def read(view, send, lists=1):
    prompts = Prompts(ask=find(view.prompt), again=find(ASK_AGAIN))
    asked = [(Query(qid=f"q{number}", text="low numbers"), DOCIDS) for number in range(lists)]
    return asyncio.run(label(view, prompts, asked, TEXTS, send)).sort(JUDGMENTS.key)


async def faultless(request, trial):
    return Answer(key="k", reply=truth(request))


def faulty(share, kinds):
    """A teacher that fails the given share of requests, always the same ones."""

    async def send(request, trial):
        drawn = zlib.crc32(f"{request}{trial}{kinds}".encode())
        if drawn % 100 >= share:
            return Answer(key="k", reply=truth(request))
        reply = FAULTS[kinds[drawn % len(kinds)]]
        return Answer(key="k", reply=reply, refusal="" if reply else "too long")

    return send


def labels_of(judgments):
    queries = QUERIES.frame([("q0", "low numbers", "question", "d0", 0, "train", "p", "t", "r")])
    rows = [("q0", d, rank, 1.0, "both", rank, rank) for rank, d in enumerate(DOCIDS, start=1)]
    candidates = CANDIDATES.frame(rows)
    return settle(Settle(), VIEWS, queries, candidates, judgments.lazy())[0]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_faultless_teachers_judgments_are_its_order(view):
    judgments = JUDGMENTS.check(read(view, faultless))
    readings = read_trials([view], {"q0": DOCIDS}, judgments)["q0"]
    assert readings.begun[view.name] == len(readings.trials[view.name]) == view.most_trials
    for ranking in readings.trials[view.name]:
        assert ranking.docids[0] == "d0"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100), st.lists(st.integers(0, len(FAULTS) - 1), min_size=1, max_size=4))
def test_faults_of_any_mix_never_change_a_label(share, kinds):
    """A trial with a fault is left out; every other is what it is without faults."""
    whole = pl.concat([read(view, faultless) for view in VIEWS]).sort(JUDGMENTS.key)
    partly = pl.concat([read(view, faulty(share, kinds)) for view in VIEWS]).sort(JUDGMENTS.key)
    lists = {"q0": DOCIDS}
    right = read_trials(VIEWS, lists, whole)["q0"]
    found = read_trials(VIEWS, lists, partly)["q0"]
    for view in VIEWS:
        assert found.begun[view.name] == view.most_trials
        assert set(found.trials[view.name]) <= set(right.trials[view.name])
    failed = partly.filter(pl.col("status") != "valid")
    assert failed["ranked"].null_count() == failed["scores"].null_count() == len(failed)
    assert (failed["detail"] != "").all()
    lost = failed.select("qid", "view", "trial").unique()
    labels = labels_of(whole.join(lost, on=["qid", "view", "trial"], how="anti"))
    assert labels_of(partly).equals(labels)


def test_a_malformed_reply_is_asked_again_with_its_fault():
    seen = []

    async def send(request, trial):
        seen.append(request)
        again = len(request.messages) > 2
        return Answer(key="k", reply=truth(seen[0]) if again else Reply(text="[1] > [2]"))

    view = VIEWS[0].model_copy(update={"corrections": 1, "trials": 1})
    judgments = read(view, send)
    assert judgments["status"].to_list() == ["asked_again", "valid"]
    assert judgments["step"].to_list() == [0, 1]
    assert [turn.role for turn in seen[1].messages[-2:]] == ["assistant", "user"]
    assert seen[1].messages[-2].content == "[1] > [2]"
    assert "incomplete: 2 of 5" in seen[1].messages[-1].content
    assert "[2] > [1] > [3]" in seen[1].messages[-1].content
    (ranking,) = read_trials([view], {"q0": DOCIDS}, judgments)["q0"].trials["listwise"]
    assert ranking.docids == ("d0", "d1", "d2", "d3", "d4")


def test_corrections_end():
    async def send(request, trial):
        return Answer(key="k", reply=Reply(text="no"))

    view = VIEWS[0].model_copy(update={"corrections": 2, "trials": 1})
    judgments = read(view, send)
    assert judgments["status"].to_list() == ["asked_again", "asked_again", "malformed"]
    assert read_trials([view], {"q0": DOCIDS}, judgments)["q0"].trials["listwise"] == ()


def test_trials_that_agree_end_an_adaptive_view_early():
    view = VIEWS[0].model_copy(update={"trials": Adaptive(start=2, cap=8, k=1)})
    judgments = read(view, faultless, lists=2)
    assert judgments.group_by("qid").len()["len"].max() < 8


def test_what_is_drawn_at_a_temperature_differs_by_trial_and_what_is_not_does_not():
    trials = []

    async def send(request, trial):
        trials.append(trial)
        return Answer(key="k", reply=truth(request))

    read(VIEWS[0], send)
    assert set(trials) == {0}
    trials.clear()
    drawn = VIEWS[0].model_copy(update={"strategy": Listwise(temperature=1.0)})
    read(drawn, send)
    assert sorted(trials) == [0, 1, 2]


def test_plans_are_in_flight_without_a_barrier():
    """A list whose first answer is late holds up no other list."""
    view, lists = VIEWS[3].model_copy(update={"trials": 1}), 2000
    order = []

    async def send(request, trial):
        number = len(order)
        order.append(number)
        if number == 0:
            while len(order) < 2 * lists - 1:  # all other plans come to their ends meanwhile
                await asyncio.sleep(0)
        return Answer(key="k", reply=truth(request))

    judgments = read(view, send, lists=lists)
    assert len(judgments) == 2 * lists
