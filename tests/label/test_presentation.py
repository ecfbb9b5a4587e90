from collections import Counter
from itertools import pairwise
from statistics import mean

import pytest

from rankmill.aggregate import Borda, fuse
from rankmill.agreement import mean_tau
from rankmill.label import View
from rankmill.label.listwise import Listwise
from rankmill.label.presentation import present
from rankmill.records import Ranking
from simulated_teacher import SimulatedTeacher, documents, follow_view

LIST = tuple("abcdefgh")


def orders(presentation, trials, docids=LIST, block=None):
    return [
        present(docids, presentation, seed="s", trial=trial, block=block or trials)
        for trial in range(trials)
    ]


@pytest.mark.parametrize("trials", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("docids", [LIST, tuple("abcdefghijklmnopqrst")])
def test_balanced_orders_put_every_document_into_every_part_equally_often(trials, docids):
    size = len(docids) / trials
    if size != int(size):
        pytest.skip("parts of different sizes")
    seen = Counter(
        (docid, int(place // size))
        for order in orders("balanced", trials, docids)
        for place, docid in enumerate(order)
    )
    assert set(seen.values()) == {1}


def test_two_balanced_trials_are_an_order_and_its_reverse():
    one, other = orders("balanced", 2)
    assert one == other[::-1]
    assert sorted(one) == list(LIST)
    assert one != LIST


def test_in_even_blocks_every_part_follows_every_other_once():
    follows = Counter()
    for order in orders("balanced", 4):
        parts = [frozenset(order[place : place + 2]) for place in range(0, 8, 2)]
        follows.update(pairwise(parts))
    assert set(follows.values()) == {1}
    assert len(follows) == 4 * 3


def test_blocks_beyond_the_first_are_shuffled_anew():
    found = orders("balanced", 6, block=2)
    assert found[0] == found[1][::-1]
    assert found[2] == found[3][::-1]
    assert len(set(found)) == 6


def test_more_trials_than_documents_repeat_no_design():
    found = orders("balanced", 7, docids=tuple("abc"))
    assert all(sorted(order) == list("abc") for order in found)
    assert len(set(found)) > 3


def test_random_orders_differ_by_trial_and_repeat_by_seed():
    one, two = orders("random", 2)
    assert sorted(one) == sorted(two) == list(LIST)
    assert one != two
    assert one == present(LIST, "random", seed="s", trial=0, block=2)


def test_fixed_orders_are_left_alone():
    assert orders("retrieved", 2) == [LIST, LIST]
    assert orders("reversed", 2) == [LIST[::-1], LIST[::-1]]


@pytest.mark.parametrize("trials", [2, 4])
def test_balanced_orders_beat_random_ones_at_equal_calls(trials):
    """Mean tau with the truth over 200 lists of 12, under noise and a strong position bias."""
    truth = Ranking.in_order(documents(12))

    def quality(presentation):
        view = View(
            name="v",
            strategy=Listwise(),
            teacher="t",
            prompt="p",
            trials=trials,
            presentation=presentation,
        )
        found = []
        for number in range(200):
            teacher = SimulatedTeacher(noise=0.6, bias=1.0, spread=0.6, seed=number)
            rankings = follow_view(teacher, view, f"q{number}", documents(12))
            found.append(mean_tau([fuse(Borda(), rankings), truth]))
        return mean(found)

    assert quality("balanced") > quality("random") + 0.03
