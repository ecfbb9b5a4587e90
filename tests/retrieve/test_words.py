from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankmill.retrieve.words import Vocabulary


def words_of(*texts, stopwords=(), stem=list):
    vocabulary = Vocabulary(stopwords=stopwords, stem=stem)
    starts, numbers = vocabulary.read(texts)
    names = list(vocabulary.ids)
    return [[names[number] for number in numbers[start:end]] for start, end in pairwise(starts)]


@pytest.mark.parametrize(
    ("text", "words"),
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
def test_words_by_hand(text, words):
    assert words_of(text) == [words]


def test_stopwords_go_before_stemming_and_stems_are_shared():
    words = words_of(
        "the runs", "", "a run them", stopwords=["the"], stem=lambda w: [x[:3] for x in w]
    )
    assert words == [["run"], [], ["run", "the"]]


def test_a_word_keeps_its_number_in_later_texts():
    vocabulary = Vocabulary(stopwords=(), stem=list)
    vocabulary.read(["cats purr"])
    starts, numbers = vocabulary.read(["dogs", "purr cats"])
    assert (starts.tolist(), numbers.tolist()) == ([0, 1, 3], [2, 1, 0])


def test_no_texts_have_no_words():
    starts, numbers = Vocabulary(stopwords=(), stem=list).read([])
    assert (starts.tolist(), numbers.tolist()) == ([0], [])


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab 猫犬鳥é", max_size=12), max_size=5))
def test_texts_are_read_alone_as_they_are_read_together(texts):
    assert words_of(*texts) == [words for text in texts for words in words_of(text)]
