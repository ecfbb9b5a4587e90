from hypothesis import given
from hypothesis import strategies as st

from rankmill.teachers._prefixes import Prefixes

EXAMPLES_A = [1, 2, *range(100, 140)]
EXAMPLES_B = [1, 2, *range(200, 240)]


def read(prefixes, tokens):
    slot, shared = prefixes.take(tokens)
    prefixes.extend(slot, tokens[shared:])
    return slot, shared


def test_a_first_prompt_shares_nothing():
    assert Prefixes(2).take([5, 6, 7]) == (0, 0)


def test_a_prompt_goes_on_where_its_beginning_is():
    prefixes = Prefixes(2)
    read(prefixes, [*EXAMPLES_A, 7, 8])
    assert read(prefixes, [*EXAMPLES_A, 9]) == (0, 42)


def test_two_kinds_of_prompts_that_take_turns_keep_their_beginnings():
    prefixes = Prefixes(2)
    kinds = [EXAMPLES_A, EXAMPLES_B] * 3
    taken = [read(prefixes, [*kind, 1000 + turn]) for turn, kind in enumerate(kinds)]
    assert taken == [(0, 0), (1, 0), (0, 42), (1, 42), (0, 42), (1, 42)]


def test_prompts_that_share_nothing_replace_each_other_and_no_shared_beginning():
    prefixes = Prefixes(2)
    read(prefixes, [*EXAMPLES_A, 7])
    read(prefixes, [*EXAMPLES_A, 8])
    alone = [read(prefixes, [number, number + 1]) for number in range(300, 320, 2)]
    assert alone == [(1, 0)] * 10
    assert read(prefixes, [*EXAMPLES_A, 9]) == (0, 42)


def test_a_beginning_that_nobody_shares_any_more_gives_way_in_the_end():
    prefixes = Prefixes(1)
    read(prefixes, [*EXAMPLES_A, 7])
    read(prefixes, [*EXAMPLES_A, 8])
    read(prefixes, [*EXAMPLES_B, 9])
    assert read(prefixes, [*EXAMPLES_B, 10]) == (0, 42)


def test_what_was_not_read_to_its_end_is_not_remembered():
    prefixes = Prefixes(1)
    read(prefixes, [1, 2, 3, 4])
    prefixes.take([1, 2, 9])
    assert prefixes.take([1, 2, 3, 4]) == (0, 2)


def test_a_forgotten_slot_shares_nothing():
    prefixes = Prefixes(1)
    read(prefixes, [1, 2, 3])
    prefixes.forget(0)
    assert prefixes.take([1, 2, 3]) == (0, 0)


@given(st.lists(st.lists(st.integers(0, 2), max_size=6), max_size=30), st.integers(1, 4))
def test_what_is_shared_was_always_read_before_in_that_slot(prompts, slots):
    prefixes, held = Prefixes(slots), {}
    for tokens in prompts:
        slot, shared = read(prefixes, tokens)
        assert tokens[:shared] == held.get(slot, [])[:shared]
        held[slot] = tokens
