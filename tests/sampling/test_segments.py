from collections import Counter
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rankmill.sampling import Random, deal
from rankmill.sampling.segments import POSITIONS, thirds


def pieces(text):
    cuts = thirds(text)
    return [text[start:end] for start, end in pairwise(cuts)]


def test_a_cut_is_made_where_a_sentence_begins():
    text = "One two three four. Five six seven. Eight nine ten, eleven."
    assert pieces(text) == ["One two three four. ", "Five six seven. ", "Eight nine ten, eleven."]


def test_without_a_sentence_near_by_a_word_begins_at_the_cut():
    text = "aaaa bbbb cccc dddd eeee ffff"  # thirds at 9 and 19; words begin at 10 and 20
    assert pieces(text) == ["aaaa bbbb ", "cccc dddd ", "eeee ffff"]


def test_a_sentence_far_from_the_third_is_no_border():
    text = "Hi. " + "abcde " * 16  # 100 characters: the sentence begins at 4, the third at 33
    assert thirds(text)[1] == 34  # where a word begins


def test_chinese_is_cut_at_its_own_full_stops_and_else_at_the_third():
    assert pieces("一二三四。五六七八。九十百千。") == ["一二三四。", "五六七八。", "九十百千。"]
    assert [len(piece) for piece in pieces("一二三四五六七八九")] == [3, 3, 3]


@pytest.mark.parametrize("text", ["", "ab", "a" + " " * 30, " " * 9 + "b" * 3])
def test_a_text_with_a_blank_segment_is_not_cut(text):
    assert thirds(text) is None


@given(st.text(st.sampled_from("ab .\n。!"), max_size=120))
def test_segments_make_up_the_text_and_are_about_equal(text):
    if cuts := thirds(text):
        assert cuts[0] == 0
        assert cuts[3] == len(text)
        for part in (1, 2):
            assert abs(cuts[part] - len(text) * part // 3) <= len(text) / 12
        assert all(piece.strip() for piece in pieces(text))


def seeds_of(lengths):
    texts = {f"d{n:03}": "word " * (length // 5) for n, length in enumerate(lengths)}
    seeds = pl.DataFrame({"docid": list(texts)}).with_columns(cluster=pl.lit(0, pl.Int32))
    return seeds, texts


def test_every_length_gets_every_position_equally_often():
    seeds, texts = seeds_of([100] * 6 + [300] * 9 + [600] * 3)
    dealt, cells = deal(seeds, texts, POSITIONS, seed=0)
    assert cells == {
        "segments of less than 256 characters": "begin 2, middle 2, end 2",
        "segments of 256 to 511 characters": "begin 3, middle 3, end 3",
        "segments of 512 to 1,023 characters": "begin 1, middle 1, end 1",
    }
    for docid, segment, start, end in dealt.drop("cluster").iter_rows():
        cuts = thirds(texts[docid])
        assert (start, end) == cuts[POSITIONS.index(segment) :][:2]


@given(st.lists(st.integers(15, 1500), min_size=1, max_size=40), st.integers(0, 5))
def test_positions_differ_by_one_at_most_within_a_length_and_over_all(lengths, seed):
    seeds, texts = seeds_of(lengths)
    dealt, _ = deal(seeds, texts, POSITIONS, seed=seed)
    bins = [sum(len(texts[d]) >= edge for edge in (256, 512, 1024)) for d in dealt["docid"]]
    counts = Counter(zip(bins, dealt["segment"], strict=True))
    for length in set(bins):
        found = [counts[length, position] for position in POSITIONS]
        assert max(found) - min(found) <= 1
    whole = [dealt["segment"].to_list().count(position) for position in POSITIONS]
    assert max(whole) - min(whole) <= 1
    assert dealt.select("docid", "cluster").equals(seeds)


def test_only_the_positions_that_are_wanted_are_dealt():
    seeds, texts = seeds_of([100] * 4)
    dealt, _ = deal(seeds, texts, ("middle", "end"), seed=0)
    assert sorted(dealt["segment"]) == ["end", "end", "middle", "middle"]


def test_a_seed_too_short_for_a_segment_stays_whole_and_is_counted():
    seeds, texts = seeds_of([100] * 3)
    dealt, cells = deal(seeds, {**texts, "d001": "?"}, POSITIONS, seed=0)
    assert dealt.row(1) == ("d001", 0, None, None, None)
    assert cells["seeds too short for a segment"] == "1"


def test_a_sampler_says_which_segments_it_wants():
    assert Random(documents=1).positions == ()
    assert Random(documents=1, segments=True).positions == POSITIONS
    assert Random(documents=1, segments=("end", "begin")).positions == ("begin", "end")
    with pytest.raises(ValidationError, match="segments"):
        Random(documents=1, segments=("start",))
