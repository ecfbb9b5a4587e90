import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter, ValidationError

from rankmill.corpora import Beir, Columns, Corpus, Jsonl, ParquetFiles
from rankmill.errors import CorpusError
from rankmill.records import Document, Rejection

CRANFIELD = Path(__file__).parents[3] / "shared" / "collections" / "cranfield"


def jsonl(path: Path, *rows: object) -> Path:
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    return path


def test_a_recipe_names_a_reader_by_its_kind():
    reader = TypeAdapter(Corpus).validate_python({"kind": "jsonl", "path": "c.jsonl"})
    assert reader == Jsonl(path=Path("c.jsonl"))
    with pytest.raises(ValidationError, match="'jsonl', 'parquet', 'beir', 'huggingface'"):
        TypeAdapter(Corpus).validate_python({"kind": "json", "path": "c.jsonl"})


def test_where_a_corpus_is_kept_is_no_part_of_its_identity():
    assert Jsonl(path=Path("a")).fingerprint == Jsonl(path=Path("b")).fingerprint
    named = Jsonl(path=Path("a"), columns=Columns(text="body"))
    assert named.fingerprint != Jsonl(path=Path("a")).fingerprint


def test_json_lines_are_read_in_order_with_their_line_as_source(tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": 1, "text": "one"}\r\n\n  \n{"id": 2, "text": "two"}')
    assert list(Jsonl(path=Path("c.jsonl")).documents(tmp_path)) == [
        Document(docid="1", text="one", source="c.jsonl:1"),
        Document(docid="2", text="two", source="c.jsonl:4"),
    ]


def test_a_folder_of_plain_and_compressed_files_is_one_corpus(tmp_path):
    jsonl(tmp_path / "b.jsonl", {"id": "b", "text": "two"})
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"id": "a", "text": "one"}\n'))
    found = list(Jsonl(path=Path()).documents(tmp_path))
    assert found == [
        Document(docid="a", text="one", source="a.jsonl.gz:1"),
        Document(docid="b", text="two", source="b.jsonl:1"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "a"', "not JSON: unexpected end of data at column 13"),
        (b'{"text": NaN}', "not JSON: unexpected character"),
        (b'["a"]', "a JSON list, expected an object"),
        (b'"a"', "a JSON str, expected an object"),
        (b'{"text": "\xff"}', "not UTF-8: byte 0xff at byte 11 of the line"),
        (b'{"body": "a"}', "no field 'text' for the text, found 'body'"),
    ],
)
def test_a_bad_line_is_an_error_with_file_and_line(tmp_path, line, reason):
    path = tmp_path / "c.jsonl"
    path.write_bytes(b'{"text": "fine"}\n' + line + b"\n")
    with pytest.raises(CorpusError) as error:
        list(Jsonl(path=path).documents(Path("/")))
    assert str(error.value).startswith(f"{path}:2: {reason}")


def test_utf_16_is_named_as_such(tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_bytes('{"text": "a"}\n'.encode("utf-16"))
    with pytest.raises(CorpusError, match=r"c\.jsonl:1: UTF-16, expected UTF-8"):
        list(Jsonl(path=path).documents(tmp_path))


@pytest.mark.parametrize("content", [b"plain text\n", gzip.compress(b'{"text": "a"}' * 99)[:-12]])
def test_a_file_that_is_not_whole_gzip_is_an_error(tmp_path, content):
    path = tmp_path / "c.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=r"c\.jsonl\.gz: "):
        list(Jsonl(path=path).documents(tmp_path))


@pytest.mark.parametrize("reader", [Jsonl, ParquetFiles, Beir])
def test_a_missing_corpus_is_an_error_for_documents_and_origin(tmp_path, reader):
    with pytest.raises(CorpusError, match="no such"):
        list(reader(path=Path("nowhere")).documents(tmp_path))
    with pytest.raises(CorpusError, match="no such"):
        reader(path=Path("nowhere")).origin(tmp_path)


def test_an_origin_changes_with_the_content_only(tmp_path):
    reader = Jsonl(path=Path("c.jsonl"))
    jsonl(tmp_path / "c.jsonl", {"text": "a"})
    first = reader.origin(tmp_path)
    jsonl(tmp_path / "c.jsonl", {"text": "a"})
    assert reader.origin(tmp_path) == first
    jsonl(tmp_path / "c.jsonl", {"text": "b"})
    assert reader.origin(tmp_path) != first


def test_parquet_rows_are_read_by_column_name(tmp_path):
    rows = pa.table({"n": [1, 2], "body": ["one", None], "other": [[1], [2]]})
    pq.write_table(rows, tmp_path / "c.parquet", row_group_size=1)
    reader = ParquetFiles(path=Path("*.parquet"), columns=Columns(docid="n", text="body"))
    assert list(reader.documents(tmp_path)) == [
        Document(docid="1", text="one", source="c.parquet:1"),
        Rejection(id="2", rule="no_text", detail=f"null at {tmp_path}/c.parquet:2"),
    ]


def test_parquet_rows_are_numbered_over_all_batches(tmp_path):
    rows = pa.table({"id": range(10_000), "text": [str(n) for n in range(10_000)]})
    pq.write_table(rows, tmp_path / "c.parquet")
    found = list(ParquetFiles(path=tmp_path).documents(tmp_path))
    assert len(found) == 10_000
    assert found[-1] == Document(docid="9999", text="9999", source="c.parquet:10000")


def test_a_parquet_file_without_the_column_is_an_error_even_when_empty(tmp_path):
    pq.write_table(pa.table({"body": pa.array([], pa.string())}), tmp_path / "c.parquet")
    with pytest.raises(
        CorpusError, match=r"c\.parquet: no field 'text' for the text, found 'body'"
    ):
        list(ParquetFiles(path=tmp_path).documents(tmp_path))


def test_a_parquet_column_of_numbers_is_no_text(tmp_path):
    pq.write_table(pa.table({"text": [1]}), tmp_path / "c.parquet")
    with pytest.raises(
        CorpusError, match=r"c\.parquet:1: field 'text' is of type int, expected text"
    ):
        list(ParquetFiles(path=tmp_path).documents(tmp_path))


def test_a_file_that_is_not_parquet_is_an_error(tmp_path):
    (tmp_path / "c.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(CorpusError, match=r"c\.parquet: "):
        list(ParquetFiles(path=tmp_path).documents(tmp_path))


@pytest.mark.parametrize("name", ["corpus.jsonl", "corpus.jsonl.gz"])
def test_a_beir_folder_is_read_from_its_corpus_file(tmp_path, name):
    content = b'{"_id": "7", "title": "T", "text": "one", "metadata": {}}\n{"_id": 8, "text": ""}\n'
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert list(Beir(path=Path()).documents(tmp_path)) == [
        Document(docid="7", title="T", text="one", source=f"{name}:1"),
        Document(docid="8", text="", source=f"{name}:2"),
    ]


def test_a_beir_origin_does_not_follow_the_queries(tmp_path):
    jsonl(tmp_path / "corpus.jsonl", {"_id": "1", "text": "a"})
    first = Beir(path=tmp_path).origin(tmp_path)
    jsonl(tmp_path / "queries.jsonl", {"_id": "1", "text": "q"})
    assert Beir(path=tmp_path).origin(tmp_path) == first


def test_a_folder_that_is_no_beir_collection_says_what_it_holds(tmp_path):
    (tmp_path / "queries.jsonl").write_bytes(b"")
    with pytest.raises(CorpusError, match=r"no corpus\.jsonl or .*, found queries\.jsonl"):
        Beir(path=tmp_path).origin(tmp_path)
    with pytest.raises(CorpusError, match="nowhere: no such folder"):
        list(Beir(path=Path("nowhere")).documents(tmp_path))


def test_a_beir_line_without_its_id_is_an_error(tmp_path):
    jsonl(tmp_path / "corpus.jsonl", {"id": "1", "text": "a"})
    with pytest.raises(CorpusError, match="no field '_id' for the docid"):
        list(Beir(path=tmp_path).documents(tmp_path))


@pytest.mark.skipif(not CRANFIELD.is_dir(), reason="../shared/collections/cranfield is not here")
def test_cranfield_is_read_whole():
    found = list(Beir(path=CRANFIELD).documents(Path()))
    assert len({document.docid for document in found if isinstance(document, Document)}) == 1398


def test_a_line_that_is_too_long_is_rejected_and_the_next_one_is_read(tmp_path):
    long = b'{"id": 2, "text": "' + b"x" * (2 << 20) + b'"}'
    (tmp_path / "c.jsonl").write_bytes(
        b'{"id": 1, "text": "one"}\n' + long + b'\n{"id": 3, "text": "three"}\n' + long
    )
    found = list(Jsonl(path=Path("c.jsonl"), max_megabytes=1).documents(tmp_path))
    assert found == [
        Document(docid="1", text="one", source="c.jsonl:1"),
        Rejection(id="c.jsonl:2", rule="too_large", detail="a line of more than 1 MiB"),
        Document(docid="3", text="three", source="c.jsonl:3"),
        Rejection(id="c.jsonl:4", rule="too_large", detail="a line of more than 1 MiB"),
    ]
    whole = list(Jsonl(path=Path("c.jsonl")).documents(tmp_path))
    assert [len(d.text) for d in whole if isinstance(d, Document)] == [3, 2 << 20, 5, 2 << 20]
