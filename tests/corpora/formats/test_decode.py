import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.corpora.formats import FORMATS, Unreadable
from rankmill.corpora.formats.text import decode
from rankmill.errors import CorpusError

GERMAN = "Grüße aus München: während Fußgänger über die Brücke gehen, ist die Straße gesperrt. " * 2
RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. Это русский текст. " * 2
JAPANESE = "これは日本語の文章です。漢字とひらがなとカタカナが混ざっています。検索の試験。" * 2


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8-sig"),
        (GERMAN, "latin-1"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32"),
        (RUSSIAN, "utf-16-le"),
        (RUSSIAN, "koi8-r"),
        (RUSSIAN, "cp1251"),
        (JAPANESE, "shift_jis"),
        ("هذا نص عربي لاختبار الترميز في محرك البحث، ويكتب من اليمين إلى اليسار. " * 2, "cp1256"),
    ],
)
def test_text_is_the_same_in_whatever_encoding(text, encoding):
    assert decode(text.encode(encoding)) == text


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1))
def test_utf_8_is_never_taken_for_anything_else(text):
    if text.isspace():
        return
    assert decode(("word " + text).encode()) == "word " + text


def test_a_file_of_two_encodings_is_read_line_by_line():
    mixed = "eins: grün\nzwei: früh\n".encode() + "drei: später\n".encode("latin-1")
    assert decode(mixed) == "eins: grün\nzwei: früh\ndrei: später\n"


def test_a_declared_encoding_is_believed_when_the_bytes_agree_and_names_of_the_web_are_known():
    assert decode("naïve € ça".encode("cp1252"), "iso-8859-1") == "naïve € ça"
    assert decode("汉字".encode("gb18030"), "gb2312") == "汉字"
    assert decode("é".encode(), "no-such-encoding") == "é"
    assert decode("é".encode(), "shift_jis") == "é"


def test_a_few_null_bytes_do_not_make_a_text_unreadable():
    assert decode(b"some words\0 and others, which are many more") == (
        "some words\0 and others, which are many more"
    )


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"", "empty"),
        (b"\0" * 1000, "empty"),
        (b" \r\n\t ", "empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 4, "undecodable"),
        (b"\x01\x02\x03word\x04" * 50, "undecodable"),
    ],
)
def test_what_is_no_text_says_so(raw, rule):
    with pytest.raises(Unreadable) as fault:
        decode(raw)
    assert fault.value.rule == rule


@pytest.mark.parametrize(
    ("package", "name", "raw"),
    [
        ("selectolax.lexbor", "html", b"<p>x"),
        ("markdown_it", "markdown", b"# x"),
        ("pypdfium2", "pdf", b"%PDF"),
        ("mammoth", "docx", b"PK"),
        ("tree_sitter_go", "go", b"package x"),
        ("charset_normalizer", "text", "grün\n".encode("latin-1")),
    ],
)
def test_a_missing_package_is_one_line_that_names_the_command(package, name, raw, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(CorpusError) as error:
        FORMATS[name](raw)
    assert str(error.value).endswith(
        f"needs the package {package.partition('.')[0]}: pip install 'rankmill[documents]'"
    )


def test_a_text_states_its_licence_by_its_spdx_line():
    parsed = FORMATS["text"](b"# SPDX-License-Identifier: Apache-2.0 OR MIT\nwords")
    assert parsed.licence == "Apache-2.0 OR MIT"
    assert FORMATS["text"](b"words").licence is None
