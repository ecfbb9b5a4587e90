from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankmill.retrieve import words
from rankmill.retrieve.words import read


def words_of(*texts, stopwords=(), stem=list):
    found = read(texts, stopwords=stopwords, stem=stem)
    names = list(found.ids)
    spans = pairwise(found.starts)
    return [[names[number] for number in found.numbers[start:end]] for start, end in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A cat's 2 paws, b2b_x", ["cat", "paws", "b2b_x"]),
        ("東京都に", ["東京", "京都", "都に"]),
        ("猫", ["猫"]),
        ("iPhone手机 is ok", ["iphone", "手机", "is", "ok"]),
        ("コーヒー", ["コー", "ーヒ", "ヒー"]),
        ("한국어 문서", ["한국", "국어", "문서"]),
        ("ภาษา", ["ภา", "าษ", "ษา"]),
        ("naïve Straße мир हिन्दी مرحبا", ["naïve", "straße", "мир", "हिन्दी", "مرحبا"]),
        ("a b ?! \x00 \u200f", []),
    ],
)
def test_words_by_hand(text, expected):
    assert words_of(text) == [expected]


def test_stopwords_go_before_stemming_and_stems_are_shared():
    found = words_of(
        "the runs", "", "a run them", stopwords=["the"], stem=lambda w: [x[:3] for x in w]
    )
    assert found == [["run"], [], ["run", "the"]]


def test_words_are_numbered_as_they_come_however_many_texts_are_read_at_a_time(monkeypatch):
    monkeypatch.setattr(words, "_BATCH", 1)
    found = read(["cats purr", "", "dogs", "purr cats"], stopwords=(), stem=list)
    assert (found.starts.tolist(), found.numbers.tolist()) == ([0, 2, 2, 3, 5], [0, 1, 2, 1, 0])
    assert found.ids == {"cats": 0, "purr": 1, "dogs": 2}


def test_no_texts_have_no_words():
    found = read([], stopwords=(), stem=list)
    assert (found.starts.tolist(), found.numbers.tolist(), found.ids) == ([0], [], {})


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab 猫犬鳥é", max_size=12), max_size=5))
def test_texts_are_read_alone_as_they_are_read_together(texts):
    assert words_of(*texts) == [found for text in texts for found in words_of(text)]
