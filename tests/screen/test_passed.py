from rankmill.report import StageReport
from rankmill.screen.passed import passed
from rankmill.tables import SCREENED

ROWS = [
    (1, "duplicate", "question", "en", None, "short", None, 6, 5),
    (1, "duplicate", "keyword", "en", None, "short", None, 4, 4),
    (2, "near_source", "question", "en", None, "short", None, 5, 1),
    (2, "near_source", "keyword", "en", None, "short", None, 4, 2),
]
RULES = {"refused": 1, "empty": 1, "too_long": 1, "copied": 2, "far_from_source": 6, "duplicate": 1}
GENERATE = StageReport(stage="generate", read=15, written=3, rejected=RULES)
FIRST = [
    ("writing", 15, 14),
    ("length", 14, 12),
    ("mention of the document", 12, 12),
    ("copying", 12, 10),
]


def figures(tests):
    return [(one.name, one.read, one.kept) for one in tests]


def test_tests_are_told_in_order_from_the_writing_to_the_round_trip():
    found = passed([GENERATE], SCREENED.frame(ROWS))
    assert figures(found) == [*FIRST, ("duplicate", 10, 9), ("near source", 9, 3)]
    assert found[-1].share == 3 / 9
    rejected = {"not_found_again": 1, "unknown_docid": 5}
    later = StageReport(stage="retrieve", read=8, written=2, rejected=rejected)
    assert figures(passed([GENERATE, later], SCREENED.frame(ROWS)))[6:] == [("round trip", 3, 2)]


def test_only_sorts_that_differ_are_told():
    *_, last = passed([GENERATE], SCREENED.frame(ROWS))
    assert last.sorts == {"keyword": (4, 2), "question": (5, 1)}
    assert last.by_sort == "keyword 2/4, question 1/5"


def test_a_build_whose_tests_are_not_told_apart_tells_the_rules():
    rejected = {"empty": 2, "copied": 3}
    plain = StageReport(stage="generate", read=12, written=7, rejected=rejected)
    found = passed([plain], SCREENED.empty())
    assert [one.kept for one in found] == [12, 10, 10, 7]
    assert passed([], SCREENED.empty()) == []
