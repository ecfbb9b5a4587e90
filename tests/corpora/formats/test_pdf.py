import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from made_up_files import pdf
from rankmill.corpora.formats import Unreadable
from rankmill.corpora.formats.pdf import read_pdf

LONG = "A line that is as long as the page is wide, more or less, and goes on"


def test_a_page_is_a_section_under_the_headings_of_the_outline():
    paper = read_pdf(
        pdf(
            ["First words."],
            ["More."],
            ["Last."],
            title="A paper",
            outline=[("One", 0), ("Two", 2)],
        )
    )
    assert paper.title == "A paper"
    assert [(s.anchor, s.headings, s.text, s.place) for s in paper.sections] == [
        ("page=1", ("One",), "First words.", ", page 1"),
        ("page=2", ("One",), "More.", ", page 2"),
        ("page=3", ("Two",), "Last.", ", page 3"),
    ]


def test_lines_are_joined_to_paragraphs_and_broken_words_made_whole():
    page = [LONG, "has a hyphen-", f"ated word. {LONG}", "to the end.", LONG, "- an item", "- one"]
    (section,) = read_pdf(pdf(page)).sections
    assert section.text == (
        f"{LONG} has a hyphenated word. {LONG} to the end.\n{LONG}\n- an item\n- one"
    )


def test_running_heads_and_page_numbers_are_left_out():
    pages = [["Annual report", f"Page {n} says {word}.", f"{n}"] for n, word in enumerate("abc", 1)]
    assert [s.text for s in read_pdf(pdf(*pages)).sections] == [
        "Page 1 says a.",
        "Page 2 says b.",
        "Page 3 says c.",
    ]


def test_what_only_two_pages_share_stays():
    pages = [["The same head", f"says {word}."] for word in "ab"]
    assert all("same head" in s.text for s in read_pdf(pdf(*pages)).sections)


def test_an_empty_page_among_others_is_an_empty_section():
    assert [s.text for s in read_pdf(pdf(["Words."], [], ["More words."])).sections] == [
        "Words.",
        "",
        "More words.",
    ]


@pytest.mark.parametrize("title", ["", "Microsoft Word - draft.doc", "untitled", "paper.tex"])
def test_a_title_that_a_program_made_up_is_none(title):
    assert read_pdf(pdf(["Words."], title=title)).title == ""


PASSWORD = f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{'00' * 32}> /U <{'11' * 32}> >>"


@pytest.mark.parametrize(
    ("raw", "rule", "detail"),
    [
        (b"%PDF-1.7 and nonsense", "broken", "no PDF"),
        (pdf(["Words."])[:200], "broken", "no PDF"),
        (b"\0" * 300, "broken", "no PDF"),
        (pdf(["Words."], trailer=f"{PASSWORD} /ID [<00> <00>]"), "encrypted", "password"),
        (pdf([], []), "empty", "2 pages, none with text"),
    ],
)
def test_a_pdf_that_cannot_be_read_says_why(raw, rule, detail):
    with pytest.raises(Unreadable, match=detail) as fault:
        read_pdf(raw)
    assert fault.value.rule == rule


def test_a_scan_is_told_from_an_empty_file():
    scan, figure = io.BytesIO(), Figure()
    figure.figimage(np.eye(20), resize=True)
    figure.savefig(scan, format="pdf")
    with pytest.raises(Unreadable, match="1 with pictures: it needs OCR") as fault:
        read_pdf(scan.getvalue())
    assert fault.value.rule == "scanned"
