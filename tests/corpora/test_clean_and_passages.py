from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rankmill.corpora.clean import clean, clean_text
from rankmill.corpora.passages import Passages
from rankmill.records import Document, Rejection
from rankmill.tags import primary

LINE_ENDS = st.sampled_from(["\n", "\r", "\u2029", "\u2028", "\t", " ", "\0", "a", "\f", "\xad"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  two  words \n", "two  words"),
        ("a\r\nb\rc\u2028d\x0ce\x85f", "a\nb\nc\nd\ne\nf"),
        ("a\n\n \t\n\nb\u2029c", "a\n\nb\n\nc"),
        ("code:\n    x = 1  \n    y", "code:\n    x = 1\n    y"),
        ("e\u0301", "\u00e9"),
        ("nu\0ll be\x07ll de\x7fl \ufeffmark so\u00adft", "null bell del mark soft"),
        (
            "\U0001f468\u200d\U0001f469 \u0646\u200c\u0645",
            "\U0001f468\u200d\U0001f469 \u0646\u200c\u0645",
        ),
        ("lone \ud800surrogate", "lone surrogate"),
        ("\u212b \ufb01 \u00bd", "\u00c5 \ufb01 \u00bd"),
        ("\0\r\n ", ""),
    ],
)
def test_text_in_normal_form_by_hand(text, expected):
    assert clean_text(text) == expected


@given(st.text() | st.text(LINE_ENDS))
def test_cleaning_twice_is_cleaning_once(text):
    assert clean_text(clean_text(text)) == clean_text(text)


@given(st.text(st.characters(categories=["L", "N", "P"], exclude_characters="\ufffe\uffff")))
def test_cleaning_keeps_every_letter(text):
    assert "".join(clean_text(" ".join(text)).split()) == "".join(map(clean_text, text))


@pytest.mark.timeout(20)
def test_a_million_spaces_are_cleaned_in_no_time():
    assert clean_text("a" + " " * 1_000_000 + "b").endswith(" b")


def test_a_title_is_one_line_and_every_other_field_is_kept():
    document = Document(
        docid="d ",
        title=" a\r\n\tb ",
        text="t\0",
        source="s",
        licence="l",
        lang="xx",
        headings="A\n > B\0",
        parent="p ",
    )
    assert clean(document) == Document(
        docid="d ",
        title="a b",
        text="t",
        source="s",
        licence="l",
        lang="xx",
        headings="A > B",
        parent="p ",
    )
    assert clean(Document(docid="d", text="t", headings=" ")).headings is None


@pytest.mark.parametrize(
    ("said", "tag"),
    [("en_US", "en-US"), ("pt-BR", "pt-BR"), ("de_AT.UTF-8", "de-AT"), (" fr ", "fr"), ("", None)],
)
def test_a_language_is_tagged_as_bcp_47_has_it(said, tag):
    assert clean(Document(docid="d", text="t", lang=said)).lang == tag
    assert primary(said) == (tag or "").partition("-")[0]


def document(text: str) -> Document:
    return Document(docid="d", title="T", text=text, source="s", licence="l", lang="en")


def test_a_short_document_stays_whole():
    whole = document("x" * 40)
    assert list(Passages().cut(whole)) == [whole]


def test_a_document_of_exactly_the_longest_length_stays_whole():
    whole = document("x" * 1000)
    assert list(Passages().cut(whole)) == [whole]


@pytest.mark.parametrize("length", [0, 39])
def test_a_document_below_the_shortest_length_is_rejected_with_its_length(length):
    assert list(Passages().cut(document("x" * length))) == [
        Rejection(id="d", rule="too_short", detail=f"{length} characters < 40")
    ]


def test_a_long_document_is_cut_at_sentences_and_its_passages_know_their_parent():
    text = "The first sentence is here. The second one is here too. And a third."
    first, second = Passages(min_chars=5, max_chars=62).cut(document(text))
    assert first == Document(
        docid="d#1",
        title="T",
        text="The first sentence is here. The second one is here too.",
        source="s",
        parent="d",
        licence="l",
        lang="en",
    )
    assert second == Document(
        docid="d#2", title="T", text="And a third.", source="s", parent="d", licence="l", lang="en"
    )


def test_paragraphs_are_cut_apart_before_sentences():
    text = "One. Two. Three.\n\nFour. Five. Six."
    found = [piece.text for piece in Passages(min_chars=2, max_chars=26).cut(document(text))]
    assert found == ["One. Two. Three.", "Four. Five. Six."]


def test_a_short_tail_joins_the_passage_before_it():
    text = f"{'word ' * 7}end.\n\n{'more ' * 7}end.\n\nTail."
    found = [piece.text for piece in Passages(min_chars=10, max_chars=50).cut(document(text))]
    assert found == [f"{'word ' * 7}end.", f"{'more ' * 7}end.\n\nTail."]


@pytest.mark.parametrize(("shortest", "longest"), [(0, 10), (6, 11), (10, 10)])
def test_bounds_that_leave_no_room_are_refused(shortest, longest):
    with pytest.raises(ValidationError):
        Passages(min_chars=shortest, max_chars=longest)


WORDS = st.lists(
    st.text(st.characters(categories=["L"]), min_size=1, max_size=30), min_size=1, max_size=60
)


@given(WORDS, st.lists(st.sampled_from([" ", ". ", "\n", "\n\n"])), st.integers(1, 30), st.data())
def test_nothing_is_lost_and_every_passage_is_within_bounds(words, gaps, shortest, data):
    longest = data.draw(st.integers(2 * shortest, 120))
    text = words[0]
    for number, word in enumerate(words[1:]):
        text += (gaps[number % len(gaps)] if gaps else " ") + word
    outcomes = list(Passages(min_chars=shortest, max_chars=longest).cut(document(text)))
    kept = [outcome for outcome in outcomes if isinstance(outcome, Document)]
    assert all(shortest <= len(passage.text) <= longest for passage in kept)
    lost = [o.detail for o in outcomes if isinstance(o, Rejection)]
    characters = sum(len("".join(passage.text.split())) for passage in kept)
    assert characters + sum(int(detail.split()[0]) for detail in lost) <= len(text)
    if not lost:
        assert characters == len("".join(text.split()))


def test_passages_of_a_part_keep_its_headings_and_belong_to_what_it_is_part_of():
    part = replace(document("One sentence here. Two sentences here."), parent="p", headings="A > B")
    cut = list(Passages(min_chars=5, max_chars=25).cut(part))
    assert [(p.docid, p.parent, p.headings, p.title) for p in cut] == [
        ("d#1", "p", "A > B", "T"),
        ("d#2", "p", "A > B", "T"),
    ]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("unit", ["x", "汉字没有空格", "words without an end ", "a. ", "end.Next"])
def test_a_line_of_a_million_characters_is_cut_in_no_time_and_nothing_is_lost(unit):
    text = (unit * (1_000_000 // len(unit))).strip()
    cut = [passage.text for passage in Passages().cut(document(text)) if passage]
    assert all(40 <= len(passage) <= 1000 for passage in cut)
    assert "".join("".join(cut).split()) == "".join(text.split())


def test_only_a_line_that_nobody_wrote_is_cut_another_way():
    prose = "\n".join(f"Line {n} of a text that has very many of them." for n in range(2000))
    assert "\n".join(p.text for p in Passages().cut(document(prose))) == prose
