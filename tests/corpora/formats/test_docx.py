import io
import zipfile

import pytest

from made_up_files import docx
from rankmill.corpora.formats import Unreadable
from rankmill.corpora.formats.docx import read_docx

TABLE = (
    "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>"
    "<w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
)


def test_headings_paragraphs_and_tables():
    paper = read_docx(
        docx(
            ("Title", "The paper"),
            ("Normal", "Words before."),
            ("Heading1", "First"),
            ("Heading2", "Deeper"),
            ("Normal", "More words."),
            body=TABLE,
        )
    )
    assert paper.title == "The paper"
    assert [(s.anchor, s.headings, s.text) for s in paper.sections] == [
        ("the-paper", ("The paper",), "Words before."),
        ("deeper", ("First", "Deeper"), "Deeper\n\nMore words.\n\na | b"),
    ]


def test_the_documents_own_title_and_language_go_first():
    core = "<dc:title>Stated</dc:title><dc:language>de-DE</dc:language>"
    paper = read_docx(docx(("Heading1", "Seen"), ("Normal", "x"), core=core))
    assert (paper.title, paper.lang) == ("Stated", "de-DE")


def bomb() -> bytes:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("word/document.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(520):
            part.write(bytes(1 << 20))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"PK\3\4 but no more", "broken"),
        (docx(("Normal", "x"))[:-40], "broken"),
        (docx(("Normal", "<bad")), "broken"),
        (docx(("Normal", "x"), core="<dc:title>"), "broken"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on", "encrypted"),
        (docx(), "empty"),
    ],
)
def test_a_document_that_cannot_be_read_says_why(raw, rule):
    with pytest.raises(Unreadable) as fault:
        read_docx(raw)
    assert fault.value.rule == rule


def test_a_bomb_is_not_unpacked():
    with pytest.raises(Unreadable, match="unpacks to 520 MiB"):
        read_docx(bomb())
