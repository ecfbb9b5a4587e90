import pytest

from rankmill.generate.replies import read_line, read_object, read_text
from rankmill.generate.writing import Unusable
from rankmill.records import Reply


@pytest.mark.parametrize(
    "text",
    [
        '{"hard_query": "why is it wet"}',
        'Domain: weather.\n```json\n{"hard_query": "why is it\\n wet", "more": [1]}\n```\nDone.',
        '{"hard_query": "why is it\nwet"}',
    ],
)
def test_the_object_at_the_first_brace_is_read(text):
    assert read_object(Reply(text=text), ["hard_query"]) == {"hard_query": "why is it wet"}


def test_a_number_counts_as_text():
    assert read_object(Reply(text='{"character": 3}'), ["character"]) == {"character": "3"}


@pytest.mark.parametrize(
    ("reply", "rule"),
    [
        (Reply(text="why is it wet"), "not_json"),
        (Reply(text=""), "not_json"),
        (Reply(text='{"hard_query": "why'), "not_json"),
        (Reply(text='{"hard_query": "why', finish_reason="length"), "cut_short"),
        (Reply(text='{"query": "why"}'), "incomplete"),
        (Reply(text='{"hard_query": ["why"]}'), "incomplete"),
        (Reply(text='{"hard_query": null}'), "incomplete"),
        (Reply(text='{"hard_query": " "}'), "empty"),
        (Reply(text='{"hard_query": "why"}', finish_reason="content_filter"), "refused"),
        (Reply(text="{" * 100_000), "not_json"),
    ],
)
def test_what_is_no_such_object_is_unusable_by_name(reply, rule):
    found = read_object(reply, ["hard_query"])
    assert isinstance(found, Unusable)
    assert found.rule == rule


@pytest.mark.parametrize(
    ("reply", "rule"),
    [
        (Reply(text="  "), "empty"),
        (Reply(text="so it", finish_reason="length"), "cut_short"),
        (Reply(text="so it", finish_reason="refusal"), "refused"),
    ],
)
def test_a_text_is_whole_or_unusable(reply, rule):
    assert read_text(reply).rule == rule
    assert read_text(Reply(text=" so  it\nis")) == "so it is"


def test_a_line_has_no_quotes_and_not_too_many_words():
    assert read_line(Reply(text='"a nurse"'), 4) == "a nurse"
    assert read_line(Reply(text="a nurse on a ward"), 4) == Unusable(
        "too_long", "5 words > 4: a nurse on a ward"
    )
