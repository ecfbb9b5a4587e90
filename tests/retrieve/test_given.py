import gzip
import json

import pytest

from rankmill.errors import CorpusError
from rankmill.retrieve.given import GivenLists, read_run


def lists(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return GivenLists(path=name).read(folder)


def test_a_run_is_read_by_score_and_equal_scores_by_rank(tmp_path):
    run = "q1 Q0 a 1 2.5 me\nq1 Q0 b 3 7 me\n\nq2 Q0 d 2 1 me\nq2 Q0 c 1 1 me\n"
    assert lists(tmp_path, "run.trec", run) == {"q1": ["b", "a"], "q2": ["c", "d"]}


def test_a_line_of_a_run_ends_at_a_newline_and_nowhere_else(tmp_path):
    run = "q1 Q0 a 1 2.5 my\u2028own\r\nq1 Q0 b 2 1.5 my\x85own\n"
    assert lists(tmp_path, "run.trec", run) == {"q1": ["a", "b"]}


def test_lines_of_json_hold_docids_best_first(tmp_path):
    rows = [{"qid": "q1", "docids": ["b", "a"]}, {"query_id": 7, "docids": [3, 1]}]
    text = "\n".join(map(json.dumps, rows))
    assert lists(tmp_path, "lists.jsonl", text) == {"q1": ["b", "a"], "7": ["3", "1"]}


def test_packed_lines_of_json_are_read(tmp_path):
    (tmp_path / "lists.jsonl.gz").write_bytes(gzip.compress(b'{"qid": "q", "docids": ["a"]}'))
    assert GivenLists(path="lists.jsonl.gz").read(tmp_path) == {"q": ["a"]}


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("run.trec", "q1 Q0 a 1\n", r"run.trec, line 1: expected qid Q0 docid rank score tag"),
        ("run.trec", "q1 Q0 a 1 2 x\nq1 Q0 a one 2 x\n", r"run.trec, line 2: expected qid"),
        (
            "run.trec",
            "q1 Q0 a 1 nan x\n",
            r"run.trec, line 1: expected qid .* found 'q1 Q0 a 1 nan",
        ),
        ("run.trec", "\n", r"run.trec: no list in it; expected lines of qid and docids"),
        ("lists.jsonl", "", r"lists.jsonl: no list in it; expected lines of qid and docids"),
        (
            "lists.jsonl",
            '{"qid": "q", "docs": ["a"]}\n',
            r"lists.jsonl:1: expected docids or candidates, found qid, docs",
        ),
        (
            "lists.jsonl",
            '{"qid": "q", "docids": ["a"]}\n{"qid": "q", "docids": ["b"]}\n',
            r"lists.jsonl:2: a second list of 'q', expected one",
        ),
        ("lists.jsonl", '{"docids": ["a"]}\n', r"lists.jsonl:1: expected 'qid'"),
        ("lists.jsonl", '{"qid": "q", "docids": [["a"]]}\n', r"lists.jsonl:1: field 'docids'"),
        ("lists.jsonl", "no json\n", r"lists.jsonl:1"),
    ],
)
def test_a_line_of_another_form_is_named(tmp_path, name, text, fault):
    with pytest.raises(CorpusError, match=fault):
        lists(tmp_path, name, text)


def test_a_missing_file_and_one_in_another_encoding_are_named(tmp_path):
    with pytest.raises(CorpusError, match=r"run.trec: cannot be read: No such file"):
        read_run(tmp_path / "run.trec")
    (tmp_path / "run.trec").write_bytes(b"\xff\xfe")
    with pytest.raises(CorpusError, match=r"run.trec:1: UTF-16, expected UTF-8"):
        read_run(tmp_path / "run.trec")


def test_the_digest_is_that_of_the_content(tmp_path):
    lists(tmp_path, "run.trec", "q1 Q0 a 1 2.5 me\n")
    first = GivenLists(path="run.trec").digest(tmp_path)
    lists(tmp_path, "other.trec", "q1 Q0 a 1 2.5 me\n")
    assert GivenLists(path="other.trec").digest(tmp_path) == first
    lists(tmp_path, "run.trec", "q1 Q0 b 1 2.5 me\n")
    assert GivenLists(path="run.trec").digest(tmp_path) != first
