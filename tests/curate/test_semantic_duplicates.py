import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankmill.curate import SemanticDuplicates
from rankmill.space.near import nearest_of


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def angles(*degrees):
    turned = np.radians(degrees)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def fallen(vectors, rows=None, **how):
    rows = np.arange(len(vectors)) if rows is None else np.array(rows)
    return SemanticDuplicates(**how).fallen(vectors, rows)


def test_the_first_stays_and_what_is_near_it_falls_to_it():
    found = fallen(angles(0, 90, 10, 95), similarity=0.98)  # cos 10° = 0.985, cos 5° = 0.996
    assert {row: first for row, (first, _) in found.items()} == {2: 0, 3: 1}
    assert found[2][1] == pytest.approx(np.cos(np.radians(10)), abs=1e-6)


def test_what_is_near_a_fallen_one_only_stays():
    assert fallen(angles(0, 10, 20), similarity=0.98).keys() == {1}


def test_the_nearest_of_those_that_stay_is_named():
    assert fallen(angles(0, 30, 20), similarity=0.9)[2][0] == 1


def test_rows_that_take_no_part_neither_fall_nor_are_fallen_to():
    assert fallen(angles(0, 1, 2), rows=[1, 2], similarity=0.98) == {
        2: (1, pytest.approx(np.cos(np.radians(1)), abs=1e-6))
    }


def test_no_rows_leave_nothing_fallen():
    assert fallen(angles(0, 1), rows=[]) == {}


def test_groups_find_what_lies_inside_them():
    draw = np.random.default_rng(0)
    centres = unit(draw.normal(size=(40, 16)))
    vectors = unit(np.repeat(centres, 5, axis=0) + draw.normal(size=(200, 16)) * 0.01)
    exact = fallen(vectors, similarity=0.97)
    grouped = fallen(vectors, similarity=0.97, exact=100)
    assert len(exact) == 160
    assert grouped.items() <= exact.items()
    assert len(grouped) >= 150


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1_000), st.integers(1, 60), st.floats(0.5, 0.99))
def test_every_one_that_falls_has_one_that_stays_and_no_two_that_stay_are_near(seed, n, limit):
    vectors = unit(np.random.default_rng(seed).normal(size=(n, 4)))
    found = fallen(vectors, similarity=limit)
    stay = [row for row in range(n) if row not in found]
    assert all(first < row and first in stay for row, (first, _) in found.items())
    likeness = np.triu(vectors[stay] @ vectors[stay].T, k=1)
    assert likeness.max(initial=-1) < limit + 1e-6


def test_blocks_change_nothing(monkeypatch):
    vectors = unit(np.random.default_rng(3).normal(size=(300, 5)))
    whole = fallen(vectors, similarity=0.9)
    monkeypatch.setattr("rankmill.curate.semantic._BLOCK", 7)
    monkeypatch.setattr("rankmill.space.near._BLOCK", 11)
    parts = fallen(vectors, similarity=0.9)
    assert {row: first for row, (first, _) in whole.items()} == {
        row: first for row, (first, _) in parts.items()
    }


def test_the_nearest_is_the_first_of_equally_near_ones():
    place, cosine = nearest_of(angles(0, 90), angles(90, 0, 0))
    assert place.tolist() == [1, 0]
    assert cosine.tolist() == pytest.approx([1, 1])


def test_nothing_is_near_where_there_is_nothing():
    place, cosine = nearest_of(angles(0), angles()[:0].reshape(0, 2))
    assert (place.tolist(), cosine.tolist()) == ([0], [-1])
