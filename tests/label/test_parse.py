import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.label.parse import parse_permutation
from rankmill.readings import Malformed, Permutation
from rankmill.records import Reply

SHOWN = ("d1", "d2", "d3")


def test_identifiers_are_positions_in_the_shown_order():
    assert parse_permutation(Reply(text="[2] > [3] > [1]"), SHOWN) == Permutation(
        shown=SHOWN, ranked=("d2", "d3", "d1")
    )


def test_only_the_answer_is_read_where_the_reply_marks_one():
    reply = Reply(text="<think>[1] is off topic</think>\n<answer> [2]>[3] > [1] </answer>")
    assert parse_permutation(reply, SHOWN).ranked == ("d2", "d3", "d1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[2] > [1]", "incomplete"),
        ("[2] > [2] > [1]", "repeated"),
        ("[2] > [4] > [1]", "unknown_identifier"),
        ("[0] > [1] > [2]", "unknown_identifier"),
        ("Sure! [2] > [3] > [1]", "not_a_ranking"),
        ("[2] > [3] > [1] because it says so", "not_a_ranking"),
        ("2 > 3 > 1", "not_a_ranking"),
        ("Error 429: rate limit of 3 requests, retry in [1]", "not_a_ranking"),
        ("  ", "empty"),
        ("", "empty"),
    ],
)
def test_a_bad_reply_is_malformed_and_says_why(text, reason):
    assert parse_permutation(Reply(text=text), SHOWN).reason == reason


def test_a_reply_that_was_cut_short_says_so():
    reply = Reply(text="[2] > [3] > [", finish_reason="length")
    assert parse_permutation(reply, SHOWN).reason == "cut_short"


def test_a_filtered_reply_is_a_refusal_whatever_it_says():
    reply = Reply(text="[2] > [3] > [1]", finish_reason="content_filter")
    assert parse_permutation(reply, SHOWN).reason == "refused"


@given(st.text(alphabet="[]0123456789> \nansweth</", max_size=60))
def test_no_text_without_every_identifier_once_becomes_a_ranking(text):
    match parse_permutation(Reply(text=text), SHOWN):
        case Permutation(ranked=ranked):
            assert sorted(ranked) == sorted(SHOWN)
        case outcome:
            assert isinstance(outcome, Malformed)


@given(st.permutations(range(1, 8)))
def test_a_written_permutation_is_read_back(order):
    shown = tuple("abcdefg")
    text = " > ".join(f"[{place}]" for place in order)
    ranked = tuple(shown[place - 1] for place in order)
    assert parse_permutation(Reply(text=text), shown).ranked == ranked
