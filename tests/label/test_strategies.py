"""What holds for every strategy, and each one's own arithmetic."""

import asyncio
from math import log
from typing import get_args

import pytest

from rankmill.errors import PromptError
from rankmill.label import Likelihood, Listwise, Pointwise, Strategy
from rankmill.label.plans import Asked, Refused, replay, walk
from rankmill.label.presentation import present
from rankmill.label.view import View
from rankmill.prompts import Prompt, find
from rankmill.records import Chat, Continuation, Malformed, Permutation, Reply, Score

STRATEGIES = [strategy() for strategy in get_args(Strategy)]
LIST = ("c", "a", "d", "b")


def alphabetical(question):
    """A teacher to whom the alphabet is relevance, whatever it is asked."""
    if len(question.docids) > 1:
        ranked = tuple(sorted(question.docids))
        return Permutation(shown=question.docids, ranked=ranked)
    return Score(docid=question.docids[0], value=-float(ord(question.docids[0])))


def follow(plan, teacher):
    async def ask(question):
        return Asked(question=question, outcome=teacher(question))

    return asyncio.run(walk(plan, ask))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.kind)
def test_a_faultless_teacher_is_followed_to_its_own_order(strategy):
    asked = follow(strategy.plan(LIST), alphabetical)
    ranking = replay(strategy.plan(LIST), [one.outcome for one in asked])
    assert ranking.docids == ("a", "b", "c", "d")
    assert len(asked) == strategy.calls(len(LIST))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.kind)
def test_one_reading_that_is_not_valid_leaves_no_ranking(strategy):
    asked = follow(strategy.plan(LIST), alphabetical)
    outcomes = [None, *(one.outcome for one in asked[1:])]
    assert replay(strategy.plan(LIST), outcomes) is None


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.kind)
def test_readings_that_end_early_leave_no_ranking(strategy):
    assert replay(strategy.plan(LIST), []) is None


@pytest.mark.parametrize("outcome", [Malformed(reason="empty"), Refused(detail="too long")])
def test_a_walk_keeps_what_was_asked_up_to_the_reading_that_failed(outcome):
    asked = follow(
        Pointwise().plan(LIST), lambda q: outcome if q.docids == ("d",) else alphabetical(q)
    )
    assert [one.question.docids for one in asked] == [("c",), ("a",), ("d",), ("b",)]
    assert asked[2].outcome == outcome


def first_token(**mass):
    tokens = tuple((token.replace("_", " "), log(share)) for token, share in mass.items())
    return Reply(text="", top_logprobs=tokens)


def question(*docids):
    return next(Listwise().plan(docids))[0]


def test_pointwise_is_yes_against_no_over_all_spellings():
    reply = first_token(Yes=0.5, _yes=0.1, NO=0.2, maybe=0.2)
    assert Pointwise().read(question("d"), reply).value == pytest.approx(0.6 / 0.8)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (first_token(Yes=0.2, No=0.2, The=0.6), "low_label_mass"),
        (first_token(The=0.9), "low_label_mass"),
        (Reply(text="Yes"), "no_log_probabilities"),
    ],
)
def test_a_first_token_that_is_neither_yes_nor_no_is_no_judgment(reply, reason):
    assert Pointwise().read(question("d"), reply).reason == reason


def test_no_mass_at_all_is_no_judgment_even_when_no_mass_is_asked_for():
    reply = first_token(The=0.9)
    assert Pointwise(min_mass=0).read(question("d"), reply).reason == "low_label_mass"


def test_likelihood_is_the_mean_over_the_tokens_of_the_query():
    reply = Reply(logprobs=(-1.0, -2.0, -6.0))
    assert Likelihood().read(question("d"), reply) == Score(docid="d", value=-3.0)
    assert Likelihood().read(question("d"), Reply()).reason == "no_log_probabilities"


def test_requests_ask_for_what_the_readings_need():
    pointwise = Pointwise().request(find("labels/relevance"), "q", ["d"])
    assert isinstance(pointwise, Chat)
    assert (pointwise.max_tokens, pointwise.top_logprobs) == (1, 20)
    likelihood = Likelihood().request(find("labels/likelihood"), "what is it", ["a thing"])
    assert isinstance(likelihood, Continuation)
    assert likelihood.text == " what is it"
    assert likelihood.prefix.startswith("Document: a thing\n")
    listwise = Listwise().request(find("labels/listwise"), "q", ["x", "y"])
    assert "[1] x\n[2] y\n" in listwise.messages[-1].content


def test_balanced_orders_put_every_document_into_every_part_equally_often():
    docids = tuple("abcdef")
    orders = [present(docids, "balanced", seed="s", trial=t, trials=3) for t in range(3)]
    thirds = [tuple(sorted(order[i : i + 2])) for order in orders for i in (0, 2, 4)]
    assert all(thirds.count(third) == 3 for third in thirds)
    assert len(set(orders)) == 3


def test_random_orders_differ_by_trial_and_repeat_by_seed():
    docids = tuple("abcdefgh")
    one, two = (present(docids, "random", seed="s", trial=t, trials=2) for t in range(2))
    assert sorted(one) == sorted(two) == list(docids)
    assert one != two
    assert one == present(docids, "random", seed="s", trial=0, trials=2)


def test_the_retrieved_order_is_left_alone():
    assert present(LIST, "retrieved", seed="s", trial=1, trials=2) == LIST


def test_a_view_cannot_take_the_names_that_filters_use():
    with pytest.raises(ValueError, match="cannot be called source"):
        View(name="source", strategy=Pointwise(), teacher="t", prompt="p")


def test_a_prompt_of_the_wrong_form_is_refused():
    wrong = Prompt.parse(
        "wrong",
        '+++\npurpose = "x"\nvariables = ["query", "document"]\noutput = "x"\n+++\n'
        "=== user\n{{ query }} {{ document }}\n",
    )
    with pytest.raises(PromptError, match="prompt wrong: expected turns prefix and text"):
        Likelihood().request(wrong, "q", ["d"])
