import gzip
import json
from pathlib import Path

import pytest

from rankmill.errors import CorpusError
from rankmill.generate import Given
from rankmill.generate.examples import read_examples
from rankmill.generate.given import GivenQuery
from rankmill.records import Rejection


def read(folder, name, text, **options):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return Given(path=name, **options).read(folder)


def query(qid, text, *relevant, kind="given", lang=None):
    return GivenQuery(qid=qid, text=text, kind=kind, lang=lang, relevant=relevant)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("log.jsonl", '{"_id": 7, "text": "wie  tief"}\n\n{"_id": "8", "text": "wie hoch"}\n'),
        ("log.jsonl.gz", '{"qid": "7", "query": "wie tief"}\n{"id": 8, "question": "wie hoch"}'),
        ("log.tsv", "7\twie tief\r\n8\twie hoch\r\n"),
        ("log.tsv", "7\twie tief\n\u00a0\n8\twie hoch\n\u2003\u00a0\n"),
        (
            "log.jsonl",
            '{"_id": 7, "text": "wie\u2028tief"}\n\u00a0\n{"_id": 8, "text": "wie hoch"}',
        ),
        ("log.tsv", "text\tqid\nwie tief\t7\nwie hoch\t8\n"),
        ("log.tsv", "query\tid\nwie tief\t7\nwie hoch\t8\n"),
        ("log.tsv", "Query-ID\tQuestion\n7\twie tief\n8\twie hoch\n"),
        ("log.jsonl", '\ufeff{"_id": "7", "text": "wie tief"}\n{"_id": "8", "text": "wie hoch"}'),
    ],
)
def test_a_log_is_read_in_the_forms_that_logs_have(tmp_path, name, text):
    assert read(tmp_path, name, text) == [query("7", "wie tief"), query("8", "wie hoch")]


def test_a_query_without_an_id_is_named_for_its_text(tmp_path):
    one, two = read(tmp_path, "log.jsonl", '{"text": "wie tief"}\n{"text": "wie hoch"}')
    assert read(tmp_path, "log.txt", "wie tief\nwie hoch\n") == [one, two]
    assert one.qid.startswith("q")
    assert one.qid != two.qid
    assert read(tmp_path, "log.jsonl", '{"text": "wie  tief"}')[0].qid == one.qid


def test_a_log_may_hold_texts_alone(tmp_path):
    found = read(tmp_path, "log.txt", "wie tief\nwie hoch\n")
    assert [one.text for one in found] == ["wie tief", "wie hoch"]


def test_answers_come_from_qrels_best_first_and_from_the_line_itself(tmp_path):
    (tmp_path / "qrels.tsv").write_text(
        "query-id\tcorpus-id\tscore\n7\td1\t1\n7\td3\t2\n7\td2\t2\n7\td4\t0\n9\td9\t1\n"
    )
    text = '{"_id": "7", "text": "wie tief"}\n{"_id": "8", "text": "wie hoch", "docids": ["d5"]}'
    found = read(tmp_path, "log.jsonl", text, qrels="qrels.tsv")
    assert found == [query("7", "wie tief", "d2", "d3", "d1"), query("8", "wie hoch", "d5")]


def test_a_folder_of_beir_is_a_log(tmp_path):
    (tmp_path / "beir").mkdir()
    (tmp_path / "beir" / "queries.jsonl").write_text('{"_id": "7", "text": "wie tief"}\n')
    assert Given(path="beir", lang="de").read(tmp_path) == [query("7", "wie tief", lang="de")]


def test_a_heading_of_examples_says_what_is_a_document_and_what_a_query(tmp_path):
    for heading in ("question\tpassage", "Query\tDocument", "anchor\tpositive"):
        (tmp_path / "pairs.tsv").write_text(f"{heading}\nhow to bake\tBake it.\n")
        (found,) = read_examples(Path("pairs.tsv"), tmp_path)
        assert (found.document, found.query) == ("Bake it.", "how to bake")


def test_a_line_may_say_its_kind_and_language(tmp_path):
    line = '{"_id": "7", "text": "wie tief", "kind": "keyword", "lang": "de"}'
    (found,) = read(tmp_path, "log.jsonl", line, lang="en", kind_of_query="log")
    assert (found.kind, found.lang) == ("keyword", "de")


def test_what_cannot_be_a_query_is_rejected_under_a_name(tmp_path):
    lines = ['{"_id": 1, "text": null}', '{"_id": 2, "text": "a"}', '{"_id": 2, "text": "b"}']
    found = read(tmp_path, "log.jsonl", "\n".join(lines))
    assert [(one.id, one.rule) for one in found if isinstance(one, Rejection)] == [
        ("1", "no_text"),
        ("2", "repeated_id"),
    ]
    assert found[2].detail.endswith("log.jsonl:3")
    assert found[1] == query("2", "a")
    assert read(tmp_path, "log.jsonl", "\n".join(lines), queries=1) == found


def test_a_sample_of_queries_keeps_every_rejection(tmp_path):
    lines = ['{"_id": 1, "text": ""}', *(f'{{"_id": {n}, "text": "a"}}' for n in (2, 3, 4, 4))]
    found = read(tmp_path, "log.jsonl", "\n".join(lines), queries=1)
    assert [one.rule for one in found if isinstance(one, Rejection)] == ["no_text", "repeated_id"]
    assert sum(isinstance(one, GivenQuery) for one in found) == 1
    assert Given(path="log.jsonl", queries=1).count(tmp_path) == 1


def test_a_sample_is_always_the_same_and_in_the_order_of_the_file(tmp_path):
    text = "\n".join(json.dumps({"_id": n, "text": f"query {n}"}) for n in range(30))
    few = read(tmp_path, "log.jsonl", text, queries=5)
    more = read(tmp_path, "log.jsonl", text, queries=9)
    assert len(few) == 5
    assert set(few) < set(more)
    assert [int(one.qid) for one in more] == sorted(int(one.qid) for one in more)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("log.jsonl", "{", "log.jsonl:1: not JSON"),
        ("log.jsonl", "[1]", "log.jsonl:1: a JSON list, expected an object"),
        ("log.jsonl", '{"text": ["a"]}', "log.jsonl:1: field 'text' is of type list"),
        ("log.jsonl", "", "log.jsonl: no query in it"),
        (
            "log.jsonl",
            '{"_id": 1, "body": "a"}',
            "log.jsonl:1: found _id, body, expected text or query or question",
        ),
        ("log.tsv", "1\ta b\tc", "log.tsv:1: 3 values, expected qid, text between tabs"),
        ("log.jsonl.gz", "", "log.jsonl.gz: no query in it"),
    ],
)
def test_a_line_that_is_no_query_is_named(tmp_path, name, text, message):
    with pytest.raises(CorpusError, match=message.replace(".", r"\.")):
        read(tmp_path, name, text)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"log\.jsonl"):
        Given(path="log.jsonl").read(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"expected queries\.jsonl"):
        Given(path="empty").read(tmp_path)


def test_a_grade_that_is_no_number_is_named(tmp_path):
    (tmp_path / "qrels.tsv").write_text("7\td1\thigh\n")
    with pytest.raises(CorpusError, match=r"qrels.tsv:1: expected a whole number.*'high'"):
        read(tmp_path, "log.tsv", "7\twie tief\n", qrels="qrels.tsv")


@pytest.mark.parametrize("line", ["7 d1 1", "7 0 d1 1", "7\td1"])
def test_qrels_that_are_no_three_columns_are_refused(tmp_path, line):
    (tmp_path / "qrels.tsv").write_text(line + "\n")
    fault = r"qrels.tsv:1: expected query-id, corpus-id and score between tabs, found '7"
    with pytest.raises(CorpusError, match=fault):
        read(tmp_path, "log.tsv", "7\twie tief\n", qrels="qrels.tsv")


def test_qrels_of_other_queries_alone_are_refused_and_some_are_counted(tmp_path):
    (tmp_path / "qrels.tsv").write_text("8\td1\t1\n9\td1\t1\n")
    with pytest.raises(CorpusError, match=r"qrels.tsv: no query .* found 8, expected such as 7"):
        read(tmp_path, "log.tsv", "7\twie tief\n", qrels="qrels.tsv")
    (tmp_path / "log.tsv").write_text("7\twie tief\n8\twie hoch\n")
    given = Given(path="log.tsv", qrels="qrels.tsv", queries=1)
    assert given.strangers(tmp_path) == ["9"]


@pytest.mark.parametrize("lang", ["english please", "xx", "e"])
def test_a_language_that_is_none_is_refused(lang):
    with pytest.raises(ValueError, match=f"'{lang}' names no language; expected a BCP 47 tag"):
        Given(path="log.tsv", lang=lang)


def test_the_files_are_what_the_queries_depend_on(tmp_path):
    (tmp_path / "log.tsv").write_text("1\ta\n")
    before = Given(path="log.tsv").reads(tmp_path)
    (tmp_path / "log.tsv").write_text("1\tb\n")
    assert Given(path="log.tsv").reads(tmp_path) != before
    assert Given(path="log.tsv").fingerprint == Given(path="elsewhere.tsv").fingerprint
