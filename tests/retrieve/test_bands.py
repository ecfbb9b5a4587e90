import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rankmill.retrieve.bands import Band, composed, with_sources

FOUND = [f"d{rank}" for rank in range(1, 1001)]


def compose(*bands, seed="q1", **others):
    return composed([Band(**band) for band in bands], {"fused": FOUND} | others, seed=seed)


def ranks_of(docids):
    return [int(docid[1:]) for docid in docids]


def test_the_bands_of_erank():
    ranks = ranks_of(
        compose(
            {"ranks": (1, 10), "take": 10},
            {"ranks": (11, 100), "take": 4},
            {"ranks": (101, 1000), "take": 4},
        )
    )
    assert ranks[:10] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert all(11 <= rank <= 100 for rank in ranks[10:14])
    assert all(101 <= rank <= 1000 for rank in ranks[14:])
    assert len(set(ranks)) == 18


def test_the_bands_of_grouprank():
    ranks = ranks_of(compose({"ranks": (1, 10), "take": 10}, {"ranks": (11, 200), "take": 40}))
    assert ranks[:10] == list(range(1, 11))
    assert len(set(ranks[10:])) == 40
    assert ranks[10:] == sorted(ranks[10:])
    assert set(ranks[10:]) <= set(range(11, 201))


def test_the_band_of_duqgen_has_nothing_to_draw():
    assert compose({"ranks": (93, 96), "take": 4}) == ["d93", "d94", "d95", "d96"]


def test_the_twenty_of_reasonrank_s_forty():
    ranks = ranks_of(compose({"ranks": (1, 40), "take": 20}))
    assert len(set(ranks)) == 20
    assert ranks == sorted(ranks)
    assert max(ranks) <= 40


def test_draws_are_the_same_for_a_seed_and_differ_between_queries():
    band = {"ranks": (1, 1000), "take": 10}
    assert compose(band) == compose(band)
    assert compose(band) != compose(band, seed="q2")


def test_two_bands_of_one_range_draw_different_documents():
    band = {"ranks": (1, 6), "take": 3}
    assert sorted(compose(band, band)) == FOUND[:6]


def test_a_document_that_an_earlier_band_took_is_not_taken_again():
    others = {"bm25": ["d2", "d1", "x", "y"]}
    bands = ({"ranks": (1, 2), "take": 2}, {"ranks": (1, 3), "take": 2, "retriever": "bm25"})
    assert compose(*bands, **others) == ["d1", "d2", "x"]


def test_a_band_beyond_what_was_found_takes_what_there_is():
    assert composed([Band(ranks=(2, 9), take=5)], {"fused": ["a", "b"]}, seed="") == ["b"]
    assert (
        composed([Band(ranks=(2, 9), take=5, retriever="given")], {"fused": ["a"]}, seed="") == []
    )


@pytest.mark.parametrize("source", [*FOUND[:11], "elsewhere"])
def test_a_source_takes_nobodys_place(source):
    bands = [Band(ranks=(1, 3), take=3), Band(ranks=(4, 8), take=2)]
    found = composed(bands, {"fused": FOUND}, sources=[source], seed="s")
    others = [docid for docid in FOUND if docid != source]
    assert [docid for docid in found if docid != source][:3] == others[:3]
    assert len({*found} - {source}) == 5
    assert {*found} - {source} <= {*others[:8]}
    assert (source in found) == (source in FOUND[:8])
    if source in FOUND[:3]:
        assert found.index(source) == FOUND.index(source)


def test_sources_beyond_a_list_leave_none_of_the_others():
    assert with_sources(["a", "b"], ["s", "t", "u"], most=3) == ["s", "t", "u"]


@pytest.mark.parametrize(
    ("band", "fault"),
    [
        ({"ranks": (0, 5), "take": 1}, "ranks 0 to 5: expected a first and a last, from 1"),
        ({"ranks": (6, 5), "take": 1}, "ranks 6 to 5: expected a first and a last, from 1"),
        ({"ranks": (93, 96), "take": 5}, "take 5: ranks 93 to 96 are 4"),
    ],
)
def test_a_band_that_cannot_be_is_refused(band, fault):
    with pytest.raises(ValidationError, match=fault):
        Band(**band)


def test_sources_that_are_missing_take_the_last_places():
    assert with_sources(["a", "b", "c"], ["s"], most=3) == ["a", "b", "s"]
    assert with_sources(["a", "b"], ["s", "t"], most=4) == ["a", "b", "s", "t"]


def test_a_source_makes_no_room_for_another():
    assert with_sources(["a", "b", "s"], ["s", "t"], most=3) == ["a", "s", "t"]
    assert with_sources(["s", "a"], ["s", "t"], most=2) == ["s", "t"]


def test_sources_that_are_there_change_nothing():
    assert with_sources(["a", "s", "b"], ["s"], most=3) == ["a", "s", "b"]
    assert with_sources(["a", "b"], [], most=2) == ["a", "b"]


DOCIDS = st.lists(st.sampled_from("abcdefgh"), unique=True)


@settings(deadline=None)
@given(DOCIDS, st.lists(st.sampled_from("abst"), unique=True, max_size=2), st.integers(2, 9))
def test_sources_are_always_in_a_list_that_keeps_its_order_and_its_length(docids, sources, most):
    docids = docids[:most]
    found = with_sources(docids, sources, most=most)
    assert set(sources) <= set(found)
    assert len(found) == min(most, len({*docids, *sources}))
    kept = [docid for docid in found if docid in docids]
    assert kept == [docid for docid in docids if docid in kept]
