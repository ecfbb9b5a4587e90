"""`rankmill review --summary`: what all reviews of a build come to."""

import subprocess

from test_review_session import NOW

from rankmill.finished import Finished
from rankmill.review import Reviews, Wanted, begin, read
from rankmill.settings import Settings
from reviewing import command


def summary(data):
    done = subprocess.run(
        command(data, "--summary"), capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_without_reviews_there_is_nothing_to_sum_up(data):
    assert summary(data) == "no reviews of toy yet\n"
    assert not (data / "builds" / "toy" / "reviews.jsonl").exists()


def test_a_summary_covers_all_people_and_what_filters_left_out(data):
    build = Finished.find(Settings(data=data), "toy")
    with Reviews.open(build.folder) as reviews:
        for who, wanted in (("ann", Wanted()), ("bob", Wanted(rejected=True))):
            judging = begin(build, wanted, reviews, reviewer=who, blind=True, now=lambda: NOW)
            for one in list(judging.lists.values())[:2]:
                for document in one.documents:
                    judging.grade(one.qid, document.docid, document.grade)
                judging.judge(one.qid, "accepted" if who == "ann" else "rejected", "")
    before = read(build.folder)
    lines = [" ".join(line.split()) for line in summary(data).splitlines()]
    assert lines[0] == "lists accepted: 2, rejected: 1"
    assert "ann blind, kept 2 16 100% 1.00 ± 0.00 1.00 ± 0.00" in lines
    assert "bob blind, rejected 1 8 100% 1.00 1.00" in lines
    assert {"grade 1 0 6 0 0", "grade 1 0 3 0 0"} < set(lines)
    words = " ".join(lines)
    assert "bob, blind, rejected lists: too few to say how sure kappa is" in words
    assert read(build.folder) == before
