"""Every trap of the field's loaders, one by one: the file, the line and the field are named."""

import json

import polars as pl
import pytest

from rankmill.errors import ConfigError
from rankmill.validate import validate_file
from rankmill.validate.formats import kinds

GOOD = {"query": "q", "pos": ["p"], "neg": ["n"]}
LIST = {"query": "q", "docs": ["a", "b"], "labels": [3.0, 1.0]}
PASSAGE = {"docid": "d", "title": "", "text": "t"}
V1 = {"query_id": "1", "query": "q", "positive_passages": [PASSAGE], "negative_passages": [PASSAGE]}
CANDIDATE = {"docid": "d", "score": 1.0, "doc": {"text": "t"}}
SAID = ({"from": "system", "value": "s"}, {"from": "human", "value": "h"})
USER, REPLY = {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}
VERL = {
    "data_source": "rankmill",
    "prompt": [USER],
    "ability": "ranking",
    "reward_model": {"style": "rule", "ground_truth": "[1]"},
    "extra_info": {"split": "train", "index": 0},
}


def without(values, name):
    return {key: value for key, value in values.items() if key != name}


def found(path, kind, **options):
    (one,) = validate_file(path, kind, options)
    return [(fault.line, fault.field, fault.found, fault.expected) for fault in one.findings]


def conversation(answer):
    return {"id": "1", "conversations": [*SAID, {"from": "gpt", "value": answer}]}


def json_lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


FLAG = ("flagembedding", "train.jsonl")
TEXTS = [
    ("flagembedding", "train.jsonl", GOOD, GOOD | {"pos": "p"}, "pos", "valid list"),
    ("flagembedding", "train.jsonl", GOOD, GOOD | {"neg": []}, "neg", "at least 1 item"),
    ("flagembedding", "train.jsonl", GOOD, without(GOOD, "neg"), "neg", "a value in every row"),
    *(
        ("flagembedding", "train.jsonl", GOOD, GOOD | wrong, field, expected)
        for wrong, field, expected in (
            ({"pos_scores": [1.0]}, "neg_scores", "both sides or of none"),
            ({"pos_scores": [1.0], "neg_scores": [0.1, 0.2]}, "neg_scores", "1, one for each"),
            ({"pos_scores": ["1"], "neg_scores": [0.1]}, "pos_scores.0", "valid number"),
            ({"pos_scores": [None], "neg_scores": [0.1]}, "pos_scores.0", "valid number"),
            ({"query_id": "7"}, "query_id", "none but those of the format"),
        )
    ),
    (
        "tevatron",
        "train.jsonl",
        V1,
        V1 | {"positive_passages": [without(PASSAGE, "title")]},
        "positive_passages.0.title",
        "a value in every row",
    ),
    (
        "tevatron_ids",
        "corpus.jsonl",
        PASSAGE,
        {"docid": "e", "document_text": "t"},
        "text",
        "a value in every row",
    ),
    *(
        (
            "rankllm",
            "train.jsonl",
            {"query": {"text": "q", "qid": "1"}, "candidates": [CANDIDATE]},
            {"query": {"text": "q", "qid": "1"}, "candidates": [CANDIDATE | {"score": score}]},
            "candidates.0.score",
            "valid number",
        )
        for score in ("0.5", None)
    ),
    (
        "fullrank",
        "train.jsonl",
        {"qid": "1", "initial_list": ["a", "b"], "final_list": ["b", "a"], "weights": [1.0, 1.0]},
        {"qid": "1", "initial_list": ["a", "b"], "final_list": ["b", "c"], "weights": [1.0, 1.0]},
        "final_list",
        "each once",
    ),
    (
        "e2rank",
        "train.jsonl",
        {"source": "s", "query": "q", "document": ["a", "b"], "ranking": [2, 1]},
        {"source": "s", "query": "q", "document": ["a", "b"], "ranking": [2, 2]},
        "ranking",
        "an order of 2 documents",
    ),
    (
        "beir",
        "corpus.jsonl",
        {"_id": "d", "title": "", "text": "t"},
        {"_id": "e", "text": "t"},
        "title",
        "a value in every row",
    ),
    (
        "beir",
        "corpus.jsonl",
        {"_id": "d", "title": "", "text": "t"},
        {"_id": "d", "title": "", "text": "again"},
        "_id",
        "one document of each id",
    ),
    ("beir", "queries.jsonl", {"_id": "q", "text": "t"}, {"_id": 7, "text": "t"}, "_id", "string"),
]


@pytest.mark.parametrize(("kind", "name", "good", "bad", "field", "expected"), TEXTS)
def test_a_line_that_breaks_the_loader_is_named(tmp_path, kind, name, good, bad, field, expected):
    path = tmp_path / name
    path.write_text(json_lines(good))
    assert found(path, kind) == []
    path.write_text(json_lines(good, bad))
    line, where, _, words = found(path, kind)[0]
    assert (line, where) == (2, field)
    assert expected in words


LISTS = [
    (LIST | {"labels": [1.0, 3.0]}, "labels.1", "best first"),
    (LIST | {"labels": [3.0]}, "labels", "2, one for each of docs"),
    (LIST | {"labels": [3.0, None]}, "labels.1", "valid number"),
    (LIST | {"labels": [3.0, -1.0]}, "labels.1", "greater than or equal to 0"),
    (LIST | {"labels": [97.5, 3.0]}, "labels.0", "less than or equal to 10"),
    (LIST | {"labels": [float("nan"), 3.0]}, "labels.0", "finite number"),
    (LIST | {"docs": [], "labels": []}, "docs", "at least 1 item"),
    ({"query_id": "7", **LIST}, "query_id", "none but those of the format"),
    ({"docs": ["a"], "query": "q", "labels": [1.0]}, "columns", "they are read by position"),
]


@pytest.mark.parametrize(("row", "field", "expected"), LISTS)
def test_a_list_that_breaks_the_listwise_losses_is_named(tmp_path, row, field, expected):
    path = tmp_path / "train.parquet"
    pl.DataFrame([LIST]).write_parquet(path)
    assert found(path, "listwise") == []
    pl.DataFrame([row]).write_parquet(path)
    line, where, _, words = found(path, "listwise")[0]
    assert (line, where) == (1, field)
    assert expected in words


def test_labels_that_are_scores_may_be_below_zero_but_not_rise(tmp_path):
    path = tmp_path / "train.parquet"
    pl.DataFrame([LIST | {"labels": [0.5, -7.5]}]).write_parquet(path)
    assert found(path, "listwise", labels="scores") == []
    pl.DataFrame([LIST | {"labels": [-7.5, 0.5]}]).write_parquet(path)
    assert found(path, "listwise", labels="scores")[0][1:] == (
        "labels.1",
        "0.5 after -7.5",
        "best first",
    )


ROWS = [
    ("triplets", {"anchor": "a", "positive": "p", "negative": None}, "negative", "string"),
    ("triplets", {"id": "1", "anchor": "a", "positive": "p", "negative": "n"}, "id", "none but"),
    ("pairs", {"positive": "p", "anchor": "a"}, "columns", "anchor, positive"),
    ("ntuples", {"anchor": "a", "positive": "p", "negative_2": "n"}, "row", "negative_1"),
    (
        "ntuples",
        {"anchor": "a", "positive": "p", "negative_1": "n", "negative_2": None},
        "negative_2",
        "every row has as many",
    ),
    (
        "scored_ntuples",
        {"anchor": "a", "positive": "p", "negative_1": "n", "scores": [1.0, 0.5, 0.2]},
        "scores",
        "2, positive first",
    ),
    ("labelled_pairs", {"query": "q", "document": "d", "label": 3.0}, "label", "equal to 1"),
    (
        "rerank_eval",
        {"query": "q", "positive": ["p"], "negative": ["n"], "documents": ["p", "n"]},
        "negative",
        "exactly one",
    ),
    ("by_ids", {"query_id": "q", "document_ids": ["d"], "scores": []}, "scores", "1, one for each"),
    ("mteb", {"query-id": "q", "corpus-id": "d", "score": 2.0}, "score", "valid integer"),
    ("mteb", {"query-id": "q", "corpus-id": "d", "score": 2**31}, "score", "less than"),
    ("sft", {"prompt": [USER], "completion": []}, "completion", "at least 1"),
    ("dpo", {"prompt": "p", "chosen": "a", "rejected": "a"}, "rejected", "another answer"),
    ("dpo", {"prompt": [USER], "chosen": [REPLY], "rejected": "b"}, "chosen", "all texts or all"),
    ("grpo", {"prompt": [{"role": "judge", "content": "u"}]}, "prompt", "assistant"),
    ("verl", VERL | {"reward_model": {"style": "rule"}}, "reward_model.ground_truth", "a value"),
    ("verl", VERL | {"extra_info": {"split": "train"}}, "extra_info.index", "a value"),
    ("lipo", {"query": "q", "docs": ["a", "b"], "scores": [1.0]}, "scores", "2, one for each of"),
    (
        "groups",
        {"qid": "q", "group": 0, "docids": ["a", "b"], "scores": [1.0, 2.0], "grades": [1]},
        "grades",
        "2, one for each of docids",
    ),
]
NAMES = {"by_ids": "lists/train.parquet", "mteb": "qrels/train.parquet"}


@pytest.mark.parametrize(("kind", "row", "field", "expected"), ROWS)
def test_a_row_that_breaks_the_trainer_is_named(tmp_path, kind, row, field, expected):
    path = tmp_path / NAMES.get(kind, "train.parquet")
    path.parent.mkdir(exist_ok=True)
    pl.DataFrame([row]).write_parquet(path)
    faults = [one for one in found(path, kind) if one[1].startswith(field)]
    assert faults, found(path, kind)
    assert faults[0][0] == 1
    assert expected in faults[0][3]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("[A] > [C]", "each of A to B once"),
        ("[A] > [A]", "each of A to B once"),
        ("[2] > [4]", "each of 1 to 2 once"),
        ("Sure: [A] > [B]", "no prose"),
        ("A > B", "identifiers in brackets"),
    ],
)
def test_letters_with_gaps_break_rankzephyr(tmp_path, answer, expected):
    path = tmp_path / "train.json"
    path.write_text(json.dumps([conversation("[B] > [A]"), conversation("[3] > [1] > [2]")]))
    assert found(path, "rankzephyr") == []
    path.write_text(json.dumps([conversation("[B] > [A]"), conversation(answer)]))
    line, field, _, words = found(path, "rankzephyr")[0]
    assert (line, field) == (2, "conversations.2.value")
    assert expected in words


QRELS = "query-id\tcorpus-id\tscore\n"
LINES = [
    ("beir", "test.tsv", QRELS + "q\td\t1\n", QRELS + "q\td\t0.5\n", 2, "score"),
    ("beir", "test.tsv", QRELS + "q\td\t1\n", "q\td\t1\n", 1, "file"),
    ("beir", "test.tsv", QRELS + "q\td\t1\n", QRELS + "q\td\n", 2, "file"),
    ("beir", "test.tsv", QRELS + "q\td\t1\n", QRELS + 'q\t"d\t1\nq\te\t1\n', 2, "file"),
    ("trec", "qrels.test.txt", "q 0 d 1\n", "q 0 a d 1\n", 1, "file"),
    ("trec", "qrels.test.txt", "q 0 d 1\n", "q 0 d 0.5\n", 1, "grade"),
    ("trec", "teacher.test.txt", "q Q0 d 1 2 t\n", "q Q0 d 1 2 t\nq Q0 e 2 2 t\n", 2, "score"),
    ("trec", "teacher.test.txt", "q Q0 d 1 2 t\n", "q Q0 d 1 high t\n", 1, "score"),
    ("colbert", "triples.train.tsv", "q\tp\tn\n", "q\tp\n", 1, "file"),
    ("colbert", "triples.train.jsonl", "[0, 1, 2]\n", '["0", 1, 2]\n', 1, "value.0"),
    ("gpl", "gpl-training-data.tsv", "q\tp\tn\t0.5\n", "q\tp\tn\tnone\n", 1, "margin"),
    ("flagembedding", "train.jsonl", json_lines(GOOD), '{"query": \n', 1, "file"),
    ("flagembedding", "train.jsonl", json_lines(GOOD), "", 0, "file"),
    ("rankgpt", "train.permutations.json", '["[2] > [1]"]', '["[2] > [3]"]', 1, "value"),
]


@pytest.mark.parametrize(("kind", "name", "good", "bad", "line", "field"), LINES)
def test_a_line_of_text_that_breaks_its_reader_is_named(
    tmp_path, kind, name, good, bad, line, field
):
    path = tmp_path / name
    path.write_text(good)
    assert found(path, kind) == []
    path.write_text(bad)
    assert found(path, kind)[0][:2] == (line, field)


def test_the_beginning_of_many_faults_is_shown_and_the_rest_counted(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(json_lines(*[GOOD | {"neg": []}] * 50))
    (one,) = validate_file(path, "flagembedding")
    assert (one.rows, len(one.findings), one.more, one.count) == (50, 20, 30, 50)


def test_a_parquet_file_that_is_none_is_said_to_be_none(tmp_path):
    path = tmp_path / "train.parquet"
    path.write_bytes(b"PAR1 cut short")
    assert found(path, "listwise")[0][3] == "a Parquet file"


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "qrels.test.txt"
    path.write_bytes(b"q 0 d\xff 1\n")
    assert found(path, "trec")[0][3] == "UTF-8"


def test_every_export_has_rules():
    from rankmill.export import kinds as exports

    assert {one.model_fields["kind"].default for one in exports()} == set(kinds())


def test_an_unknown_kind_is_refused_with_those_there_are(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("{}\n")
    with pytest.raises(ConfigError, match=r"--as flags: expected one of automodel, beir"):
        validate_file(path, "flags")


def test_a_file_that_is_not_there_and_one_of_another_form_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        validate_file(tmp_path / "train.jsonl", "flagembedding")
    path = tmp_path / "train.parquet"
    pl.DataFrame([LIST]).write_parquet(path)
    with pytest.raises(ConfigError, match=r"expected a file of flagembedding such as \{split\}"):
        validate_file(path, "flagembedding")


def test_quotes_and_long_texts_are_no_trouble_for_a_file_of_tabs(tmp_path):
    path = tmp_path / "collection.tsv"
    path.write_text('0\t"to begin with\n1\tplain\n2\t' + "x" * 200_000 + "\n")
    (one,) = validate_file(path, "colbert")
    assert (one.rows, one.count) == (3, 0)
