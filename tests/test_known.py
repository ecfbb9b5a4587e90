"""What is known to answer a query: one document, two, or none that anybody knows of."""

import pytest

from rankmill.filters import CrossView, LabelledList, SourceRank
from rankmill.known import known_of, sources_of
from rankmill.records import Ranking
from rankmill.tables import QUERIES


def query(qid, source, related=None, further=None):
    head = (qid, "text", "kind", source, 0, "train", "", "", "")
    return (*head, *[None] * 7, related, None, further)


def test_the_source_comes_first_and_what_nobody_knows_is_left_out():
    rows = [query("one", "d1"), query("two", "d2", "d1"), query("none", None)]
    assert known_of(QUERIES.frame(rows)) == {"one": ("d1",), "two": ("d2", "d1"), "none": ()}


def test_further_answers_stand_after_the_sources_each_once():
    frame = QUERIES.frame(
        [query("one", "d1", "d2", ["d3", "d2"]), query("two", "d4", None, ["d5"])]
    )
    assert known_of(frame) == {"one": ("d1", "d2", "d3"), "two": ("d4", "d5")}
    assert sources_of(frame) == {"one": ("d1", "d2"), "two": ("d4",)}


def labelled(*known):
    order = Ranking.in_order(("a", "b", "c", "d"))
    return LabelledList(
        qid="q",
        known=known,
        trials={},
        begun={},
        views={},
        agreement={},
        scores={},
        consensus=order,
        errors={},
    )


@pytest.mark.parametrize(
    ("known", "most", "detail"),
    [
        (("a",), 1, None),
        (("b",), 1, "consensus ranks the source document 2 > 1"),
        (("b", "a"), 1, None),
        (("c", "a"), 1, "consensus ranks the source document 3 > 2"),
        (("c", "a"), 3, None),
        (("a", "x"), 4, "the source document is not among the 4 candidates"),
        ((), 1, None),
    ],
)
def test_both_documents_of_a_query_have_to_be_found_again(known, most, detail):
    found = SourceRank(most=most)(labelled(*known))
    assert (found and found.detail) == detail


def test_all_that_is_known_is_relevant_and_an_unknown_source_keeps_the_list():
    rule = CrossView(order="consensus", relevant="source", alpha=0.99)
    assert rule(labelled("a", "b")) is None
    assert rule(labelled()) is None
    # DCG of ranks 1 and 4 is 1 + 1 / log2(5) = 1.431, the ideal 1 + 1 / log2(3) = 1.631.
    assert "0.877 < 0.99" in rule(labelled("a", "d")).detail
