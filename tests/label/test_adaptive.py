import math
import random
from statistics import mean

import pytest

from rankmill.aggregate import Borda, fuse
from rankmill.label import Adaptive, Unsure, View
from rankmill.label.listwise import Listwise
from rankmill.records import Ranking
from simulated_teacher import SimulatedTeacher, documents, follow_view


def view(trials):
    return View(name="v", strategy=Listwise(), teacher="t", prompt="p", trials=trials)


def ndcg(order):
    """nDCG@10 of an order of twenty documents whose first six have grades 3 3 2 2 1 1."""
    grades = [3, 3, 2, 2, 1, 1, *(0,) * 14]
    gains = [grades[int(docid[1:])] for docid in order[:10]]
    ideal = sum(grade / math.log2(rank + 2) for rank, grade in enumerate(grades[:10]))
    return sum(gain / math.log2(rank + 2) for rank, gain in enumerate(gains)) / ideal


def vote(order):
    return Ranking.in_order(tuple(order))


def test_adaptive_trials_save_calls_at_equal_quality():
    """900 lists of 20, from clear to hopeless, under noise and a bias for the first places."""
    draw = random.Random(2)
    spreads = [draw.choice([0.15, 0.4, 0.8, 1.5, 3.0]) for _ in range(900)]

    def label(trials):
        calls, values = 0, []
        for number, spread in enumerate(spreads):
            teacher = SimulatedTeacher(noise=1.0, bias=0.3, spread=spread, seed=number)
            rankings = follow_view(teacher, view(trials), f"q{number}", documents(20))
            calls += teacher.calls
            values.append(ndcg(fuse(Borda(), rankings).docids))
        return calls, mean(values)

    full_calls, full = label(12)
    few_calls, few = label(Adaptive(cap=12))
    assert full_calls == 12 * 900
    assert few_calls <= 0.6 * full_calls
    assert few >= full - 0.005
    assert label(4)[1] < full - 0.01  # or else there would be nothing to find out


def test_trials_that_agree_decide_soon_and_trials_that_do_not_go_on_to_the_cap():
    spec = Adaptive(start=2, step=2, cap=6, k=2)
    assert list(spec.batches()) == [range(2), range(2, 4), range(4, 6)]
    clear = SimulatedTeacher(spread=5)
    assert len(follow_view(clear, view(spec), "q", documents(8))) < 6
    noise = SimulatedTeacher(spread=0, noise=1)
    assert len(follow_view(noise, view(spec), "q", documents(8))) == 6


def test_certainty_grows_with_agreement_and_is_always_the_same_number():
    spec = Adaptive(k=2)
    agreed = [vote("abcdef")] * 4
    split = [vote("abcdef"), vote("fedcba"), vote("bdface"), vote("ecafdb")]
    assert spec.certainty(agreed) > 0.8 > spec.certainty(split)
    assert spec.certainty(agreed) == spec.certainty(list(agreed))
    assert spec.certainty(agreed * 2) > spec.certainty(agreed)
    assert Adaptive(k=9).certainty(split) == 1.0
    ordered = Adaptive(k=2, until="top_order")
    assert ordered.certainty(agreed) <= spec.certainty(agreed)


def test_one_trial_decides_nothing():
    assert not Adaptive().decided([vote("abc")])
    assert not Adaptive().decided([])


def test_a_cap_below_the_start_is_refused():
    with pytest.raises(ValueError, match="cap 3 must be at least start 4"):
        Adaptive(start=4, cap=3)


def test_a_cascade_goes_on_where_cheap_views_disagree_or_fail():
    unsure = Unsure(views=("one", "other"), tau=0.5)
    assert not unsure({"one": [vote("abc")], "other": [vote("abc")]})
    assert unsure({"one": [vote("abc")], "other": [vote("cba")]})
    assert unsure({"one": [vote("abc")], "other": []})
