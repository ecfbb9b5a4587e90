"""Decisions on disk: what a crash, a full disk or a strange line does to them."""

import os
import resource
import signal
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankmill.errors import StageError, StorageError, TableError
from rankmill.review.journal import LOG, TABLE, Review, Reviews, latest, read, table
from rankmill.tables import REVIEWS

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def review(number=0, **fields):
    own = {"reviewer": "ann", "qid": "q1", "blind": False, "shown": "5ee4", "verdict": "accepted"}
    return Review(**{**own, "at": NOW + timedelta(seconds=number), **fields})


def written(folder):
    return REVIEWS.check(pl.read_parquet(folder / TABLE))


def test_the_last_word_is_in_the_table_and_every_word_in_the_log(tmp_path):
    first = review(docids=("d1", "d2"))
    last = review(1, verdict="rejected", note="no", docids=("d1", "d2"))
    grade = review(2, docid="d1", verdict=None, grade=2, teacher_grade=3)
    with Reviews.open(tmp_path) as reviews:
        for one in (first, last, grade):
            reviews.add(one)
    assert read(tmp_path) == [first, last, grade]
    columns = ("docid", "verdict", "grade", "teacher_grade", "docids", "note", "at")
    assert written(tmp_path).select(columns).rows() == [
        (None, "rejected", None, None, ["d1", "d2"], "no", last.at),
        ("d1", None, 2, 3, None, "", grade.at),
    ]


def test_reviews_of_another_person_another_text_or_another_way_stand_side_by_side(tmp_path):
    every = [review(), review(reviewer="bob"), review(shown="0ld"), review(blind=True)]
    with Reviews.open(tmp_path) as reviews:
        for one in every:
            reviews.add(one)
    assert len(written(tmp_path)) == 4


def test_a_second_start_goes_on(tmp_path):
    for number in range(3):
        with Reviews.open(tmp_path) as reviews:
            assert len(reviews.latest) == number
            reviews.add(review(number, qid=f"q{number}"))
    assert written(tmp_path)["qid"].to_list() == ["q0", "q1", "q2"]


NAMES = st.text(max_size=8)


@settings(max_examples=40, deadline=None)
@given(
    said=st.lists(st.tuples(NAMES, NAMES, st.sampled_from(["accepted", "rejected"])), max_size=6),
    share=st.floats(0, 1),
)
def test_a_log_that_is_cut_anywhere_holds_what_came_before(tmp_path_factory, said, share):
    folder = tmp_path_factory.mktemp("cut")
    every = [review(n, qid=qid, note=note, verdict=v) for n, (qid, note, v) in enumerate(said)]
    with Reviews.open(folder) as reviews:
        for one in every:
            reviews.add(one)
    log = folder / LOG
    if every:
        os.truncate(log, round(share * log.stat().st_size))
    found = read(folder)
    assert found == every[: len(found)]
    with Reviews.open(folder) as reviews:
        reviews.add(review(99, qid="after"))
    assert read(folder) == [*found, review(99, qid="after")]
    assert written(folder).equals(table(latest(folder).values()))


def test_a_table_that_a_crash_left_behind_its_log_is_brought_up(tmp_path):
    with Reviews.open(tmp_path) as reviews:
        reviews.add(review())
    (tmp_path / TABLE).unlink()
    with Reviews.open(tmp_path):
        pass
    assert len(written(tmp_path)) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", ":2: no review: the line: Invalid JSON"),
        ('{"reviewer": "ann"}', ":2: no review: qid: Field required"),
        ("\udcff", ":2: no review: the line: "),
    ],
)
def test_a_line_that_is_no_review_is_named(tmp_path, line, words):
    with Reviews.open(tmp_path) as reviews:
        reviews.add(review())
    with (tmp_path / LOG).open("ab") as log:
        log.write(line.encode(errors="surrogateescape") + b"\n")
    with pytest.raises(TableError) as caught, Reviews.open(tmp_path):
        pass
    assert f"{LOG}{words}" in str(caught.value)


def test_two_processes_do_not_write_at_once(tmp_path):
    with (
        Reviews.open(tmp_path),
        pytest.raises(StageError, match="another process reviews"),
        Reviews.open(tmp_path),
    ):
        pass


def test_a_disk_that_is_full_leaves_no_trace_in_the_log(tmp_path):
    with Reviews.open(tmp_path) as reviews:
        reviews.add(review())
        before = (tmp_path / LOG).read_bytes()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        earlier = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 40, hard))
        try:
            with pytest.raises(StorageError, match="larger than this process may write"):
                reviews.add(review(1, qid="q2"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, earlier)
        assert (tmp_path / LOG).read_bytes() == before
        assert [key[1] for key in reviews.latest] == ["q1"]
        reviews.add(review(2, qid="q3"))
    assert [one.qid for one in read(tmp_path)] == ["q1", "q3"]
