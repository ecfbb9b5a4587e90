import hashlib
import json

import polars as pl
import pytest

from rankmill.assemble import Assembly, assemble
from rankmill.errors import StageError
from rankmill.tables import JUDGMENTS

TEA = "Tea\nSteep black tea for four minutes."
GREEN = "Boiling water burns green tea."
COFFEE = "Coffee\nGrind beans just before brewing."
MILK = "Milk\nMilk first or tea first? People argue."


@pytest.fixture
def folder(spec, tables, facts, tmp_path):
    folder = tmp_path / "dataset"
    folder.mkdir()
    assemble(spec, tables, folder, facts)
    return folder


@pytest.fixture
def load(folder, tmp_path, offline):
    datasets = pytest.importorskip("datasets")

    def load(config, split="train"):
        cache = str(tmp_path / "cache")
        return datasets.load_dataset(str(folder), config, split=split, cache_dir=cache)

    return load


def test_a_listwise_row_is_a_query_its_documents_best_first_and_their_grades(load):
    rows = load("listwise")
    assert rows.column_names == ["query", "docs", "labels"]
    assert rows.to_list() == [
        {
            "query": "how long to brew tea",
            "docs": [GREEN, TEA, COFFEE, MILK],
            "labels": [3.0, 2.0, 0.0, 0.0],
        }
    ]


def test_the_ids_of_a_list_stand_in_the_same_row_of_lists(load):
    measures = ["importances", "reciprank", "normscore", "kdescore"]  # tests/export/test_curriculum
    assert load("lists").remove_columns(measures).to_list() == [
        {
            "qid": "q1",
            "docids": ["d2", "d1", "d3", "d4"],
            "grades": [3, 2, 0, 0],
            "scores": [1.0, 0.5, 0.25, 0.125],
            "score_kind": "mrr",
            "stderrs": [0.0, 0.25, 0.125, 0.0],
            "votes": [2, 2, 2, 2],
            "candidate_ranks": [3, 1, 4, 2],
            "origins": ["retrieved", "source", "retrieved", "retrieved"],
            "false_negatives": [True, False, False, False],
            "trials": 2,
            "tau": 0.5,
            "w": 0.75,
            "rbo": 0.8,
            "top1_agreement": 1.0,
            "topk_agreement": 0.9,
            "view_tau": 0.25,
            "difficulty": 0.25,
            "weight": 0.5,
            "stopped": "decided",
            "source_rank": 2,
            "order_index": 0,
            "round": 1,
        }
    ]


def test_triplets_are_texts_and_take_the_negatives_that_the_retriever_ranked_highest(load):
    rows = load("triplets")
    assert rows.column_names == ["anchor", "positive", "negative"]
    assert rows.to_list() == [
        {"anchor": "how long to brew tea", "positive": GREEN, "negative": MILK},
        {"anchor": "how long to brew tea", "positive": TEA, "negative": MILK},
    ]


def test_qrels_hold_every_label(load):
    assert [tuple(row.values()) for row in load("qrels").to_list()] == [
        ("q1", "d2", 3),
        ("q1", "d1", 2),
        ("q1", "d3", 0),
        ("q1", "d4", 0),
    ]


def test_queries_are_those_whose_list_was_kept(load):
    assert load("queries").to_list() == [
        {
            "qid": "q1",
            "text": "how long to brew tea",
            "kind": "search",
            "source_docid": "d1",
            "cluster": 0,
            "teacher": "local",
            "prompt": "77aa",
            "request": "r1",
            **dict.fromkeys(("lang", "persona", "difficulty", "length", "segment", "start", "end")),
            **dict.fromkeys(("related_docid", "rewrite", "answer_docids")),
        }
    ]


def test_the_corpus_is_every_document_of_the_split_in_the_order_of_the_corpus(load):
    assert load("corpus")["docid"] == ["d1", "d2", "d3", "d4"]
    assert load("corpus", "validation").to_list()[1] == {
        "docid": "d6",
        "title": "Knots",
        "text": "A bowline does not slip.",
        "source": "notes/d6.txt",
        "parent": None,
        "licence": "CC-BY-4.0",
        "lang": "en-GB",
        "headings": None,
        "cluster": 2,
    }


def test_judgments_are_the_readings_behind_the_labels(load):
    rows = load("judgments")
    assert [(r["view"], r["step"], r["ranked"], r["scores"]) for r in rows.to_list()] == [
        ("listwise", 0, ["d2", "d1", "d4", "d3"], None),
        ("pointwise", 0, None, [0.7]),
        ("pointwise", 1, None, [0.9]),
    ]


def test_of_repeated_grades_the_one_nearest_their_mean_is_marked(replaced, spec, facts, tmp_path):
    """Grades 2, 7 and 6 of d1 have mean 5: trial 2 is nearest. Alone, or ranked, none is."""
    grades = [("d1", 0, 2.0), ("d1", 1, 7.0), ("d1", 2, 6.0), ("d2", 0, 4.0)]
    said = (None, "valid", "", "4f2a", "t")
    rows = [
        (
            "q1",
            f"of_{docid}",
            trial,
            0,
            "score",
            [docid],
            None,
            [value],
            "grade",
            *said,
            docid + str(trial),
        )
        for docid, trial, value in grades
    ]
    judgments = pl.DataFrame(rows, schema=JUDGMENTS.columns, orient="row")
    assemble(spec, replaced(judgments=judgments), tmp_path / "marked", facts)
    found = pl.read_parquet(tmp_path / "marked" / "judgments" / "train.parquet")
    marks = dict(found.select("request", "nearest_mean").iter_rows())
    assert marks == {"d10": False, "d11": False, "d12": True, "d20": None}


def test_rejections_name_what_was_dropped_and_the_lists_without_triplets(load):
    assert [tuple(row.values()) for row in load("rejections", "rejected").to_list()] == [
        ("ingest", "d9", "too_short", "12 characters, at least 60"),
        ("settle", "q2", "low_agreement", "tau 0.0 < 0.3"),
        ("assemble", "q3", "no_negative", "triplets: 0 of 1 negatives of at most grade 0"),
    ]


def test_listwise_loads_when_no_config_is_named(load):
    assert load(None).column_names == ["query", "docs", "labels"]


def test_an_empty_split_is_no_file_and_the_others_load(load, folder):
    assert [path.stem for path in sorted(folder.glob("listwise/*"))] == ["train", "validation"]
    assert [path.stem for path in sorted(folder.glob("triplets/*"))] == ["train"]
    assert load("listwise", "validation")["labels"] == [[3.0, 1.0]]


def test_strings_are_plain_strings_to_other_readers(load):
    features = load("lists").features
    assert features["qid"].dtype == "string"
    assert features["docids"].feature.dtype == "string"


def test_a_second_run_gives_the_same_bytes_whatever_the_order_of_the_rows(
    folder, spec, tables, facts, replaced, tmp_path
):
    again = tmp_path / "again"
    again.mkdir()
    shuffled = replaced(
        labels=tables.labels.reverse(),
        queries=tables.queries.sort("qid"),  # polars reverses a list of nulls to another type
        judgments=tables.judgments.reverse(),
        clusters=tables.clusters.reverse(),
        candidates=tables.candidates.reverse(),
        lists=tables.lists.reverse(),
    )
    assemble(spec, shuffled, again, facts)
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(paths) == 26
    assert [(again / path).read_bytes() for path in paths] == [
        (folder / path).read_bytes() for path in paths
    ]


def test_no_document_and_no_cluster_is_in_two_splits(folder):
    corpus = {path.stem: pl.read_parquet(path) for path in folder.glob("corpus/*")}
    train, validation = corpus["train"], corpus["validation"]
    assert set(train["docid"]) & set(validation["docid"]) == set()
    assert set(train["cluster"]) & set(validation["cluster"]) == set()
    assert len(train) + len(validation) == 6


def test_the_manifest_lists_every_file_but_itself_with_size_and_digest(folder):
    files = json.loads((folder / "MANIFEST.json").read_text())["files"]
    found = {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in folder.rglob("*")
        if path.is_file() and path.name != "MANIFEST.json"
    }
    assert files == found
    assert list(files) == sorted(files)


def test_the_counts_come_back(spec, tables, facts, tmp_path):
    made = assemble(spec, tables, tmp_path / "dataset-again", facts)
    assert made.rows == {
        "listwise": {"train": 1, "validation": 1},
        "lists": {"train": 1, "validation": 1},
        "triplets": {"train": 2},
        "mteb-corpus": {"validation": 2},
        "mteb-queries": {"validation": 1},
        "mteb-qrels": {"validation": 2},
        "corpus": {"train": 4, "validation": 2},
        "queries": {"train": 1, "validation": 1},
        "qrels": {"train": 4, "validation": 2},
        "judgments": {"train": 3, "validation": 1},
        "rejections": {"rejected": 3},
    }
    assert made.missing == {"triplets": {"no_negative": 1}}


def test_without_a_positive_there_is_no_triplet_and_the_config_is_left_out(tables, facts, tmp_path):
    made = assemble(Assembly(positive_grade=4), tables, tmp_path / "strict", facts)
    assert "triplets" not in made.rows
    assert made.missing == {"triplets": {"no_positive": 2}}
    assert "config_name: triplets" not in (tmp_path / "strict/README.md").read_text()


def test_the_number_of_negatives_is_an_upper_bound(tables, facts, tmp_path):
    made = assemble(Assembly(negatives=9), tables, tmp_path / "many", facts)
    assert made.rows["triplets"] == {"train": 4}


def test_a_build_that_kept_no_list_is_refused_before_a_file_is_written(
    spec, tables, facts, replaced, tmp_path
):
    nothing = replaced(
        labels=tables.labels.clear(), lists=tables.lists.with_columns(kept=pl.lit(False))
    )
    with pytest.raises(StageError, match="found 0 of 3"):
        assemble(spec, nothing, tmp_path / "none", facts)
    assert not (tmp_path / "none").exists()


def test_a_long_corpus_is_streamed_in_slices_and_stays_in_order(
    spec, tables, facts, documents, replaced, tmp_path, monkeypatch
):
    monkeypatch.setattr("rankmill.export.parts._DOCUMENTS", 2)
    monkeypatch.setattr("rankmill.export.parts._PAIRS", 1)
    assemble(spec, tables, tmp_path / "sliced", facts)
    assert pl.read_parquet(tmp_path / "sliced/corpus/train.parquet")["docid"].to_list() == [
        "d1",
        "d2",
        "d3",
        "d4",
    ]
