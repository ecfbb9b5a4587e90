import math

import bm25s
import numpy as np
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


def test_scores_are_those_of_bm25s():
    chance = np.random.default_rng(1)
    texts = [" ".join(f"w{n}" for n in chance.zipf(1.3, chance.integers(0, 30))) for _ in range(80)]
    theirs = bm25s.BM25(k1=1.2, b=0.75, method="lucene")
    cut = bm25s.tokenize(texts, stopwords=[], show_progress=False)
    theirs.index(cut, show_progress=False)
    spec = BM25(k1=1.2, b=0.75, language="none")
    ours = spec.index(texts)
    [words] = spec.words(["w1 w2 w3 w3 w40 unheard"])
    assert words == ["w1", "w2", "w3", "w3", "w40", "unheard"]
    known = [word for word in words if word in theirs.vocab_dict]
    assert ours.scores(words) == pytest.approx(theirs.get_scores(known), rel=1e-5)


def test_an_index_made_in_parts_is_the_same(monkeypatch):
    texts = ["cats purr", "", "dogs bark bark", "cats bark"]
    whole = BM25().index(texts)
    monkeypatch.setattr("rankmill.retrieve.words._BATCH", 2)
    parts = BM25().index(iter(texts))
    assert parts.ids == whole.ids
    assert parts.scores(["bark", "cat"]).tolist() == whole.scores(["bark", "cat"]).tolist()


def test_documents_moved_to_other_places_keep_their_scores():
    index = BM25().index(["cats purr", "dogs bark", "cows"])
    scores = index.scores(["bark"])
    moved = index.moved(np.array([2, 0, 1])).scores(["bark"])
    assert moved.tolist() == [scores[1], scores[2], scores[0]]


def test_no_documents_make_an_empty_index():
    index = BM25().index([])
    assert (index.size, index.scores(["cat"]).tolist()) == (0, [])


def test_text_without_spaces_is_found_by_pairs_of_characters():
    index = BM25().index(["東京都に住んでいます", "京都は古い都です", "大阪"])
    [words] = BM25().words(["京都"])
    assert words == ["京都"]
    scores = index.scores(words)
    assert (scores[:2] > 0).all()
    assert scores[2] == 0
