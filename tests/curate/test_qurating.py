import asyncio
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rankmill.curate import QuRating
from rankmill.curate.extrapolate import extrapolate
from rankmill.curate.qurating import COMPARISONS, Shares, compare, drawn, strengths
from rankmill.prompts import find
from rankmill.readings import Malformed
from rankmill.records import Document, Reply
from rankmill.teachers.engine import Answer

DOCIDS = [f"d{number:02}" for number in range(12)]
LETTERS = QuRating(teacher="t", documents=12, partners=2)
TEXT = QuRating(teacher="t", documents=12, partners=2, read_from="text")


def votes(*rows):
    """COMPARISONS of first, second and share; None for a vote that is not valid."""
    counts: dict[tuple[str, str], int] = {}
    whole = []
    for first, second, share in rows:
        trial = counts[first, second] = counts.get((first, second), -1) + 1
        status = "valid" if share is not None else "malformed"
        whole.append((first, second, trial, share, status, "", "p", "t", "r"))
    return COMPARISONS.frame(whole)


def letters(a, b):
    return Reply(top_logprobs=(("A", math.log(a)), ("B", math.log(b))))


def test_every_document_meets_as_many_others_twice_over_and_no_pair_meets_twice():
    pairs = LETTERS.pairs(DOCIDS)
    met = [docid for pair in pairs for docid in pair]
    assert len(pairs) == 12 * 2
    assert {met.count(docid) for docid in DOCIDS} == {4}
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)
    assert LETTERS.calls(12) == len(pairs) * 2


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 40), st.integers(1, 4), st.integers(0, 5))
def test_pairs_are_all_different_and_join_everyone(number, partners, seed):
    docids = [f"d{place}" for place in range(number)]
    spec = QuRating(teacher="t", documents=40, partners=partners, seed=seed)
    pairs = spec.pairs(docids)
    assert spec.calls(number) == 2 * len(pairs)
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)
    reached, before = {pairs[0][0]}, -1
    while len(reached) > before:
        before = len(reached)
        reached |= {docid for pair in pairs if reached & set(pair) for docid in pair}
    assert reached == set(docids)


def test_the_draw_does_not_depend_on_the_order_of_the_corpus():
    assert LETTERS.pairs(DOCIDS) == LETTERS.pairs(DOCIDS[::-1])
    assert LETTERS.pairs(DOCIDS) != LETTERS.model_copy(update={"seed": 1}).pairs(DOCIDS)


def test_a_vote_is_the_first_document_s_share_of_both_letters():
    assert LETTERS.read(letters(0.6, 0.2)) == pytest.approx(0.75)
    assert TEXT.read(Reply(text="A")) == 1.0
    assert TEXT.read(Reply(text="B")) == 0.0


@pytest.mark.parametrize(
    ("spec", "reply", "reason"),
    [
        (LETTERS, letters(0.1, 0.1), "low_label_mass"),
        (LETTERS, Reply(), "no_log_probabilities"),
        (LETTERS, Reply(finish_reason="refusal"), "refused"),
        (TEXT, Reply(text="both"), "not_a_label"),
        (TEXT, Reply(text="C"), "unknown_identifier"),
    ],
)
def test_what_is_no_vote_is_none(spec, reply, reason):
    found = spec.read(reply)
    assert isinstance(found, Malformed)
    assert found.reason == reason


def test_a_pair_s_share_is_the_mean_over_both_orders():
    found = Shares.read(votes(("a", "b", 0.9), ("b", "a", 0.3)), votes=1)
    assert found.of == {("a", "b"): pytest.approx((0.9 + 0.7) / 2)}
    assert found.agreeing == 1.0
    assert found.firsts == pytest.approx((0.9 + 0.3) / 2)


def test_a_preference_for_a_place_cancels_and_is_counted():
    found = Shares.read(votes(("a", "b", 1.0), ("b", "a", 1.0)), votes=1)
    assert found.of == {("a", "b"): 0.5}
    assert (found.agreeing, found.firsts) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("one", "other", "agreeing"),
    [(0.5, 0.9, 0.5), (0.9, 0.5, 0.5), (0.5, 0.5, 0.5), (0.9, 0.1, 1.0), (0.1, 0.9, 1.0)],
)
def test_an_undecided_order_agrees_by_half_whichever_it_is(one, other, agreeing):
    found = Shares.read(votes(("a", "b", one), ("b", "a", other)), votes=1)
    assert found.agreeing == agreeing


def test_a_pair_counts_when_more_than_half_the_votes_of_either_order_are_valid():
    both = [("b", "a", 0.0)] * 3
    enough = votes(("a", "b", 1.0), ("a", "b", 1.0), ("a", "b", None), *both)
    few = votes(("a", "b", 1.0), ("a", "b", None), ("a", "b", None), *both)
    assert Shares.read(enough, votes=3).of == {("a", "b"): 1.0}
    assert Shares.read(few, votes=3).of == {}


def test_a_pair_that_was_read_in_one_order_does_not_count():
    found = Shares.read(votes(("a", "b", 1.0), ("b", "a", None)), votes=1)
    assert (found.of, found.agreeing, found.firsts) == ({}, 0.0, 0.5)


def test_two_documents_strengths_are_as_bradley_and_terry_have_them():
    # share 0.75: without a prior, log(0.75 / 0.25) apart
    found = strengths({("a", "b"): 0.75}, prior=100.0)
    assert found["a"] - found["b"] == pytest.approx(math.log(3), abs=1e-2)
    assert found["a"] + found["b"] == pytest.approx(0)


def test_strengths_order_documents_as_their_shares_do():
    shares = {("a", "b"): 0.8, ("b", "c"): 0.8, ("a", "c"): 0.9}
    found = strengths(shares, prior=1.0)
    assert found["a"] > found["b"] > found["c"]


def test_what_vectors_tell_is_carried_over_to_documents_that_nobody_judged():
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(300, 8)).astype(np.float32)
    truth = vectors @ np.arange(8)
    scores, seen = extrapolate(
        {row: float(truth[row]) for row in range(100)}, vectors, np.arange(300)
    )
    assert seen > 0.99
    assert np.corrcoef(scores[100:], truth[100:])[0, 1] > 0.99
    assert scores.mean() == pytest.approx(0, abs=1e-9)
    assert scores.std() == pytest.approx(1)


def test_strengths_that_vectors_do_not_tell_are_owned_up_to():
    draw = np.random.default_rng(1)
    vectors = draw.normal(size=(60, 30)).astype(np.float32)
    _, seen = extrapolate(dict(enumerate(draw.normal(size=60))), vectors, np.arange(60))
    assert seen < 0.4


def test_documents_of_one_quality_score_nothing():
    vectors = np.ones((20, 3), np.float32)
    scores, seen = extrapolate(dict.fromkeys(range(20), 0.3), vectors, np.arange(20))
    assert scores.tolist() == [0] * 20
    assert seen == 0


def test_a_low_temperature_draws_the_best():
    scores = {"a": 0.0, "b": 3.0, "c": 1.0, "d": 2.0}
    assert drawn(scores, 2, tau=1e-9, seed=0) == {"b", "d"}


def test_a_draw_follows_softmax_of_the_scores_by_temperature():
    # P(first drawn) = exp(s / tau) / sum: scores 0 and 2 log 3 at tau 2 are 1 : 3
    scores = {"a": 0.0, "b": 2 * math.log(3)}
    best = [drawn(scores, 1, tau=2.0, seed=seed) == {"b"} for seed in range(4000)]
    assert np.mean(best) == pytest.approx(0.75, abs=0.025)


def test_a_draw_does_not_depend_on_the_order_of_the_documents():
    scores = {docid: 0.1 * place for place, docid in enumerate(DOCIDS)}
    turned = dict(reversed(scores.items()))
    assert drawn(scores, 5, tau=2.0, seed=3) == drawn(turned, 5, tau=2.0, seed=3)


def test_a_draw_of_everything_is_everything():
    assert drawn(dict.fromkeys(DOCIDS, 0.0), 99, tau=2.0, seed=0) == set(DOCIDS)


def test_a_teacher_is_asked_about_every_pair_in_both_orders_and_every_vote_is_kept():
    documents = {docid: Document(docid=docid, text=f"text {docid}") for docid in DOCIDS}
    asked = []

    async def send(request, trial):
        asked.append((request.messages[-1].content, trial))
        if "text d03" in request.messages[-1].content:
            return Answer(key="k", reply=None, refusal="filtered")
        return Answer(key="k", reply=letters(0.9, 0.1))

    found = asyncio.run(compare(LETTERS, find(LETTERS.prompt, []), documents, send))
    assert len(asked) == len(found) == 48
    pairs = set(found.select("first", "second").iter_rows())
    assert pairs == {order for pair in LETTERS.pairs(DOCIDS) for order in (pair, pair[::-1])}
    refused = found.filter(status="refused")
    assert len(refused) == 8
    assert refused["share"].null_count() == 8
    assert set(refused["detail"]) == {"filtered"}
    assert found.filter(status="valid")["share"].to_list() == pytest.approx([0.9] * 40)


def test_many_votes_are_asked_for_as_trials_at_a_temperature():
    spec = QuRating(
        teacher="t", documents=10, partners=1, votes=3, read_from="text", temperature=0.7
    )
    documents = {docid: Document(docid=docid, text=docid) for docid in DOCIDS[:10]}

    async def send(request, trial):
        assert request.temperature == 0.7
        return Answer(key=f"k{trial}", reply=Reply(text="A" if trial else "B"))

    found = asyncio.run(compare(spec, find(spec.prompt, []), documents, send))
    assert len(found) == spec.calls(10) == 60
    assert set(found.group_by("first", "second").agg(pl.col("share").sum())["share"]) == {2.0}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"votes": 3}, "3 votes would be one"),
        ({"votes": 3, "read_from": "text"}, "3 votes would be one"),
        ({"votes": 3, "temperature": 1.0}, "3 votes would be one"),
        ({"documents": 10, "partners": 5}, "meet twice"),
        ({"documents": 9}, "greater than or equal to 10"),
        ({"tau": 0}, "greater than 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        QuRating(teacher="t", **wrong)


def test_of_both_documents_equally_much_is_shown_from_a_place_that_the_seed_draws():
    digits = "".join(str(number % 10) for number in range(500))
    shown = [Document(docid="long", text=digits), Document(docid="short", text="x" * 60)]
    prompt = find(LETTERS.prompt, [])

    def excerpts(pair, seed=0):
        spec = LETTERS.model_copy(update={"seed": seed})
        said = spec.request(prompt, pair).messages[-1].content
        return [line.partition("] ")[2] for line in said.splitlines() if line.startswith("[")]

    long, short = excerpts(shown)
    assert len(long.removesuffix(" …")) in {58, 59, 60}
    assert short == "x" * 60
    assert long.removesuffix(" …") in digits
    assert excerpts(shown[::-1]) == [short, long]
    starts = {excerpts(shown, seed)[0] for seed in range(8)}
    assert len(starts) > 1


@pytest.mark.parametrize("name", ["curate/educational_value", "curate/facts"])
def test_its_prompts_show_both_documents_with_their_letters(name):
    spec = QuRating(teacher="t", prompt=name)
    shown = [Document(docid="a", text="one"), Document(docid="b", text="two")]
    said = spec.request(find(name, []), shown).messages[-1].content
    assert said.index("[A] ") < said.index("one") < said.index("[B] ") < said.index("two")
    assert said.endswith("Letter:")
