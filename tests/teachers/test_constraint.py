"""What a teacher that is held to permutations may write."""

import pytest

pytest.importorskip("llama_cpp")

from rankmill.teachers._constraint import endings, is_permutation


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
