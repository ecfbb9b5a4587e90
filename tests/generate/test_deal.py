from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rankmill.generate.deal import cells, deal, quotas, spread

WEIGHTS = st.dictionaries(st.sampled_from("abcdefg"), st.integers(1, 9), min_size=1, max_size=7)


def test_quotas_are_largest_remainders_by_hand():
    # 10 shared 3:2:2 are 4.29, 2.86 and 2.86: the two largest remainders are rounded up.
    assert quotas({"a": 3, "b": 2, "c": 2}, 10, 0) == {"a": 4, "b": 3, "c": 3}
    assert quotas({"a": 1, "b": 0.5}, 9, 0) == {"a": 6, "b": 3}


def test_equal_remainders_are_settled_by_the_seed_alone():
    found = {seed: quotas({"a": 1, "b": 1, "c": 1}, 4, seed) for seed in range(12)}
    assert all(sorted(shares.values()) == [1, 1, 2] for shares in found.values())
    assert {max(shares, key=shares.get) for shares in found.values()} == {"a", "b", "c"}
    assert quotas({"c": 1, "b": 1, "a": 1}, 4, 5) == found[5]


@given(WEIGHTS, st.integers(0, 200), st.integers(0, 9))
def test_a_quota_is_its_exact_share_rounded_up_or_down(weights, total, seed):
    shares = quotas(weights, total, seed)
    assert sum(shares.values()) == total
    for name, share in shares.items():
        assert abs(share - total * weights[name] / sum(weights.values())) < 1


def test_copies_are_spread_by_hand():
    # a stands at 1/8, 3/8, 5/8 and 7/8 of the way, b at 1/4 and 3/4.
    assert "".join(spread({"a": 4, "b": 2})) == "abaaba"


def test_a_grid_of_two_by_two_by_hand():
    axes = [{"question": 1, "claim": 1}, {"short": 3, "long": 1}]
    assert cells(axes, 8, 0) == [
        *[("claim", "long")],
        *[("claim", "short")] * 3,
        *[("question", "long")],
        *[("question", "short")] * 3,
    ]


def test_an_axis_without_values_asks_for_nothing():
    assert cells([{"question": 1}, {}], 2, 0) == [("question", ""), ("question", "")]


@given(WEIGHTS, WEIGHTS, WEIGHTS, st.integers(1, 120), st.integers(0, 5))
def test_every_axis_has_its_quotas_and_no_pair_is_far_from_its_share(one, two, three, total, seed):
    made = cells([one, two, three], total, seed)
    for place, axis in enumerate((one, two, three)):
        shares = {name: share for name, share in quotas(axis, total, seed).items() if share}
        assert Counter(cell[place] for cell in made) == shares
    pairs = Counter(cell[:2] for cell in made)
    for name, share in quotas(one, total, seed).items():
        for other, of_all in quotas(two, total, seed).items():
            assert abs(pairs[name, other] - share * of_all / total) <= 2


def test_every_hand_gets_cards_far_apart():
    cards = ["claim"] * 3 + ["keyword"] * 3
    hands = deal(cards, 3, 4)
    assert hands == [["claim", "keyword"]] * 3


@given(st.integers(1, 30), st.integers(1, 4), st.integers(0, 9))
def test_every_card_is_dealt_once(hands, each, seed):
    dealt = deal(range(hands * each), hands, seed)
    assert sorted(card for hand in dealt for card in hand) == list(range(hands * each))
    assert all(len(hand) == each for hand in dealt)
    assert dealt == deal(range(hands * each), hands, seed)
