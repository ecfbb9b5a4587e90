"""`rankmill validate FOLDER`: a whole dataset, as made and as damaged."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from rankmill.assemble import Assembly, assemble
from rankmill.assemble.files import write_manifest
from rankmill.cli import app
from rankmill.errors import ConfigError, TableError
from rankmill.export import kinds
from rankmill.validate import validate


@pytest.fixture
def dataset(tables, facts, tmp_path, offline):
    """Make a dataset with some exports, and return its folder."""

    def dataset(*exports):
        spec = Assembly(negatives=1, **({"exports": exports} if exports else {}))
        assemble(spec, tables, tmp_path / "dataset", facts)
        return tmp_path / "dataset"

    return dataset


def seal(folder):
    """Make MANIFEST.json fit files that were changed."""
    about = json.loads((folder / "MANIFEST.json").read_text())
    write_manifest(folder, {key: value for key, value in about.items() if key != "files"})


def faults(folder):
    return {
        one.file: [str(finding) for finding in one.findings]
        for one in validate(folder)
        if one.count
    }


def test_every_export_passes_by_its_rules_and_its_consumers(dataset):
    folder = dataset(*(kind() for kind in kinds()))
    found = {one.file: one for one in validate(folder)}
    assert {name: one.findings for name, one in found.items() if one.count} == {}
    listed = json.loads((folder / "MANIFEST.json").read_text())["files"]
    notes = {"dataset_info.json", "merlin_metadata.json"}
    files = {
        path
        for path in listed
        if path.split("/")[-1] not in notes | {"README.md"} and not path.startswith("pictures/")
    }
    assert set(found) == files | {"MANIFEST.json", "ids"}
    assert found["listwise/train.parquet"].by == ("rules", "sentence_transformers", "datasets")
    assert found["trec/qrels.train.txt"].by == ("rules", "ir_measures")
    assert found["mteb/qrels/validation.parquet"].rows == 2


@pytest.mark.parametrize(
    ("package", "file"),
    [
        ("beir", "beir/validation/qrels/validation.tsv"),
        ("mteb", "mteb/qrels/validation.parquet"),
        ("FlagEmbedding", "flagembedding/train.jsonl"),
        ("rank_llm", "rankllm/train.jsonl"),
    ],
)
def test_a_consumer_that_is_installed_opens_its_files(dataset, package, file):
    pytest.importorskip(package)
    kind = file.split("/")[0]
    export = next(one for one in kinds() if one.model_fields["kind"].default == kind)
    found = {one.file: one for one in validate(dataset(export()))}
    assert package in found[file].by
    assert found[file].count == 0


def test_a_byte_that_changed_is_found(dataset):
    folder = dataset()
    path = folder / "beir/validation/queries.jsonl"
    path.write_text(path.read_text().replace("reef", "leaf"))
    assert faults(folder) == {
        "MANIFEST.json": [
            "bytes: expected what MANIFEST.json says, found beir/validation/queries.jsonl has "
            "another SHA-256"
        ]
    }


def test_a_file_that_is_gone_is_found(dataset):
    folder = dataset()
    (folder / "triplets/train.parquet").unlink()
    said = faults(folder)
    assert "triplets/train.parquet is missing" in said["MANIFEST.json"][0]
    assert "file: expected a file that can be read" in said["triplets/train.parquet"][0]


def test_a_file_that_cannot_be_read_is_blamed_alone(dataset):
    folder = dataset()
    damaged = folder / "triplets/train.parquet"
    damaged.write_bytes(damaged.read_bytes()[:300])
    (folder / "beir/validation/corpus.jsonl").write_bytes(b"")
    assert faults(folder).keys() == {
        "MANIFEST.json",
        "triplets/train.parquet",
        "beir/validation/corpus.jsonl",
    }


def test_an_id_that_leads_nowhere_is_found_in_the_tables_and_in_the_collection(dataset):
    folder = dataset()
    for name in ("qrels/validation.parquet", "mteb/qrels/validation.parquet"):
        rows = pl.read_parquet(folder / name)
        column = "docid" if "docid" in rows.columns else "corpus-id"
        rows.with_columns(pl.col(column).replace("d6", "d99")).write_parquet(folder / name)
    path = folder / "beir/validation/qrels/validation.tsv"
    path.write_text(path.read_text().replace("d6", "d99"))
    seal(folder)
    said = faults(folder)
    assert said["ids"] == [
        "ids: expected ids that lead somewhere, found qrels/validation row 1 (d99) docid d99 is "
        "not in corpus"
    ]
    lost = "line 2, corpus-id: expected the id of a document, found 'd99'"
    assert said["mteb/qrels/validation.parquet"] == [lost]
    assert said["beir/validation/qrels/validation.tsv"] == [lost.replace("line 2", "line 3")]


def test_a_table_with_a_column_too_many_is_found(dataset):
    folder = dataset()
    path = folder / "lists/train.parquet"
    pl.read_parquet(path).with_columns(extra=pl.lit(1)).write_parquet(path)
    seal(folder)
    (said,) = faults(folder)["lists/train.parquet"]
    assert said.startswith("line 1, row: expected the table's columns, found lists: expected")


def test_an_id_column_in_a_trainer_s_file_is_found(dataset):
    folder = dataset()
    path = folder / "listwise/train.parquet"
    rows = pl.read_parquet(path)
    rows.insert_column(0, pl.Series("query_id", ["q1"])).write_parquet(path)
    seal(folder)
    assert faults(folder)["listwise/train.parquet"] == [
        "line 1, query_id: expected none but those of the format, found such a column"
    ]


def test_a_card_that_names_a_file_that_is_none_is_found(dataset):
    folder = dataset()
    path = folder / "README.md"
    text = path.read_text().replace("listwise/validation.parquet", "listwise/holdout.parquet", 1)
    path.write_text(text)
    seal(folder)
    (said,) = faults(folder)["listwise/holdout.parquet"]
    assert said.startswith("file: expected what datasets reads, found FileNotFoundError")


def test_the_command_prints_every_file_and_ends_with_7_when_one_is_damaged(dataset):
    folder = dataset()
    whole = CliRunner().invoke(app, ["validate", str(folder)])
    assert whole.exit_code == 0, whole.output
    assert "listwise/train.parquet" in whole.output
    (folder / "beir/validation/corpus.jsonl").write_text('{"_id": "d5", "text": "Reef early."}\n')
    damaged = CliRunner().invoke(app, ["validate", str(folder)])
    assert damaged.exit_code == 7
    assert "line 1, title: expected a value in every row, found nothing" in damaged.output


def test_the_command_takes_a_file_that_somebody_else_wrote(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text('{"query": "q", "pos": "p", "neg": ["n"]}\n')
    found = CliRunner().invoke(app, ["validate", str(path), "--as", "flagembedding"])
    assert found.exit_code == 7
    assert "mine.jsonl: line 1, pos: expected a valid list, found 'p'" in found.output


def test_a_folder_that_is_no_dataset_is_said_to_be_none(tmp_path):
    with pytest.raises(TableError, match=r"no such file; expected a dataset folder"):
        validate(tmp_path)


@pytest.mark.parametrize("exports", [["x"], {"x": {"kind": "nosuch", "files": []}}, {"x": 3}])
def test_a_manifest_that_says_nothing_of_its_exports_is_damaged(dataset, exports):
    folder = dataset()
    about = json.loads((folder / "MANIFEST.json").read_text())
    write_manifest(folder, {**about, "exports": exports})
    with pytest.raises(TableError, match="expected the kind and files of an export"):
        validate(folder)


def test_a_card_that_is_no_card_and_a_table_that_is_none_are_faults(dataset):
    folder = dataset()
    (folder / "README.md").write_text("---\nconfigs: [\n---\n")
    (folder / "judgments/train.parquet").write_bytes(b"")
    seal(folder)
    found = faults(folder)
    assert "YAML as the hub reads it" in found["README.md"][0]
    assert any("judgments" in name for name in found)


def test_a_file_by_itself_needs_its_kind(dataset):
    with pytest.raises(ConfigError, match="a file by itself needs --as KIND"):
        validate(dataset() / "README.md")
