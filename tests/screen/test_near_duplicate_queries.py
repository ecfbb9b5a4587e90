import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rankmill.screen import duplicates
from rankmill.screen.duplicates import near_duplicates, same_words


def fallen(ids, verdicts):
    return [qid for qid, verdict in zip(ids, verdicts, strict=True) if verdict]


def one_by_one(vectors, cut, known):
    """The definition: each query against every earlier one that is kept."""
    kept = []
    for place, vector in enumerate(vectors.astype(np.float64)):
        near = any(vectors[one].astype(np.float64) @ vector >= cut for one in kept)
        if place < known or not near:
            kept.append(place)
    return kept


def test_the_same_words_fall_to_the_first_whatever_case_and_end():
    texts = ["Is tea hot?", "is tea hot", "What is C", "what is c++", "茶热吗\uff1f", "茶热吗"]
    found = list(same_words(list("abcdef"), texts))
    assert found == [None, ("duplicate", "same words as a"), None, None, None, found[5]]
    assert found[5] == ("duplicate", "same words as e")


def test_what_an_earlier_build_asked_is_not_asked_again():
    ids, texts = ["old/a", "b", "c"], ["is tea hot", "Is tea hot?", "is ice cold"]
    assert list(same_words(ids, texts, known=1)) == [("duplicate", "same words as old/a"), None]
    vectors = np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)
    found = list(near_duplicates(ids, vectors, max_similarity=0.95, known=1))
    assert found == [None, ("near_duplicate", "cosine 1.000 to old/a >= 0.95")]


def test_near_duplicates_fall_to_the_first_that_is_kept():
    vectors = np.array([[1, 0], [0.99, 0.141], [0.8, 0.6], [0, 1]], dtype=np.float32)
    found = list(near_duplicates(list("abcd"), vectors, max_similarity=0.95))
    assert found == [None, ("near_duplicate", "cosine 0.990 to a >= 0.95"), None, None]


def test_a_near_duplicate_of_a_rejected_query_alone_is_kept():
    angles = np.radians([0, 15, 30])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert fallen("abc", near_duplicates("abc", vectors, max_similarity=0.95)) == ["b"]


def test_no_query_has_no_near_duplicate():
    assert list(near_duplicates([], np.empty((0, 0), np.float32), max_similarity=0.9)) == []
    assert list(same_words([], [])) == []


@pytest.mark.parametrize("known", [0, 7])
@pytest.mark.parametrize("cut", [0.5, 0.9, 0.999])
def test_blocks_and_bounds_change_nothing(monkeypatch, cut, known):
    monkeypatch.setattr(duplicates, "_BLOCK", 16)
    monkeypatch.setattr(duplicates, "_TILE", 24)
    monkeypatch.setattr(duplicates, "_HEAD", 5)
    draw = np.random.default_rng(5)
    topics = draw.normal(size=(20, 32))
    rows = topics[draw.integers(20, size=150)] + draw.normal(size=(150, 32)) * 0.3
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    rows[40] = rows[3]
    ids = [f"q{place}" for place in range(150)]
    found = near_duplicates(ids, rows, max_similarity=cut, known=known)
    kept = [place for place, verdict in enumerate(found, start=known) if not verdict]
    assert [*range(known), *kept] == one_by_one(rows, cut, known)


@settings(max_examples=30, deadline=None)
@given(arrays(np.float32, (12, 3), elements=st.floats(-1, 1, width=16)), st.floats(0.1, 0.95))
def test_the_kept_ones_are_no_duplicates_of_each_other(rows, cut):
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.where(lengths > 0, rows / np.where(lengths > 0, lengths, 1), 0).astype(np.float32)
    ids = [str(place) for place in range(12)]
    verdicts = list(near_duplicates(ids, rows, max_similarity=cut))
    kept = rows[[place for place, verdict in enumerate(verdicts) if not verdict]]
    cosines = kept @ kept.T - np.eye(len(kept))
    assert (cosines < cut + 1e-6).all()
