"""The filter that heeds a person: by hand, and in a whole build."""

import os
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from knowing_teacher import knowing, recipe
from rankmill.errors import ConfigError, TableError
from rankmill.filters import LabelledList, Reviewed
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.progress import Silent
from rankmill.recipe import Recipe
from rankmill.records import Ranking
from rankmill.review import Review, Reviews, Wanted, shown_lists
from rankmill.review.journal import TABLE
from rankmill.settings import Settings
from rankmill.tables import LABELS, LISTS, REJECTIONS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FILTER = 'settle.filters=[{{kind="reviewed", reviews="{}", accepted_only={}}}]'


def labelled(order, qid="q1"):
    consensus = Ranking.in_order(tuple(order))
    return LabelledList(
        qid=qid,
        known=("a",),
        trials={},
        begun={},
        views={},
        agreement={},
        scores={},
        consensus=consensus,
        errors={},
    )


def said(verdict, *, order="abc", blind=False, note="", reviewer="ann", qid="q1", **more):
    return Review(
        reviewer=reviewer,
        qid=qid,
        verdict=verdict,
        blind=blind,
        docids=tuple(order),
        note=note,
        **{"shown": "".join(order), "at": NOW, **more},
    )


@pytest.fixture
def reviewed(tmp_path):
    """A filter that has read some reviews."""

    def made(*reviews, accepted_only=False):
        with Reviews.open(tmp_path) as opened:
            for review in reviews:
                opened.add(review)
        return Reviewed(reviews=tmp_path / TABLE, accepted_only=accepted_only)

    return made


def test_what_a_person_rejected_is_rejected_with_the_reason(reviewed):
    rule = reviewed(said("rejected", note="no query"), said("accepted", qid="q2"))
    rejection = rule(labelled("abc"))
    assert (rejection.id, rejection.rule) == ("q1", "reviewed")
    assert rejection.detail == "a person rejected it: no query"
    assert rule(labelled("abc", qid="q2")) is None
    assert rule(labelled("abc", qid="q3")) is None


def test_one_of_several_people_is_enough(reviewed):
    rule = reviewed(said("accepted"), said("rejected", reviewer="bob"))
    assert rule(labelled("abc")).detail == "a person rejected it"


def test_of_one_persons_verdicts_that_in_sight_of_the_labels_counts(reviewed):
    later = NOW + timedelta(hours=1)
    blind = said("rejected", blind=True, at=later)
    rule = reviewed(said("accepted"), blind, accepted_only=True)
    assert rule(labelled("abc")) is None
    assert rule(labelled("bac")).detail == "a person rejected it"  # that in sight is of another
    other = reviewed(said("rejected", blind=True, reviewer="bob"))
    assert other(labelled("abc")).detail == "a person rejected it"


def test_of_one_persons_verdicts_under_the_same_ids_the_last_counts_whatever_the_texts(reviewed):
    old = said("rejected", shown="z: old texts")
    assert reviewed(old)(labelled("abc")).detail == "a person rejected it"
    later = said("accepted", shown="a: new texts", at=NOW + timedelta(hours=1))
    assert reviewed(later)(labelled("abc")) is None


def test_a_verdict_on_another_order_does_not_count_unless_it_was_blind(reviewed):
    rule = reviewed(said("rejected"), said("rejected", qid="q2", blind=True))
    assert rule(labelled("bac")) is None
    assert rule(labelled("bac", qid="q2")).rule == "reviewed"
    assert rule(labelled("bad", qid="q2")) is None


def test_only_what_was_accepted_is_kept_if_that_is_asked_for(reviewed):
    rule = reviewed(
        said("accepted"), said("accepted", qid="q2"), said("rejected", qid="q3"), accepted_only=True
    )
    assert rule(labelled("abc")) is None
    assert rule(labelled("cab", qid="q2")).detail == "nobody accepted it as it is now"
    assert rule(labelled("abc", qid="q3")).detail == "a person rejected it"
    assert rule(labelled("abc", qid="q4")).detail == "nobody accepted it"


def test_a_grade_of_a_document_is_no_verdict(reviewed):
    grade = Review(
        reviewer="ann", qid="q1", docid="a", grade=0, teacher_grade=3, blind=False, shown="", at=NOW
    )
    assert reviewed(grade)(labelled("abc")) is None
    assert reviewed(accepted_only=True)(labelled("abc")).detail == "nobody accepted it"


def test_it_is_what_the_reviews_say_and_not_where_they_lie(reviewed, tmp_path):
    before = reviewed(said("accepted"))
    moved = tmp_path / "elsewhere" / TABLE
    moved.parent.mkdir()
    moved.write_bytes((tmp_path / TABLE).read_bytes())
    assert Reviewed(reviews=moved).fingerprint == before.fingerprint
    after = reviewed(said("rejected"))
    assert after.fingerprint != before.fingerprint
    assert str(tmp_path) not in str(after.identity())


def test_a_filter_does_not_change_its_mind_while_it_is_at_work(reviewed):
    rule = reviewed(said("accepted"))
    fingerprint = rule.fingerprint
    reviewed(said("rejected"))
    assert rule(labelled("abc")) is None
    assert rule.fingerprint == fingerprint


def test_a_table_that_is_missing_is_named_before_a_teacher_is_asked(tmp_path):
    path = recipe(tmp_path, "http://127.0.0.1:9/v1")
    with pytest.raises(ConfigError) as caught:
        Recipe.load(path, [FILTER.format("mine.parquet", "false")])
    assert f"no file {tmp_path / 'mine.parquet'}; rankmill review writes it" in str(caught.value)
    assert "settle.filters.0.reviews" in str(caught.value)
    with pytest.raises(ConfigError, match=r"mine\.parquet: No such file"):
        Reviewed(reviews=tmp_path / "mine.parquet").identity()


def test_a_table_of_something_else_is_named(tmp_path):
    path = tmp_path / "mine.parquet"
    path.write_bytes(b"not parquet")
    with pytest.raises(TableError, match=r"mine\.parquet: no table of reviews"):
        Reviewed(reviews=path).identity()
    pl.DataFrame({"qid": ["q1"]}).write_parquet(path)
    with pytest.raises(TableError, match=r"mine\.parquet: no table of reviews: reviews: expected"):
        Reviewed(reviews=path).identity()


class Watcher(Silent):
    """Remembers which stages were made, and why."""

    def __init__(self):
        self.begun = {}

    def begin(self, stage, why):
        self.begun[stage] = why


def test_a_build_leaves_out_what_was_rejected_and_is_made_anew_when_reviews_change(tmp_path):
    settings, begun = Settings(data=tmp_path / "data"), []
    folder = tmp_path / "data" / "builds" / "toy"

    def made(*overrides):
        watcher = Watcher()
        build(path, overrides=overrides, settings=settings, progress=watcher)
        begun.append(watcher.begun)
        return Finished.find(settings, "toy")

    def judge(verdict, shown):
        with Reviews.open(folder) as reviews:
            reviews.add(
                Review(
                    reviewer="ann",
                    qid=shown.qid,
                    verdict=verdict,
                    blind=False,
                    docids=shown.docids,
                    shown=shown.shown,
                    at=NOW,
                )
            )

    with knowing() as teacher:
        path = recipe(tmp_path, teacher.url)
        first = made("settle.filters=[]")
        asked = len(teacher.requests)
        bad, good, *_ = shown_lists(first, Wanted()).values()
        every = set(first.read("settle", LISTS)["qid"])
        judge("rejected", bad)
        where = os.path.relpath(folder / TABLE, tmp_path)
        second = made(FILTER.format(where, "false"))
        assert set(second.read("settle", LABELS)["qid"]) == every - {bad.qid}
        assert second.read("settle", REJECTIONS).rows() == [
            ("settle", bad.qid, "reviewed", "a person rejected it")
        ]
        made(FILTER.format(where, "false"))
        judge("accepted", good)
        last = made(FILTER.format(where, "true"), "limits.settle=1")
        assert set(last.read("settle", LABELS)["qid"]) == {good.qid}
        judge("accepted", bad)
        made(FILTER.format(where, "true"), "limits.settle=1")
        assert len(teacher.requests) == asked
    assert [list(stages) for stages in begun[1:]] == [
        ["settle", "assemble"],
        [],
        ["settle", "assemble"],
        ["settle", "assemble"],
    ]
    assert begun[-1]["settle"] == "changed: settle"
    (folder / TABLE).unlink()
    assert Finished.find(settings, "toy").recipe.settle.filters[0].accepted_only
