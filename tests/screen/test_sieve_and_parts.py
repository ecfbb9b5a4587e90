import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.screen import Language, Pair, RoundTrip, Sieve
from rankmill.screen.parts import around


def test_a_sieve_counts_every_query_once_and_keeps_its_text():
    sieve = Sieve([Pair(qid=name, text=f"text of {name}") for name in "abcd"])
    assert sieve.test("first", [None, ("short", "1 < 3"), None, None]) == [0, 2, 3]
    assert sieve.test("second", [("far", "0.1 < 0.7"), None, None]) == [1, 2]
    assert [pair.qid for pair in sieve.pairs] == ["c", "d"]
    assert [(r.id, r.rule, r.detail) for r in sieve.rejections] == [
        ("b", "short", "1 < 3: text of b"),
        ("a", "far", "0.1 < 0.7: text of a"),
    ]
    assert [(s.name, list(s.read), list(s.kept)) for s in sieve.steps] == [
        ("first", [0, 1, 2, 3], [0, 2, 3]),
        ("second", [0, 2, 3], [2, 3]),
    ]


def test_a_test_that_forgets_a_query_is_an_error():
    sieve = Sieve([Pair(qid="a", text="a"), Pair(qid="b", text="b")])
    with pytest.raises(ValueError, match="shorter"):
        sieve.test("half", [None])


@given(st.lists(st.lists(st.booleans(), min_size=30, max_size=30), max_size=4))
def test_what_goes_in_comes_out_or_is_rejected(tests):
    sieve = Sieve([Pair(qid=str(n), text=str(n)) for n in range(30)])
    for falls in tests:
        sieve.test("t", [("r", "n") if falls[place] else None for place in sieve.places])
    out = {rejection.id for rejection in sieve.rejections}
    assert out | {pair.qid for pair in sieve.pairs} == {str(n) for n in range(30)}
    assert len(sieve.rejections) + len(sieve.pairs) == 30


def test_the_rest_of_a_document_falls_into_parts_about_as_long():
    text = "one two three. four five six. seven eight nine."
    assert around(text, 15, 29) == ("one two three.", "seven eight nine.")
    assert around(text, 0, 14) == ("four five six.", "seven eight nine.")
    assert around(text, 0, len(text)) == ()


@given(st.text(alphabet="ab \u6c34", max_size=60), st.data())
def test_no_character_of_the_rest_is_lost(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    rest = text[:start] + text[end:]
    assert "".join("".join(around(text, start, end)).split()) == "".join(rest.split())


@pytest.mark.parametrize(
    ("by", "ranks", "detail"),
    [
        ("any", {"bm25": 21, "dense": 20}, None),
        ("any", {"bm25": 21, "dense": 30}, "source at rank 21 by bm25, 30 by dense"),
        ("bm25", {"bm25": 21, "dense": 1}, "source at rank 21 by bm25"),
        ("bm25", {"dense": 1}, "source not found by bm25"),
        ("fused", {"fused": 3, "bm25": 90}, None),
        ("splade", {"splade": 20}, None),
        ("any", {}, "source not found by any retriever"),
    ],
)
def test_a_query_must_find_its_source_again(by, ranks, detail):
    verdict = RoundTrip(within=20, by=by).verdict(ranks)
    whole = by if by != "any" else "any retriever"
    expected = ("not_found_again", f"{detail}, expected within 20 of {whole}") if detail else None
    assert verdict == expected


def test_a_query_in_another_language_than_asked_for_falls():
    pytest.importorskip("py3langid")
    german = "Wie viele Menschen leben in der Stadt und woher kommen sie ursprünglich"
    pairs = [
        Pair(qid="a", text=german, lang="de-AT"),
        Pair(qid="b", text=german, lang="en"),
        Pair(qid="c", text=german),
        Pair(qid="d", text="IPv6 TCP", lang="de"),
        Pair(qid="e", text="这座城市有多少人口", lang="en"),
        Pair(qid="f", text="كم عدد سكان هذه المدينة", lang="ar"),
    ]
    rules = [verdict and verdict[0] for verdict in Language()(pairs, None)]
    assert rules == [None, "other_language", None, None, "other_language", None]
    other = [Pair(qid="g", text=german, lang=tag) for tag in ("de_DE", "DE_at.UTF-8", "en_US")]
    assert [bool(verdict) for verdict in Language()(other, None)] == [False, False, True]
    ((rule, detail),) = Language(among=("en", "fr"))(pairs[2:3], None)
    assert rule == "other_language"
    assert detail.startswith("de with ")
    assert detail.endswith(", expected en or fr")
