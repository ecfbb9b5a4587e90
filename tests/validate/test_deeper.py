"""Faults inside a value: orders that are none, negatives that are positives, ids of nothing."""

import json

import polars as pl
import pytest

from rankmill.assemble import Assembly, assemble
from rankmill.errors import ConfigError
from rankmill.export import kinds
from rankmill.validate import validate, validate_file

USER = {"role": "user", "content": "u"}
THOUGHT = "<think>why</think>\n<answer>[2] > [1]</answer>"


def says(text):
    return [{"role": "assistant", "content": text}]


def faults(folder, kind, name, rows, **options):
    path = folder / name
    if path.suffix == ".parquet":
        pl.DataFrame(rows).write_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (one,) = validate_file(path, kind, options)
    return [(fault.line, fault.field, fault.expected) for fault in one.findings]


@pytest.mark.parametrize("said", ["[2] > [1]", THOUGHT])
def test_a_completion_is_an_order_bare_or_after_a_thought(tmp_path, said):
    good = {"prompt": [USER], "completion": says(said)}
    assert faults(tmp_path, "sft", "train.parquet", [good]) == []
    assert faults(tmp_path, "sft", "train.parquet", [{"prompt": "p", "completion": said}]) == []


@pytest.mark.parametrize(
    ("completion", "field"),
    [
        (says("[2] > [2]"), "completion.0.content"),
        (says("<answer>[1] > [3]</answer>"), "completion.0.content"),
        (says("The second is best."), "completion.0.content"),
        ([USER], "completion"),
        (says("[1]") + says("[1]"), "completion"),
    ],
)
def test_a_completion_that_is_no_order_is_named(tmp_path, completion, field):
    row = {"prompt": [USER], "completion": completion}
    assert [fault[:2] for fault in faults(tmp_path, "sft", "train.parquet", [row])] == [(1, field)]


def test_a_conversation_ends_with_an_order(tmp_path):
    rows = [{"messages": [USER, *says("[1] > [2]")]}, {"messages": [USER, *says("both")]}]
    found = faults(tmp_path, "sft", "train.parquet", rows, form="messages")
    assert [fault[:2] for fault in found] == [(2, "messages.1.content")]


@pytest.mark.parametrize(
    ("gold", "grades", "expected"),
    [
        ([2, 1], [3, 0], []),
        ([2, 2], [3, 0], [(1, "gold", "each place from 1 to 2 once")]),
        ([0, 1], [3, 0], [(1, "gold", "each place from 1 to 2 once")]),
        ([1], [3, 0], [(1, "gold", "each place from 1 to 2 once")]),
        ([2, 1], [3], [(1, "grades", "2, one for each of gold")]),
    ],
)
def test_the_gold_of_grpo_is_an_order_of_its_documents(tmp_path, gold, grades, expected):
    row = {"prompt": [USER], "id": "q", "docids": ["a", "b"], "gold": gold, "grades": grades}
    assert faults(tmp_path, "grpo", "train.parquet", [row]) == expected


def test_a_prompt_without_gold_is_enough_for_grpo(tmp_path):
    assert faults(tmp_path, "grpo", "train.parquet", [{"prompt": "p", "answer": "7"}]) == []


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        ("[2] > [1]", None),
        ('{"ranking":[2,1],"grades":[0,3]}', None),
        ("[2] > [2]", "each of 1 to 2 once, without a gap"),
        ('{"ranking":[2,2],"grades":[0,3]}', "each place from 1 to 2 once"),
        ('{"ranking":[2,1]}', "JSON of ranking and grades"),
        ('{"ranking":', "JSON of ranking and grades"),
        ("42", "identifiers in brackets with ` > ` between, no prose"),
    ],
)
def test_the_truth_of_verl_is_an_order_or_json_of_one(tmp_path, truth, expected):
    row = {
        "data_source": "rankmill",
        "prompt": [USER],
        "ability": "ranking",
        "reward_model": {"style": "rule", "ground_truth": truth},
        "extra_info": {"split": "train", "index": 0},
    }
    found = [fault[2] for fault in faults(tmp_path, "verl", "train.parquet", [row])]
    assert found == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("output", "field", "expected"),
    [
        ('{"[1]": 2, "[2]": 0}', "", ""),
        ('{"[1]": 2, "[3]": 0}', "output", "each place from 1 to 2 once"),
        ('{"[1]": 2}', "output", "each place from 1 to 2 once"),
        ('{"[1]": 2, "[2]": "high"}', "output.[2]", "a whole grade from 0"),
        ('{"a": 2, "b": 0}', "output", 'an object of identifiers such as "[1]"'),
        ("[2, 0]", "output", 'an object of identifiers such as "[1]"'),
        ("2 and 0", "output", "JSON"),
    ],
)
def test_the_output_of_a_group_grades_every_document(tmp_path, output, field, expected):
    row = {
        "item_id": "q/0",
        "query": "q",
        "system": "",
        "instruction": "grade",
        "output": output,
        "docids": ["a", "b"],
        "scores": [1.0, 0.0],
    }
    found = faults(tmp_path, "grouprank", "train.jsonl", [row])
    assert found == ([(1, field, expected)] if expected else [])


@pytest.mark.parametrize(
    ("kind", "name", "row", "field"),
    [
        (
            "triplets",
            "train.parquet",
            {"anchor": "q", "positive": "p", "negative": "p"},
            "negative",
        ),
        (
            "ntuples",
            "train.parquet",
            {"anchor": "q", "positive": "p", "negative_1": "n", "negative_2": "p"},
            "negative_2",
        ),
    ],
)
def test_a_negative_that_is_the_positive_is_named(tmp_path, kind, name, row, field):
    expected = [(1, field, "another document than the positive")]
    assert faults(tmp_path, kind, name, [row]) == expected


def test_a_triple_of_texts_whose_negative_is_the_positive_is_named(tmp_path):
    path = tmp_path / "triples.train.tsv"
    path.write_text("q\tp\tn\nq\tp\tp\n")
    (one,) = validate_file(path, "colbert")
    assert [(fault.line, fault.field) for fault in one.findings] == [(2, "negative")]


def test_a_use_names_the_export_that_serves_it(tmp_path):
    good = {"anchor": "q", "positive": "p", "negative_1": "n"}
    assert faults(tmp_path, "mnrl", "train.parquet", [good]) == []
    listed = {"query": "q", "docs": ["a", "b"], "labels": [0.25, -3.0]}  # RankNet reads an order
    assert faults(tmp_path, "ranknet", "train.parquet", [listed]) == []
    assert faults(tmp_path, "lambdaloss", "train.parquet", [listed])
    with pytest.raises(ConfigError, match=r"--as mnlr: .* did you mean mnrl"):
        validate_file(tmp_path / "train.parquet", "mnlr")


@pytest.fixture
def folder(tables, facts, tmp_path, offline):
    exports = tuple(
        kind() for kind in kinds() if kind.model_fields["kind"].default in {"colbert", "automodel"}
    )
    assemble(Assembly(negatives=1, exports=exports), tables, tmp_path / "dataset", facts)
    return tmp_path / "dataset"


def found_in(folder):
    return {
        one.file: [(fault.line, fault.field) for fault in one.findings]
        for one in validate(folder)
        if one.count and one.file != "MANIFEST.json"
    }


def test_numbers_of_colbert_lead_to_queries_and_passages(folder):
    path = folder / "colbert/triples.train.jsonl"
    query, positive, negative = json.loads(path.read_text().splitlines()[0])
    path.write_text(
        f"[{query},{positive},{negative}]\n[77,{positive},{negative}]\n"
        f"[{query},{positive},88]\n[{query},{positive},{positive}]\n"
    )
    assert found_in(folder) == {
        "colbert/triples.train.jsonl": [(2, "value.0"), (3, "value.2"), (4, "value")]
    }


def test_ids_of_automodel_lead_to_its_corpus(folder):
    path = folder / "automodel/train.json"
    made = json.loads(path.read_text())
    made["data"][0]["neg_doc"].append({"id": "nowhere"})
    path.write_text(json.dumps(made))
    assert found_in(folder) == {"automodel/train.json": [(1, "neg_doc")]}


def test_one_damaged_file_hides_no_other_fault(folder):
    (folder / "corpus/train.parquet").write_bytes(b"PAR1 cut short")
    path = folder / "queries/train.parquet"
    pl.read_parquet(path).drop("kind").write_parquet(path)
    found = found_in(folder)
    assert {"ids", "corpus/train.parquet", "queries/train.parquet"} <= found.keys()
    assert found["queries/train.parquet"][0] == (1, "row")
