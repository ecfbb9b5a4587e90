"""Files that grow part by part."""

import json
from collections.abc import Sequence
from typing import Literal

import polars as pl
import pytest

from rankmill.errors import TableError
from rankmill.export import Exported, Ids, Labelled, Policy, write
from rankmill.export.automodel import Automodel
from rankmill.export.base import File
from rankmill.export.colbert import Colbert
from rankmill.export.files import Growing, Shape
from rankmill.export.flagembedding import FlagEmbedding
from rankmill.export.listwise import Listwise
from rankmill.tables import Table

POLICY = Policy(positive_grade=2, negative_grade=0, negatives=4)
NUMBERS = Table(name="numbers", key=("number",), columns={"number": pl.Int64, "text": pl.String})


class Broken(Exported):
    """An export whose rows are not what it says."""

    kind: Literal["broken"] = "broken"

    def files(self) -> Sequence[File]:
        return [File(path="{split}.jsonl", table=NUMBERS, rows=lambda part: part.lists)]


def numbers(*values):
    return pl.DataFrame({"number": values, "text": [f"t{value}" for value in values]})


def grown(path, *parts, shape=None, **settings):
    growing = Growing(path, NUMBERS, shape, **settings)
    for part in parts:
        growing.write(numbers(*part))
    growing.close()
    return growing


def test_rows_that_were_not_declared_come_out_as_an_error(tables, tmp_path):
    with pytest.raises(TableError, match="numbers: expected"):
        write([Broken(), Listwise(), Ids()], Labelled(tables, POLICY), tmp_path)
    assert not [*tmp_path.glob(".*")]


def test_parts_of_any_size_give_the_same_rows(tables, tmp_path, monkeypatch):
    exports = [Listwise(), FlagEmbedding(), Automodel(), Colbert(), Ids()]
    write(exports, Labelled(tables, POLICY), tmp_path / "one")
    monkeypatch.setattr("rankmill.export.parts._PAIRS", 1)
    monkeypatch.setattr("rankmill.export.parts._DOCUMENTS", 2)
    write(exports, Labelled(tables, POLICY), tmp_path / "many")
    found = []
    for folder in (tmp_path / "one", tmp_path / "many"):
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        found.append(
            [
                (path.relative_to(folder), rows.to_dicts() if rows is not None else text)
                for path in files
                for rows in [pl.read_parquet(path) if path.suffix == ".parquet" else None]
                for text in [None if rows is not None else path.read_bytes()]
            ]
        )
    assert found[0] == found[1]
    assert len(found[0]) > 15


def test_nothing_is_left_of_the_texts(tables, tmp_path):
    write([Listwise()], Labelled(tables, POLICY), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["listwise"]


def test_a_file_that_has_grown_too_large_is_followed_by_another(tmp_path):
    parts = ([1, 2], [3], [], [4])
    growing = grown(tmp_path / "rows.parquet", *parts, shard_bytes=1)
    names = [f"rows-0000{n}-of-00003.parquet" for n in range(3)]
    assert [path.name for path in growing.paths] == names
    assert growing.rows == 4
    assert pl.read_parquet(tmp_path / names[1]).rows() == [(3, "t3")]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_a_file_without_rows_is_not_there(tmp_path):
    assert grown(tmp_path / "rows.parquet").paths == []
    assert list(tmp_path.iterdir()) == []


def test_an_array_has_what_stands_around_it(tmp_path):
    shape = Shape(around=('{"data": ', "}"))
    grown(tmp_path / "rows.json", [1], [2, 3], shape=shape)
    read = json.loads((tmp_path / "rows.json").read_text())
    assert read == {"data": numbers(1, 2, 3).to_dicts()}


def test_bare_values_stand_alone(tmp_path):
    table = Table(name="bare", key=(), columns={"a,": pl.List(pl.String)})
    for name in ("rows.jsonl", "rows.json"):
        growing = Growing(tmp_path / name, table, Shape(bare=True))
        growing.write(pl.DataFrame({"a,": [["x", 'y"}\n'], []]}))
        growing.write(pl.DataFrame({"a,": [["\u2028é"]]}))
        growing.close()
    values = [["x", 'y"}\n'], [], ["\u2028é"]]
    lines = (tmp_path / "rows.jsonl").read_text().split("\n")
    assert [json.loads(line) for line in lines[:-1]] == values
    assert json.loads((tmp_path / "rows.json").read_text()) == values


def test_a_table_of_values_begins_with_names_if_asked(tmp_path):
    grown(tmp_path / "with.tsv", [1], [2])
    grown(tmp_path / "without.tsv", [1], [2], shape=Shape(header=False))
    assert (tmp_path / "with.tsv").read_text() == "number\ttext\n1\tt1\n2\tt2\n"
    assert (tmp_path / "without.tsv").read_text() == "1\tt1\n2\tt2\n"


def test_parquet_has_a_row_group_a_part_and_statistics_of_its_key_alone(tmp_path):
    from pyarrow.parquet import read_metadata

    grown(tmp_path / "rows.parquet", [1, 2], [3])
    facts = read_metadata(tmp_path / "rows.parquet")
    assert facts.num_row_groups == 2
    number, text = (facts.row_group(0).column(place) for place in range(2))
    assert (number.compression, number.statistics.max) == ("ZSTD", 2)
    assert not text.is_stats_set
