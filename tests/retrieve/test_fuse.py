import pytest

from rankmill.retrieve import fuse


def test_reciprocal_ranks_by_hand():
    fused = fuse([["a", "b", "c"], ["c", "d"]], k=60)
    assert fused.docids == ("c", "a", "b", "d")
    assert fused.scores == pytest.approx((1 / 63 + 1 / 61, 1 / 61, 1 / 62, 1 / 62))


def test_an_empty_list_changes_nothing():
    assert fuse([["b", "a"], []], k=60).docids == ("b", "a")


def test_nothing_fuses_to_nothing():
    assert fuse([[], []], k=60).docids == ()
