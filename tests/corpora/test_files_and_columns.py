import gzip
import hashlib
import os
from pathlib import Path

import pytest

from rankmill.corpora import Jsonl
from rankmill.corpora.columns import Columns
from rankmill.corpora.files import Place, SourceFile, find_files, fingerprint, lines
from rankmill.errors import CorpusError
from rankmill.records import Document, Rejection

HERE = Place(within="/data/c.jsonl", name="c.jsonl", row=7)
ENDINGS = (".jsonl", ".jsonl.gz")


def names(files: tuple[SourceFile, ...]) -> list[str]:
    return [file.name for file in files]


def test_a_folder_means_every_file_below_it_that_is_not_hidden(tmp_path):
    for name in ("b.jsonl", "a/z.jsonl.gz", ".cache/x.jsonl", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert names(find_files(Path(), tmp_path, endings=ENDINGS)) == ["a/z.jsonl.gz", "b.jsonl"]


def test_a_name_that_is_no_utf8_is_spelled_out(tmp_path):
    name = os.fsdecode(b"caf\xe9.jsonl")
    (tmp_path / name).write_bytes(b'{"text": "tea"}')
    found = find_files(Path(), tmp_path, endings=ENDINGS)
    assert names(found) == ["caf\\xe9.jsonl"]
    assert names(find_files(Path(name), tmp_path, endings=ENDINGS)) == names(found)
    assert len(fingerprint(found)) == 64
    (document,) = Jsonl(path=Path()).documents(tmp_path)
    assert document.source == "caf\\xe9.jsonl:1"


def test_a_glob_finds_files_of_any_name_in_order(tmp_path):
    for name in ("part-2.json", "part-1.json", "other.json"):
        (tmp_path / name).write_bytes(b"")
    found = find_files(Path("part-*.json"), tmp_path, endings=ENDINGS)
    assert names(found) == ["part-1.json", "part-2.json"]


def test_a_tilde_is_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "c.jsonl").write_bytes(b"")
    (found,) = find_files(Path("~/c.jsonl"), Path("/elsewhere"), endings=ENDINGS)
    assert found == SourceFile(path=tmp_path / "c.jsonl", name="c.jsonl")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("corpsu.jsonl", "no such file or folder, the nearest name is corpus.jsonl"),
        ("nowhere/at/all.jsonl", "no such file or folder"),
        ("part-*.jsonl", "no file matches part-*.jsonl"),
        ("empty", "no file named *.jsonl or *.jsonl.gz below it"),
    ],
)
def test_a_path_without_files_is_an_error_that_says_why(tmp_path, path, reason):
    (tmp_path / "corpus.jsonl").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError) as error:
        find_files(Path(path), tmp_path, endings=ENDINGS)
    assert str(error.value).endswith(reason)
    assert str(error.value).startswith(str(tmp_path))


def test_a_fingerprint_follows_content_and_name_but_not_the_folder(tmp_path):
    def print_of(folder: str, name: str, content: str) -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        path = tmp_path / folder / name
        path.write_text(content)
        return fingerprint([SourceFile(path=path, name=name)])

    first = print_of("a", "c.jsonl", "x")
    assert len(first) == 64
    assert print_of("b", "c.jsonl", "x") == first
    assert print_of("b", "c.jsonl", "y") != first
    assert print_of("b", "d.jsonl", "x") != first


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(CorpusError) as error:
        fingerprint([SourceFile(path=tmp_path, name="a folder")])
    assert str(error.value) == f"{tmp_path}: cannot be read: Is a directory"


def test_a_line_ends_at_a_newline_and_nowhere_else(tmp_path):
    text = "\ufeffa\u2028b\u2029c\x85d\x0be\r\n\n\u00a0\nlast"
    (tmp_path / "plain").write_bytes(text.encode())
    (tmp_path / "packed.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("plain", "packed.gz"):
        found = list(lines(tmp_path / name))
        assert found == [(1, "a\u2028b\u2029c\x85d\x0be"), (4, "last")]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a", b"fine\nb\xff\n", "a:2: not UTF-8: byte 0xff at byte 2 of the line"),
        ("a", "a".encode("utf-16"), "a:1: UTF-16, expected UTF-8"),
        ("a.gz", gzip.compress(b"a\n")[:-9], "a.gz: broken gzip file: "),
    ],
)
def test_lines_that_cannot_be_read_are_an_error_that_says_where(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError) as error:
        list(lines(tmp_path / name))
    assert str(error.value).startswith(f"{tmp_path}/{reason}")


def test_a_row_becomes_a_document_under_the_usual_names():
    row = {"_id": 12, "title": "T", "text": "words", "lang": "de", "license": "MIT", "url": 1}
    assert Columns().document(row, HERE) == Document(
        docid="12", title="T", text="words", source="c.jsonl:7", lang="de", licence="MIT"
    )


def test_named_columns_go_before_the_usual_ones():
    columns = Columns(docid="url", text="body", title="headline")
    row = {"id": "1", "url": "u", "text": "no", "body": "yes", "title": "no", "headline": "yes"}
    found = columns.document(row, HERE)
    assert found == Document(docid="u", title="yes", text="yes", source="c.jsonl:7")


def test_docid_goes_before_id():
    row = {"id": "2", "_id": "1", "docid": "0", "text": "words"}
    assert Columns().document(row, HERE) == Document(docid="0", text="words", source="c.jsonl:7")


@pytest.mark.parametrize("row", [{}, {"id": None}, {"id": ""}])
def test_a_row_without_a_docid_gets_one_from_its_text(row):
    elsewhere = Place(within="x", name="x", row=1)
    found = Columns().document({"text": "words", **row}, HERE)
    again = Columns().document({"text": "words"}, elsewhere)
    other = Columns().document({"text": "other words"}, elsewhere)
    assert isinstance(found, Document)
    assert isinstance(again, Document)
    assert isinstance(other, Document)
    assert found.docid == again.docid == hashlib.sha256(b"words").hexdigest()[:16]
    assert other.docid != found.docid


def test_a_column_with_an_empty_name_is_never_read():
    columns = Columns(docid="", title="")
    found = columns.document({"id": "1", "title": ["a", "list"], "text": "words"}, HERE)
    assert isinstance(found, Document)
    assert found.docid == hashlib.sha256(b"words").hexdigest()[:16]
    assert found.title == ""


def test_a_null_text_is_rejected_by_name():
    assert Columns().document({"id": "9", "text": None}, HERE) == Rejection(
        id="9", rule="no_text", detail="null at /data/c.jsonl:7"
    )
    assert Columns().document({"text": None}, HERE) == Rejection(
        id="c.jsonl:7", rule="no_text", detail="null at /data/c.jsonl:7"
    )


@pytest.mark.parametrize(
    ("columns", "row", "reason"),
    [
        (
            Columns(),
            {"Text": "x", "id": "1"},
            "no field 'text' for the text, found 'Text', 'id' (nearest: 'Text')",
        ),
        (Columns(), {}, "no field 'text' for the text, found none"),
        (
            Columns(docid="url"),
            {"text": "x", "ulr": "1"},
            "no field 'url' for the docid, found 'text', 'ulr' (nearest: 'ulr')",
        ),
        (Columns(title="name"), {"text": "x"}, "no field 'name' for the title, found 'text'"),
        (Columns(), {"text": ["x"]}, "field 'text' is of type list, expected text"),
        (Columns(), {"text": "x", "title": 3}, "field 'title' is of type int, expected text"),
        (
            Columns(),
            {"text": "x", "id": 1.5},
            "field 'id' is of type float, expected text or a whole number",
        ),
        (
            Columns(),
            {"text": "x", "id": True},
            "field 'id' is of type bool, expected text or a whole number",
        ),
    ],
)
def test_a_wrong_row_is_an_error_with_its_place_and_what_was_found(columns, row, reason):
    with pytest.raises(CorpusError) as error:
        columns.document(row, HERE)
    assert str(error.value) == f"/data/c.jsonl:7: {reason}"


def test_headings_and_parent_are_read_where_they_are_named():
    row = {"id": 1, "text": "words", "path": ["A", None, "B"], "page": 7, "parent": "unread"}
    found = Columns(headings="path", parent="page").document(row, HERE)
    assert isinstance(found, Document)
    assert (found.headings, found.parent) == ("A > B", "7")
    plain = Columns(headings="path").document({"text": "words", "path": "A > B"}, HERE)
    assert isinstance(plain, Document)
    assert plain.headings == "A > B"
    unnamed = Columns().document({"text": "words", "headings": 3, "parent": [1]}, HERE)
    assert isinstance(unnamed, Document)
    assert (unnamed.headings, unnamed.parent) == (None, None)


@pytest.mark.parametrize(("part", "value"), [("headings", {"a": 1}), ("parent", 1.5)])
def test_headings_and_parents_of_another_type_are_an_error(part, value):
    with pytest.raises(CorpusError, match="field 'x' is of type"):
        Columns(**{part: "x"}).document({"text": "words", "x": value}, HERE)
