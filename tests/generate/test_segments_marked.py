from rankmill.generate.segments import marked
from rankmill.generate.writing import Seed
from rankmill.records import Document

TEXT = "Alpha beta gamma. Delta epsilon zeta. Eta theta iota."


def seed(start=None, end=None, text=TEXT):
    return Seed(document=Document(docid="d", text=text), cluster=0, start=start, end=end)


def test_without_a_segment_all_of_it_is_the_target():
    assert marked(seed(), 100) == ("", TEXT, "")


def test_a_document_is_cut_at_its_segment():
    assert marked(seed(18, 37), 100) == (
        "Alpha beta gamma.",
        "Delta epsilon zeta.",
        "Eta theta iota.",
    )


def test_with_little_room_the_segment_stays_and_what_is_near_it():
    before, target, after = marked(seed(18, 37), 39)
    assert target == "Delta epsilon zeta."
    assert before == "gamma."
    assert after == "Eta …"
    assert marked(seed(18, 37), 20) == ("", "Delta epsilon zeta.", "")


def test_a_segment_at_the_border_has_nothing_beyond():
    assert marked(seed(0, 17), 200)[0] == ""
    assert marked(seed(38, len(TEXT)), 200)[2] == ""
