"""What is made once for many files: shared values, texts on disk, notes of what was written."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from rankmill.assemble import Assembly
from rankmill.errors import TableError
from rankmill.export import Labelled, Listwise, Policy, Triplets, write
from rankmill.export.llama_factory import LlamaFactory
from rankmill.export.sft import Sft
from rankmill.export.texts import kept_texts

POLICY = Policy(positive_grade=2, negative_grade=0, negatives=4)


@pytest.fixture
def part(tables, tmp_path):
    labelled = Labelled(tables, POLICY)
    with labelled.texts(tmp_path) as texts:
        part, _ = labelled.parts(texts)
        yield part


def test_the_first_that_asks_makes_it_for_all(part):
    made = []

    def make():
        made.append(len(made))
        return len(made)

    with ThreadPoolExecutor(4) as threads:
        assert {*threads.map(lambda _: part.once("it", make), range(50))} == {1}
    assert part.once("another", make) == 2


def test_exports_that_ask_alike_share_their_rows_and_others_do_not(part):
    asked = Sft().asked_windows(part)
    assert LlamaFactory().asked_windows(part) is asked
    assert Sft(excerpt=20).asked_windows(part) is not asked
    assert Sft(excerpt=20).asked_windows(part)["documents"][0][1].endswith("…")


def test_texts_are_those_of_the_rows_that_are_asked_for(documents, tmp_path):
    corpus = documents.with_row_index("number").iter_slices(2)
    listed = pl.Series([4, 1, 4], dtype=pl.UInt32)
    rows = np.isin(np.arange(len(documents)), listed)
    with kept_texts(corpus, rows, tmp_path) as texts:
        assert [*tmp_path.glob(".texts-*")]
        found = texts.join(pl.DataFrame({"number": listed}))
        assert found["text"].to_list() == documents["text"].gather(listed).to_list()
        expected = [len(f"{row['title']}{row['text']}".encode()) for row in found.to_dicts()]
        assert texts.sizes(pl.DataFrame({"number": listed})).to_list() == expected
    assert not [*tmp_path.glob(".texts-*")]


def test_a_split_without_rows_is_in_no_note(tables, tmp_path):
    write([LlamaFactory()], Labelled(tables, POLICY), tmp_path)
    info = json.loads((tmp_path / "llama-factory" / "dataset_info.json").read_text())
    files = {path.name for path in (tmp_path / "llama-factory").iterdir()}
    assert {entry["file_name"] for entry in info.values()} == files - {"dataset_info.json"}
    assert set(info) == {"llama-factory-train", "llama-factory-validation"}


def test_a_query_from_nowhere_has_positives_by_its_grades(tables, tmp_path):
    nowhere = pl.when(pl.col("qid") != "q1").then("source_docid")
    origin = pl.when(qid="q1").then(pl.lit("given")).otherwise("origin")
    given = replace(
        tables,
        queries=tables.queries.with_columns(source_docid=nowhere),
        candidates=tables.candidates.with_columns(origin=origin),
    )
    given.check()
    write([Triplets(), Listwise()], Labelled(given, POLICY), tmp_path / "given")
    write([Triplets(), Listwise()], Labelled(tables, POLICY), tmp_path / "known")
    for name in ("triplets/train.parquet", "listwise/train.parquet"):
        assert (tmp_path / "given" / name).read_bytes() == (tmp_path / "known" / name).read_bytes()


def test_a_source_that_is_nowhere_is_still_refused(tables):
    lost = replace(tables, queries=tables.queries.with_columns(source_docid=pl.lit("d77")))
    with pytest.raises(TableError, match="the source document is not in the corpus"):
        lost.check()


@pytest.mark.parametrize("name", ["readme.md", "manifest.json", "pictures", "corpus"])
def test_a_name_of_the_folder_itself_is_refused(name):
    with pytest.raises(ValueError, match=f"the name {name} is taken"):
        Assembly(exports=(Listwise(name=name),))
