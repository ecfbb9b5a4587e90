"""What a person may see and decide, in sight of the labels and blind."""

import json
from datetime import UTC, datetime

import pytest

from rankmill.review import Reviews, Session
from rankmill.review.session import NotNow, NotThere
from rankmill.review.shown import ShownList

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GRADES = {"d1": 3, "d2": 2, "d3": 1, "d4": 0}


def listed(grades=GRADES, *, reason="", source="d2"):
    rows = [
        {"docid": d, "title": f"title {d}", "text": f"text {d}", "grade": g, "source_docid": source}
        for d, g in grades.items()
    ]
    return ShownList.of("q1", "what?", reason, rows)


@pytest.fixture
def reviews(tmp_path):
    with Reviews.open(tmp_path) as opened:
        yield opened


def session(reviews, one=None, *, blind=True, reviewer="ann", seed=0):
    return Session(
        build="toy",
        lists={"q1": one or listed()},
        highest=3,
        reviewer=reviewer,
        blind=blind,
        seed=seed,
        reviews=reviews,
        now=lambda: NOW,
    )


def order(detail):
    return [document["docid"] for document in detail["documents"]]


def grade_all(one, grades):
    for docid, grade in grades.items():
        detail = one.grade("q1", docid, grade)
    return detail


def test_blind_nothing_tells_grades_order_source_or_reason(reviews):
    blind = session(reviews, listed(reason="cross_view: nDCG 0.1"))
    detail = blind.detail("q1")
    assert detail["hidden"]
    assert {(d["teacher"], d["source"]) for d in detail["documents"]} == {(None, False)}
    assert "nDCG" not in json.dumps(detail)
    orders = {tuple(order(session(reviews, seed=seed).detail("q1"))) for seed in range(40)}
    assert len(orders) > 10  # of 24
    assert order(session(reviews, listed(dict(reversed(GRADES.items())))).detail("q1")) == order(
        session(reviews).detail("q1")
    )


def test_blind_grades_are_shown_when_every_document_is_graded(reviews):
    blind = session(reviews)
    detail = grade_all(blind, {"d1": 3, "d2": 3, "d3": 0})
    assert detail["hidden"]
    detail = blind.grade("q1", "d4", 0)
    assert not detail["hidden"]
    assert order(detail) == ["d1", "d2", "d3", "d4"]
    assert [d["teacher"] for d in detail["documents"]] == [3, 2, 1, 0]
    assert [d["mine"] for d in detail["documents"]] == [3, 3, 0, 0]
    assert [d["source"] for d in detail["documents"]] == [False, True, False, False]


def test_a_blind_grade_may_be_changed_before_labels_are_shown(reviews):
    blind = session(reviews)
    blind.grade("q1", "d1", 0)
    assert blind.grade("q1", "d1", None)["graded"] == 0
    grade_all(blind, {"d1": 2, "d2": 2, "d3": 1, "d4": 0})
    assert {one.grade for one in reviews.latest.values() if one.docid == "d1"} == {2}
    assert all(one.blind for one in reviews.latest.values())


def test_what_is_changed_after_labels_are_shown_leaves_the_blind_grade_as_it_was(reviews):
    blind = session(reviews)
    grade_all(blind, {"d1": 0, "d2": 2, "d3": 1, "d4": 0})
    detail = blind.grade("q1", "d1", 3)
    assert detail["documents"][0]["mine"] == 3
    found = {one.blind: one.grade for one in reviews.latest.values() if one.docid == "d1"}
    assert found == {True: 0, False: 3}
    measured = blind.measures()
    blindly, sighted = measured.agreements
    assert (blindly.same, blindly.documents) == (3, 4)
    assert (sighted.same, sighted.documents) == (1, 1)


def test_a_blind_grade_can_be_taken_back_once_labels_are_shown_and_they_stay_in_sight(reviews):
    blind = session(reviews)
    grade_all(blind, {"d1": 0, "d2": 2, "d3": 1, "d4": 0})
    detail = blind.grade("q1", "d1", None)
    assert [d["mine"] for d in detail["documents"]] == [None, 2, 1, 0]
    assert not detail["hidden"]
    (agreement,) = blind.measures().agreements
    assert (agreement.blind, agreement.documents) == (True, 3)
    blind.grade("q1", "d1", 3)  # the teachers' grade, which was in sight: it is no blind one
    assert [(one.blind, one.documents) for one in blind.measures().agreements] == [
        (True, 3),
        (False, 1),
    ]


def test_a_grade_in_sight_that_is_taken_back_leaves_the_blind_one(reviews):
    blind = session(reviews)
    grade_all(blind, {"d1": 0, "d2": 2, "d3": 1, "d4": 0})
    blind.grade("q1", "d1", 3)
    assert blind.grade("q1", "d1", None)["documents"][0]["mine"] == 0
    assert blind.grade("q1", "d1", None)["documents"][0]["mine"] is None


def test_an_acceptance_in_sight_overrules_ones_own_blind_rejection(reviews):
    blind = session(reviews)
    blind.judge("q1", "rejected", "nonsense")
    grade_all(blind, GRADES)
    assert blind.judge("q1", "accepted", "")["verdict"] == "accepted"
    assert (blind.measures().accepted, blind.measures().rejected) == (1, 0)


def test_labels_that_are_hidden_cannot_be_accepted_but_a_list_can_be_rejected(reviews):
    blind = session(reviews)
    with pytest.raises(NotNow, match="grade every document first"):
        blind.judge("q1", "accepted", "")
    detail = blind.judge("q1", "rejected", "nonsense")
    assert (detail["verdict"], detail["note"], detail["hidden"]) == ("rejected", "nonsense", True)
    assert blind.judge("q1", None, "")["verdict"] is None
    grade_all(blind, GRADES)
    assert blind.judge("q1", "accepted", "")["verdict"] == "accepted"


def test_whoever_has_judged_a_list_in_sight_of_its_labels_is_blind_to_it_no_more(reviews):
    session(reviews, blind=False).grade("q1", "d1", 3)
    assert not session(reviews).detail("q1")["hidden"]
    assert session(reviews, reviewer="bob").detail("q1")["hidden"]
    session(reviews).grade("q1", "d2", 0)
    assert [one.blind for one in reviews.latest.values()] == [False, False]


def test_a_verdict_on_a_list_whose_labels_have_changed_is_told_apart(reviews):
    sighted = session(reviews, blind=False)
    sighted.judge("q1", "accepted", "")
    sighted.grade("q1", "d1", 3)
    relabelled = session(reviews, listed({"d2": 3, "d1": 2, "d3": 1, "d4": 0}), blind=False)
    detail = relabelled.detail("q1")
    assert (detail["verdict"], detail["outdated"]) == (None, True)
    assert [d["mine"] for d in detail["documents"]] == [None, 3, None, None]
    regraded = session(reviews, listed({**GRADES, "d4": 1}), blind=False)
    assert regraded.detail("q1")["outdated"]
    assert relabelled.judge("q1", "rejected", "")["outdated"] is False
    assert session(reviews, blind=False).detail("q1")["verdict"] == "accepted"


def test_a_blind_rejection_stands_whatever_the_order_of_the_labels(reviews):
    session(reviews).judge("q1", "rejected", "nonsense")
    turned = session(reviews, listed(dict(zip(reversed(GRADES), (3, 2, 1, 0), strict=True))))
    assert turned.detail("q1")["verdict"] == "rejected"
    assert turned.measures().rejected == 1


def test_people_do_not_see_each_others_decisions(reviews):
    session(reviews, blind=False).judge("q1", "rejected", "no")
    other = session(reviews, blind=False, reviewer="bob")
    assert other.detail("q1")["verdict"] is None
    assert other.measures().rejected == 0


def test_what_is_not_shown_cannot_be_judged(reviews):
    one = session(reviews)
    for call in (
        lambda: one.detail("q2"),
        lambda: one.judge("q2", "rejected", ""),
        lambda: one.grade("q2", "d1", 1),
        lambda: one.grade("q1", "d9", 1),
    ):
        with pytest.raises(NotThere):
            call()
    for grade in (-1, 4):
        with pytest.raises(NotNow, match=f"from 0 to 3, found {grade}"):
            one.grade("q1", "d1", grade)
    assert reviews.latest == {}
