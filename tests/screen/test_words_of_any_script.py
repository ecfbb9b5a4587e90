import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.screen.words import common_runs, copied_share, count, words


def longest(text, document):
    return max(map(len, common_runs(text, document)), default=0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The QUICK brown-fox", ["the", "quick", "brown", "fox"]),
        (
            "Donaudampfschifffahrtsgesellschaft, Straße",
            ["donaudampfschifffahrtsgesellschaft", "strasse"],
        ),
        ("水分 H2O", ["水", "分", "h2o"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("العَرَبِيَّة لغة", ["العَرَبِيَّة", "لغة"]),
        ("서울은 수도", ["서울은", "수도"]),
        ("cafe\u0301 noir", ["caf\u00e9", "noir"]),
        ("\u201e...\u201c", []),
    ],
)
def test_words_are_folded_and_kept_whole_in_any_script(text, found):
    assert words(text) == found


def test_what_is_not_set_apart_counts_by_the_character():
    assert count(words("什么是水")) == 2.0
    assert count(words("ข้าว")) == 1.0
    assert count(words("what is water")) == 3.0


def test_the_longest_common_run_counts_words_in_order():
    assert longest("The QUICK brown fox", "a quick brown dog, the fox") == 2
    assert longest("x y", "a b") == 0
    assert longest("", "a b") == 0


def test_a_run_is_found_for_every_word():
    assert common_runs("a b x b c", "a b c") == [["a"], ["a", "b"], [], ["b"], ["b", "c"]]


def test_the_copied_share_counts_each_word_once():
    runs = common_runs("a b c d x", "a b c d")
    assert copied_share(runs, least=3) == 0.8
    assert copied_share(runs, least=5) == 0.0
    assert copied_share([], least=1) == 0.0


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=12))
def test_runs_are_the_longest_that_stand_in_the_document(text, document):
    joined = f" {' '.join(document)} "
    for at, run in enumerate(common_runs(" ".join(text), " ".join(document))):
        assert run == text[at + 1 - len(run) : at + 1]
        assert f" {' '.join(run)} " in joined or not run
        longer = text[at - len(run) : at + 1] if at >= len(run) else []
        assert not longer or f" {' '.join(longer)} " not in joined


@given(st.text(), st.text())
def test_any_text_at_all_can_be_compared(text, document):
    share = copied_share(common_runs(text, document), least=1)
    assert 0 <= share <= 1
    assert copied_share(common_runs(text, text), least=0) in {0.0, 1.0}
