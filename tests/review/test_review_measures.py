"""Agreement between people and teachers, by hand."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankmill.review.journal import Review
from rankmill.review.measures import Kappa, measure
from rankmill.review.shown import ShownList

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def counted(*lists):
    """Documents of every list by the person's grade and the teachers', from 0 to 3."""
    return np.array(
        [np.histogram2d(*zip(*pairs, strict=True), bins=range(5))[0] for pairs in lists]
    )


def shown(qid, grades, reason=""):
    """A list whose documents a, b, c … have these grades."""
    rows = [
        {"docid": docid, "title": "", "text": docid, "grade": grade, "source_docid": "a"}
        for docid, grade in zip("abcdefgh", grades, strict=False)
    ]
    return ShownList.of(qid, f"query {qid}", reason, rows)


def graded(one, docid, grade, *, blind=True, reviewer="ann"):
    document = next(document for document in one.documents if document.docid == docid)
    return Review(
        reviewer=reviewer,
        qid=one.qid,
        docid=docid,
        grade=grade,
        teacher_grade=document.grade,
        blind=blind,
        shown=document.shown,
        at=NOW,
    )


def judged(one, verdict, *, reviewer="ann", blind=False):
    return Review(
        reviewer=reviewer,
        qid=one.qid,
        verdict=verdict,
        blind=blind,
        docids=one.docids,
        shown=one.shown_blind if blind else one.shown,
        at=NOW,
    )


def test_kappa_takes_chance_off():
    yes_no = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    # 35 of 50 agree, 25 would by chance: (0.7 - 0.5) / (1 - 0.5)
    assert Kappa.of(counted(yes_no), None).value == pytest.approx(0.4)
    assert Kappa.of(counted(yes_no), "quadratic").value == pytest.approx(0.4)


def test_quadratic_weights_count_how_far_grades_are_apart():
    pairs = [(0, 0), (1, 1), (2, 2), (0, 2)]
    # 3/4 agree, by chance 2/4 1/4 + 1/4 1/4 + 1/4 2/4 = 5/16: (12/16 - 5/16) / (11/16)
    assert Kappa.of(counted(pairs), None).value == pytest.approx(7 / 11)
    # squares of distances: 4 in one of four, by chance 26/16: 1 - (16/16) / (26/16)
    assert Kappa.of(counted(pairs), "quadratic").value == pytest.approx(5 / 13)


def test_near_grades_are_worth_more_than_far_ones():
    near, far = [(0, 0), (3, 3), (1, 2), (2, 1)], [(0, 0), (3, 3), (0, 3), (3, 0)]
    assert Kappa.of(counted(near), "quadratic").value > 0.7
    assert Kappa.of(counted(far), "quadratic").value == pytest.approx(0)


def test_its_error_is_that_of_lists_left_out_one_by_one():
    same, swapped = [(0, 0), (1, 1)], [(0, 1), (1, 0)]
    found = Kappa.of(counted(same, swapped, same), None)
    # without either `same` kappa is 0, without `swapped` 1: sqrt(2/3 (1/9 + 1/9 + 4/9))
    assert found.error == pytest.approx(2 / 3)
    assert found.within == pytest.approx(1.96 * 2 / 3)
    assert Kappa.of(counted(same), None).error is None


def test_of_many_lists_the_error_is_that_of_groups_and_comes_at_once():
    draw = np.random.default_rng(1)
    lists = [[(g, g if draw.random() < 0.7 else 3 - g) for g in (0, 1, 2, 3)] for _ in range(400)]
    few, many = (Kappa.of(counted(*lists[:n]), None) for n in (100, 400))
    assert many.value == pytest.approx(0.6, abs=0.05)
    assert many.error == pytest.approx(few.error / 2, rel=0.25)


def test_kappa_of_one_grade_alone_is_not_defined():
    assert Kappa.of(counted([(2, 2)], [(2, 2)]), None) == Kappa(value=None, error=None)
    assert Kappa.of(counted([(2, 2)], [(1, 1)]), None) == Kappa(value=1, error=None)


PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20)


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_whoever_is_asked_first_kappa_is_the_same_and_at_most_one(pairs):
    turned = [(theirs, mine) for mine, theirs in pairs]
    for weights in (None, "quadratic"):
        one, other = (Kappa.of(counted(p), weights).value for p in (pairs, turned))
        assert one == pytest.approx(other, nan_ok=False) if one is not None else other is None
        assert one is None or one <= 1 + 1e-12


def test_lists_and_documents_are_counted_by_way_of_judging():
    one, two, three = shown("q1", [2, 1, 0]), shown("q2", [2, 1, 0]), shown("q3", [2, 0], "no")
    reviews = [
        *(graded(one, docid, grade) for docid, grade in zip("abc", (2, 0, 0), strict=True)),
        *(graded(two, docid, grade) for docid, grade in zip("abc", (2, 1, 0), strict=True)),
        graded(two, "a", 0, blind=False),
        graded(three, "a", 1),
        judged(one, "accepted"),
        judged(two, "accepted"),
        judged(two, "rejected", reviewer="bob"),
    ]
    found = measure(reviews, {"q1": one, "q2": two, "q3": three}, 2)
    assert (found.accepted, found.rejected, found.outdated) == (1, 1, 0)
    kept, left_out, sighted = found.agreements
    assert (kept.how, kept.lists, kept.documents, kept.same) == ("blind, kept", 2, 6, 5)
    assert kept.confusion == ((2, 1, 0), (0, 1, 0), (0, 0, 2))
    assert kept.kappa.value == pytest.approx((5 / 6 - 12 / 36) / (1 - 12 / 36))
    assert (left_out.how, left_out.confusion[1]) == ("blind, rejected", (0, 0, 1))
    assert (sighted.how, sighted.confusion[0]) == ("in sight, kept", (0, 0, 1))


def test_of_one_persons_verdicts_that_in_sight_of_the_labels_counts():
    one, two = shown("q1", [2, 1, 0]), shown("q2", [2, 1, 0])
    reviews = [
        judged(one, "accepted"),
        judged(one, "rejected", blind=True),
        judged(two, "rejected", blind=True),
        judged(two, "accepted", reviewer="bob"),
    ]
    found = measure(reviews, {"q1": one, "q2": two}, 2)
    assert (found.accepted, found.rejected) == (1, 1)


def test_a_review_of_what_has_changed_counts_in_no_figure():
    old, new = shown("q1", [2, 1, 0]), shown("q1", [1, 2, 0])
    other_text = ShownList.of(
        "q1",
        "query q1",
        "",
        [{"docid": "a", "title": "", "text": "changed", "grade": 2, "source_docid": "a"}],
    )
    reviews = [judged(old, "accepted"), graded(old, "a", 2)]
    relabelled = measure(reviews, {"q1": new}, 2)
    assert (relabelled.accepted, relabelled.outdated) == (0, 1)
    # a person's grade of a text outlives the teachers': it is compared with the new one
    assert relabelled.agreements[0].confusion[2] == (0, 1, 0)
    assert measure(reviews, {"q1": other_text}, 2).outdated == 2
    assert measure(reviews, {}, 2).outdated == 2


def test_a_grade_from_a_longer_scale_still_counts():
    one = shown("q1", [1, 0])
    found = measure([graded(one, "a", 3), graded(one, "b", 0)], {"q1": one}, 1)
    assert found.agreements[0].confusion[3] == (0, 1, 0, 0)


def test_plain_words_say_how_many_lists_are_needed():
    lists = {f"q{n}": shown(f"q{n}", [1, 0]) for n in range(12)}
    same, swapped = {"a": 1, "b": 0}, {"a": 0, "b": 1}
    said = zip(lists.values(), [same, swapped, same] * 4, strict=True)
    reviews = [graded(one, docid, grade) for one, by in said for docid, grade in by.items()]
    (words,) = measure(reviews, lists, 1).words
    # kappa is 1/3; 3/11 without one of 8 lists, 5/11 without one of 4: its error is sqrt(8/99)
    assert words == (
        "ann, blind, kept lists: weighted kappa is sure to about 0.56 either way; for 0.10 judge "
        "about 373 lists, 361 more."
    )


def test_plain_words_say_what_grades_in_sight_are_worth():
    one = shown("q1", [1, 0])
    sighted = graded(one, "a", 0, blind=False)
    first, second = measure([sighted], {"q1": one}, 1).words
    assert first == "No grade was given blind yet: --blind measures agreement."
    assert second.startswith("Grades given in sight of the teacher's lean towards them")
    (few, _) = measure([sighted, graded(one, "b", 1)], {"q1": one}, 1).words
    assert few.endswith("lists: too few to say how sure kappa is; judge 10 or more.")
    (alike, _) = measure([sighted, graded(one, "b", 0)], {"q1": one}, 1).words
    assert alike.endswith("every grade is the same, so kappa is not defined yet.")
