import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.errors import RequestRefused, TeacherIncapable
from rankmill.records import Chat, Continuation, Message, Reply
from rankmill.teachers.protocol import (
    BadBody,
    NoLogprobs,
    chat_body,
    continuation_body,
    first_choice,
    message_of,
    prompt_tokens,
    read_chat,
    read_continuation,
    tail,
)

HI = (Message(role="system", content="Be brief."), Message(role="user", content="hi"))
PLAIN = Chat(messages=HI, max_tokens=5)
FIRST = Chat(messages=HI, max_tokens=1, top_logprobs=3)
USAGE = {"prompt_tokens": 9, "completion_tokens": 1}


def body(message, **choice):
    return {"choices": [{"message": message, "finish_reason": "stop", **choice}], "usage": USAGE}


def test_a_chat_becomes_a_body_without_a_seed():
    chat = Chat(messages=HI, max_tokens=5, temperature=0.7, stop=("\n",), top_logprobs=3)
    assert chat_body(chat) == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "hi"},
        ],
        "temperature": 0.7,
        "max_tokens": 5,
        "stop": ["\n"],
        "logprobs": True,
        "top_logprobs": 3,
    }


def test_a_chat_says_no_more_than_it_must():
    assert chat_body(PLAIN).keys() == {"messages", "temperature", "max_tokens"}


def test_a_prompt_is_asked_for_in_either_way():
    asked = {"prompt": "a b", "max_tokens": 1, "temperature": 0.0}
    assert continuation_body("a b") == asked
    assert continuation_body("a b", "prompt_logprobs") == asked | {"prompt_logprobs": 0}
    assert continuation_body("a b", "echo") == asked | {"echo": True, "logprobs": 1}


def test_a_chat_reply_keeps_reasoning_apart():
    message = {"content": "[2] > [1]", "reasoning_content": "The second is better."}
    assert read_chat(body(message, finish_reason="length"), PLAIN) == Reply(
        text="[2] > [1]",
        reasoning="The second is better.",
        finish_reason="length",
        tokens_in=9,
        tokens_out=1,
    )


@pytest.mark.parametrize(
    ("message", "text", "reason"),
    [
        ({"content": None}, "", "stop"),
        ({"content": None, "refusal": "I cannot."}, "", "refusal"),
        ({"content": [{"type": "text", "text": "a"}, {"text": "b"}]}, "ab", "stop"),
        ({"content": "a", "reasoning": "r"}, "a", "stop"),
    ],
)
def test_a_message_is_read_as_gateways_write_it(message, text, reason):
    reply = read_chat(body(message), PLAIN)
    assert (reply.text, reply.finish_reason) == (text, reason)


def test_alternatives_come_most_probable_first():
    alternatives = [{"token": "No", "logprob": -2.0}, {"token": "Yes", "logprob": -0.5}]
    logprobs = {"content": [{"token": "Yes", "logprob": -0.5, "top_logprobs": alternatives}]}
    reply = read_chat(body({"content": "Yes"}, logprobs=logprobs), FIRST)
    assert reply.top_logprobs == (("Yes", -0.5), ("No", -2.0))


@pytest.mark.parametrize("logprobs", [None, {}, {"content": None}, {"content": []}])
def test_a_reply_without_the_alternatives_that_were_asked_for_is_told_apart(logprobs):
    with pytest.raises(NoLogprobs):
        read_chat(body({"content": "Yes"}, logprobs=logprobs), FIRST)


def test_a_turn_that_ends_at_once_has_no_alternatives_and_that_is_no_fault():
    reply = read_chat(body({"content": ""}, logprobs={"content": []}), FIRST)
    assert reply.top_logprobs == ()


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"choices": []},
        {"choices": None},
        {"choices": [None]},
        {"error": {"message": "upstream is down"}},
        {"error": "upstream is down", "choices": [{"message": {"content": "x"}}]},
        {"choices": [{"finish_reason": "error", "message": {"content": "half"}}]},
    ],
)
def test_a_body_without_an_answer_never_becomes_a_reply(bad):
    with pytest.raises(BadBody):
        first_choice(bad)


@pytest.mark.parametrize("message", [None, "text", {"content": 5}])
def test_a_choice_without_a_message_is_bad(message):
    with pytest.raises(BadBody):
        read_chat(body(message), PLAIN)


def test_vllm_prompt_logprobs_by_hand():
    entries = [
        None,
        {"17": {"logprob": -1.25, "rank": 3, "decoded_token": " b"}},
        {"4": {"logprob": -0.5, "rank": 1, "decoded_token": " c"}},
    ]
    found = prompt_tokens(body({}, prompt_logprobs=entries), "prompt_logprobs", "a b c")
    assert found == (["", " b", " c"], [None, -1.25, -0.5])


@pytest.mark.parametrize(
    ("pieces", "text", "end"),
    [
        (["a", " b", " end"], "a b end", 2),
        (["<s>", "a", " b", " end"], "a b end", 3),
        (["a", " b"], "a b end", 2),  # the generated token is not listed
        (["a", " b", ""], "a b", 2),  # it is the end of the text, written as nothing
        (["a", " b", " b"], "a b b", 2),
    ],
)
def test_echo_leaves_out_what_was_generated(pieces, text, end):
    logprobs = {"tokens": pieces, "token_logprobs": [None, *[-1.0] * (len(pieces) - 1)]}
    found = prompt_tokens(body({}, logprobs=logprobs, text=text), "echo", "a b")
    assert found == (pieces[:end], [None, *[-1.0] * (end - 1)])


@pytest.mark.parametrize(
    ("pieces", "text", "tokens_in", "end"),
    [
        (["o", "�", "�", " end"], "où end", 3, 3),
        (["o", "�", "�", " end"], "où end", 4, 3),  # and a beginning that is not listed
        (["o", "�", "�"], "où end", 3, 3),
    ],
)
def test_echo_of_half_characters_leaves_out_what_was_generated(pieces, text, tokens_in, end):
    logprobs = {"tokens": pieces, "token_logprobs": [None, *[-1.0] * (len(pieces) - 1)]}
    answer = body({}, logprobs=logprobs, text=text) | {
        "usage": {"prompt_tokens": tokens_in, "completion_tokens": 1}
    }
    assert prompt_tokens(answer, "echo", "où")[0] == pieces[:end]


@pytest.mark.parametrize(
    ("way", "choice"),
    [
        ("prompt_logprobs", {}),
        ("prompt_logprobs", {"prompt_logprobs": None}),
        ("prompt_logprobs", {"prompt_logprobs": []}),
        ("echo", {}),
        ("echo", {"logprobs": None}),
        ("echo", {"logprobs": {"tokens": [" end"], "token_logprobs": [-1.0]}}),
        ("echo", {"logprobs": {"tokens": ["a", "b", "c"], "token_logprobs": [-1.0]}}),
        ("echo", {"logprobs": {"content": [{"token": "a", "logprob": -1.0}]}}),
    ],
)
def test_a_server_that_knows_another_way_only_is_told_apart(way, choice):
    with pytest.raises(NoLogprobs):
        prompt_tokens(body({}, **choice, text=" end"), way, "a b")


@pytest.mark.parametrize(
    ("pieces", "count"),
    [
        (["Is", " it", " cold", "?"], 2),
        (["<s>", "Is", " it", " cold", "?"], 2),
        (["Is", " it", " ", "cold", "?"], 3),
        (["Is", " it col", "d", "?"], 3),  # one token straddles the border
        (["Is", "it", "cold", "?"], None),  # spaces taken away
        (["Is", " it", " c", "", "old", "?"], None),  # a token of some bytes only
        (["?"], None),
    ],
)
def test_the_tokens_of_a_text_are_found_from_the_end(pieces, count):
    assert tail(pieces, Continuation(prefix="Is it", text=" cold?")) == count


@given(st.lists(st.text(min_size=1, max_size=4), max_size=8), st.lists(st.text(min_size=1)))
def test_whole_pieces_are_always_found(before, after):
    wanted = Continuation(prefix="".join(before), text="".join(after))
    assert tail(["<s>", *before, *after], wanted) == len(after)


def test_the_last_values_are_those_of_the_text():
    reply = read_continuation(body({}, finish_reason="length"), [None, -1.0, -2.0, -3.0], 2)
    assert reply == Reply(finish_reason="length", logprobs=(-2.0, -3.0), tokens_in=9, tokens_out=1)


def test_the_first_token_of_all_has_no_value_and_that_is_said():
    with pytest.raises(RequestRefused, match="empty prefix"):
        read_continuation(body({}), [None, -1.0], 2)


@pytest.mark.parametrize("count", [0, -1, 5])
def test_a_count_that_cannot_be_is_refused(count):
    with pytest.raises(TeacherIncapable, match=f"expected the log-probabilities of {count}"):
        read_continuation(body({}), [None, -1.0], count)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"error": {"message": "too\nlong"}}, "too long"),
        ({"message": "m"}, "m"),
        ({"error": "e"}, "e"),
        ({"detail": "d"}, "d"),
        ("plain", "plain"),
        (None, ""),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_an_error_body_is_one_short_line(given, words):
    assert message_of(given) == words
