import math

import pytest
from pydantic import ValidationError

from rankmill.retrieve import BM25


def test_scores_by_hand():
    index = BM25(k1=0.9, b=0.4, language="none").index(["cats purr", "dogs bark bark", "cows"])
    # "bark": in 1 of 3 documents, twice in one of 3 words; the mean length is 2 words.
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    frequency = 2 / (2 + 0.9 * (1 - 0.4 + 0.4 * 3 / 2))
    assert index.scores(["bark"]).tolist() == pytest.approx([0, idf * frequency, 0])
    assert index.scores(["bark", "bark"]).tolist() == pytest.approx([0, 2 * idf * frequency, 0])


def test_words_are_stemmed_and_function_words_left_out():
    assert BM25().words(["The parsers are parsing a file"]) == [["parser", "pars", "file"]]
    assert BM25(stopwords=False).words(["the files"]) == [["the", "file"]]
    assert BM25(language="german").words(["die Häuser und das Haus"]) == [["haus", "haus"]]
    assert BM25(language="none", stopwords=True).words(["the Files"]) == [["the", "files"]]


@pytest.mark.parametrize("query", ["", "the of and", "?!", "unheard"])
def test_a_query_without_a_known_word_scores_every_document_zero(query):
    spec = BM25()
    [words] = spec.words([query])
    assert spec.index(["cats purr", "dogs bark"]).scores(words).tolist() == [0, 0]


def test_a_corpus_without_words_scores_zero():
    assert BM25().index(["?", "..."]).scores(["cat"]).tolist() == [0, 0]


def test_texts_are_read_from_a_generator():
    assert BM25().index(text for text in ["a cat", "a dog"]).size == 2


def test_an_unknown_language_names_the_known_ones():
    with pytest.raises(ValidationError, match=r"klingon: expected one of none, .*english"):
        BM25(language="klingon")


def test_nothing_reaches_the_terminal(capfd, caplog):
    BM25().index(["cats purr", "dogs bark"]).scores(BM25().words(["cat"])[0])
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
