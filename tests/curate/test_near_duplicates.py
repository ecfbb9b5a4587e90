import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rankmill.curate import NearDuplicates
from rankmill.records import Document, Rejection
from rankmill.word_runs import shingles, words_of

LETTERS = "a b c d e f g h i j k l m n o p q r s t u v w x y z"


def texts_of(number, seed=0, words=40):
    """Texts of random words, none of which share a run."""
    draw = random.Random(seed)
    return [" ".join(f"w{draw.getrandbits(30)}" for _ in range(words)) for _ in range(number)]


def fallen(spec, texts):
    return spec.fallen(spec.sign([pl.Series(texts, dtype=pl.String)]))


def runs_of(texts, length=3):
    hashes, rows = shingles(words_of(pl.Series(texts)), length)
    return [set(hashes[rows == row].tolist()) for row in range(len(texts))]


def share(one, other):
    return len(one & other) / len(one | other)


def jaccard(one, other):
    return share(*runs_of([one, other]))


def picked(folder, *things, **how):
    found = list(NearDuplicates(**how).pick(things, folder))
    return [one.docid if isinstance(one, Document) else (one.id, one.rule) for one in found]


def test_the_likeness_of_two_texts_is_the_share_of_runs_of_words_they_have_in_common():
    # a b c d | b c d e: runs abc bcd | bcd cde, one of three in common
    assert jaccard("a b c d", "b c d e") == pytest.approx(1 / 3)


def test_a_text_with_one_other_word_falls_to_the_first_of_them():
    (text,) = texts_of(1)
    other = text.replace(text.split()[0], "other")  # 37 of 39 runs are shared
    assert fallen(NearDuplicates(), [text, other, *texts_of(3, seed=1)]).keys() == {1}
    first, likeness = fallen(NearDuplicates(), [text, other])[1]
    assert first == 0
    assert likeness == pytest.approx(37 / 39, abs=0.05)


def test_texts_that_are_less_alike_than_asked_for_both_stay():
    (text,) = texts_of(1)
    halves = " ".join(text.split()[:20] + texts_of(1, seed=9)[0].split()[:20])
    assert jaccard(text, halves) == pytest.approx(18 / 58)
    assert fallen(NearDuplicates(), [text, halves]) == {}
    assert fallen(NearDuplicates(similarity=0.2, permutations=512), [text, halves]).keys() == {1}


def test_case_and_punctuation_do_not_tell_texts_apart_but_order_does():
    (text,) = texts_of(1)
    shuffled = " ".join(reversed(text.split()))
    texts = [text, text.upper().replace(" ", ", ") + "!", shuffled]
    assert fallen(NearDuplicates(), texts) == {1: (0, 1.0)}


def test_texts_shorter_than_a_run_are_compared_whole():
    assert fallen(NearDuplicates(), ["green tea", "Green tea!", "black tea"]) == {1: (0, 1.0)}


def test_texts_without_words_are_like_nothing():
    assert fallen(NearDuplicates(), ["...", "!!!", "", "..."]) == {}


def test_nothing_is_fallen_of_nothing():
    assert fallen(NearDuplicates(), []) == {}
    assert fallen(NearDuplicates(), ["alone"]) == {}


def test_scripts_without_spaces_are_compared_by_characters():
    text = "昨天我们在公园里散步的时候看见了一只白色的小猫坐在长椅上晒太阳"
    assert fallen(NearDuplicates(), [text, text.replace("昨", "今"), "今天下雨了"]).keys() == {1}


def test_what_is_like_a_fallen_text_only_stays():
    words = [f"w{number}" for number in range(60)]
    chain = [" ".join(words[start : start + 40]) for start in (0, 3, 6)]
    assert jaccard(chain[0], chain[1]) == pytest.approx(35 / 41)
    assert jaccard(chain[0], chain[2]) == pytest.approx(32 / 44)
    assert fallen(NearDuplicates(permutations=1024), chain).keys() == {1}


@pytest.mark.parametrize(
    ("similarity", "band"), [(1.0, 128), (0.9, 10), (0.8, 6), (0.5, 3), (0.05, 1)]
)
def test_bands_are_as_wide_as_lets_99_of_100_pairs_at_the_limit_meet(similarity, band):
    spec = NearDuplicates(similarity=similarity)
    assert spec.band == band
    meet = 1 - (1 - similarity**band) ** (128 // band)
    wider = 1 - (1 - similarity ** (band + 1)) ** (128 // (band + 1) or 1)
    assert meet >= 0.99 or band == 1
    assert wider < 0.99 or band == 128


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_pairs_of_high_likeness_are_found_and_one_of_each_always_stays(seed, changed):
    draw = random.Random(seed)
    texts = texts_of(30, seed=seed, words=60)
    for text in texts[:10]:
        words = text.split()
        words[draw.randrange(60)] = f"changed{changed}"
        texts.insert(draw.randrange(len(texts) + 1), " ".join(words))
    found = fallen(NearDuplicates(permutations=256), texts)
    runs = runs_of(texts)
    near = [
        (one, other)
        for other in range(len(texts))
        for one in range(other)
        if share(runs[one], runs[other]) >= 0.88
    ]
    assert {other for _, other in near} == found.keys()
    assert all(first < row and first not in found for row, (first, _) in found.items())


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(12)))
def test_of_groups_that_are_alike_one_text_of_each_stays_in_whatever_order(order):
    bases = texts_of(4, words=60)
    texts = [base + f" {end}" for base in bases for end in ("x", "y", "z")]
    found = fallen(NearDuplicates(), [texts[place] for place in order])
    stay = [order[row] // 3 for row in range(12) if row not in found]
    assert sorted(stay) == [0, 1, 2, 3]
    assert stay == list(dict.fromkeys(place // 3 for place in order))


def test_the_same_texts_have_the_same_signatures_in_whatever_parts_they_come():
    texts = texts_of(7)
    spec = NearDuplicates()
    whole = spec.sign([pl.Series(texts)])
    parts = spec.sign([pl.Series(texts[:3]), pl.Series(texts[3:])])
    assert whole.shape == (7, 128)
    assert np.array_equal(whole, parts)
    other = NearDuplicates(seed=1).sign([pl.Series(texts)])
    assert not np.array_equal(whole, other)


def test_a_crowd_of_equal_texts_leaves_one(monkeypatch):
    (text,) = texts_of(1)
    found = fallen(NearDuplicates(), [text] * 3000)
    assert len(found) == 2999
    assert {first for first, _ in found.values()} == {0}


def test_passages_keep_their_order_and_everything_they_say_of_themselves(tmp_path):
    (text,) = texts_of(1)
    one = Document(
        docid="a",
        text=text,
        title="T",
        source="s",
        parent="p",
        licence="MIT",
        lang="en",
        headings="A > B",
    )
    again = Document(docid="b", text=text + " more")
    too_short = Rejection(id="c", rule="too_short", detail="")
    found = list(NearDuplicates().pick([one, again, too_short], tmp_path))
    assert found[0] is too_short
    assert found[1] == one
    assert (found[2].id, found[2].rule) == ("b", "near_duplicate")
    assert found[2].detail.startswith("Jaccard 0.9")
    assert found[2].detail.endswith("to a >= 0.8")
    assert list(tmp_path.iterdir()) == []


def test_titles_do_not_count(tmp_path):
    (text,) = texts_of(1)
    things = [Document(docid=d, text=text + d, title=f"title {d}") for d in "ab"]
    assert picked(tmp_path, *things) == ["a", ("b", "near_duplicate")]


@pytest.mark.parametrize("wrong", [{"similarity": 0}, {"shingle": 0}, {"permutations": 8}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError):
        NearDuplicates(**wrong)
