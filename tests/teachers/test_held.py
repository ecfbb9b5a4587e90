"""What a teacher that is held to something may write."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.teachers.held import apart, endings, is_permutation, sequence, unrepeated, written


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("", 2, ["[1] > ", "[2] > "]),
        ("[1", 12, ["] > ", "0] > ", "1] > ", "2] > "]),
        ("[2] > ", 3, ["[1] > ", "[3] > "]),
        ("[2] > [", 2, ["1]"]),
        ("[2] >", 2, [" "]),
        ("[2] > [2", 3, []),
        ("[4", 3, []),
        ("Sure", 3, []),
        ("[1] > [2]", 2, [""]),
    ],
)
def test_only_what_is_left_may_follow(text, count, expected):
    assert endings(text, count) == expected


def test_a_permutation_names_everything_once():
    assert is_permutation("[2] > [1]", 2)
    assert not is_permutation("[2] > [2]", 2)
    assert not is_permutation("[2]", 2)


def test_a_sequence_names_as_many_places_as_there_are():
    assert re.fullmatch(sequence([1, 2, 12]), "12] > [1] > [1]")
    assert not re.fullmatch(sequence([1, 2, 12]), "12] > [1]")
    assert not re.fullmatch(sequence([1, 2, 12]), "12] > [3] > [1]")
    assert re.fullmatch(sequence([7]), "7]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("[2] > [1] > [2] > [3]", [2, 1]), ("[2] > [1", [2]), ("", []), ("[3] > [3]", [3])],
)
def test_what_is_kept_ends_before_the_first_repeat(text, expected):
    assert unrepeated(text) == expected


@given(st.permutations(range(1, 13)))
def test_a_written_permutation_is_one_and_is_kept_whole(places):
    assert is_permutation(written(places), 12)
    assert unrepeated(written(places)) == places


def test_choices_are_apart_when_none_begins_another():
    assert apart(["A", "B"])
    assert not apart(["1", "10"])
    assert not apart([])
