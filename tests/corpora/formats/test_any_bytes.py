import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_up_files import docx, pdf
from rankmill.corpora.formats import FORMATS, Parsed, Unreadable
from rankmill.corpora.formats.html import read_html

VALID = {
    "docx": docx(
        ("Title", "T"), ("Heading1", "One"), ("Normal", "words"), core="<dc:title>T</dc:title>"
    ),
    "html": b"<title>T</title><h1 id=a>One</h1><ul><li>a<table><tr><td>b<pre>c</pre></table></ul>",
    "markdown": b"---\nid: a\n---\n# One\n\n- a\n\n| a |\n|---|\n| b |\n\n```\nx\n```\n",
    "pdf": pdf(["One word."], ["Two words."], title="T", outline=[("One", 0), ("Two", 1)]),
    "python": b"import os\n\nclass A:\n    def b(self):\n        return '''c'''\n",
    "text": "Grüße\n".encode(),
}


def outcome(read, raw):
    try:
        return read(raw)
    except Unreadable as fault:
        return fault


@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_the_bytes_a_reader_gives_sections_or_says_why_not(name, data):
    valid = bytearray(VALID.get(name, b"class A { /* b */ int c(int d) { return d; } }\n" * 2))
    places = st.integers(0, len(valid) - 1)
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        valid[place] = byte
    raw = bytes(valid[: data.draw(st.just(len(valid)) | places)]) + data.draw(st.binary(max_size=9))
    found = outcome(FORMATS[name], raw)
    assert found.sections if isinstance(found, Parsed) else found.rule


@pytest.mark.parametrize(
    "label", ["base64", "rot13", "undefined", "idna", "zip", "no such", "\0", "utf-7", "a" * 200]
)
def test_a_declared_encoding_that_is_none_does_no_harm(label):
    assert read_html("<p>grün".encode(), label).sections[0].text == "grün"
    assert (
        read_html("<p>für die Straße grün".encode("latin-1"), label).sections[0].text.endswith("n")
    )


@pytest.mark.parametrize("html", [b"<frameset><frame src=a></frameset>", b"<", b"<!doctype html>"])
def test_a_page_without_a_body_is_empty(html):
    found = outcome(read_html, html)
    assert isinstance(found, Unreadable) or found.sections[0].text == "<"
