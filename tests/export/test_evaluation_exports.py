"""Held-out splits as the evaluators of the field read them, through their own readers."""

import json
from dataclasses import replace
from math import log2
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from rankmill.assemble import Assembly, assemble
from rankmill.export import Beir, Mteb, Ragas, Trec, asked_for

GOLDEN = Path(__file__).parent / "golden"
EVERY = ("train", "validation", "test")


@pytest.fixture
def write(tables, facts, tmp_path):
    """Assemble a dataset that holds one export, and return its folder."""

    def write(export, changed=None):
        folder = tmp_path / "dataset"
        assemble(Assembly(exports=(export,)), changed or tables, folder, facts)
        return folder

    return write


def renamed(tables, documents, old, new, tmp_path):
    """The tables, with another id for a document."""

    def put(frame):
        ids = [n for n, kind in frame.schema.items() if kind in (pl.String, pl.List(pl.String))]
        return frame.with_columns(
            pl.col(name).replace(old, new)
            if frame.schema[name] == pl.String
            else pl.col(name).list.eval(pl.element().replace(old, new))
            for name in ids
            if name in {"docid", "source_docid", "shown", "ranked"}
        )

    path = tmp_path / "renamed.parquet"
    put(documents).write_parquet(path)
    names = ("clusters", "queries", "candidates", "judgments", "labels")
    return replace(tables, documents=path, **{n: put(getattr(tables, n)) for n in names})


@pytest.mark.parametrize(
    "export",
    [
        Beir(splits=EVERY),
        Mteb(splits=EVERY, task="reranking", instruction="Find the passage."),
        Trec(),
        Ragas(splits=EVERY),
    ],
    ids=lambda export: export.kind,
)
def test_files_are_as_reviewed(write, export):
    folder = write(export)
    found = sorted(folder.glob(f"{export.kind}/**/*.*"))
    golden = sorted((GOLDEN / export.kind).glob("**/*.*"))
    names = [path.relative_to(folder / export.kind).with_suffix("") for path in found]
    assert names == [path.relative_to(GOLDEN / export.kind).with_suffix("") for path in golden]
    for one, other in zip(found, golden, strict=True):
        rows = pl.read_parquet(one).write_ndjson() if one.suffix == ".parquet" else one.read_text()
        assert rows == other.read_text(), one


def test_what_is_held_out_is_all_that_is_written(write):
    folder = write(Beir())
    assert [path.name for path in folder.glob("beir/*")] == ["validation"]
    assert [path.stem for path in write(Mteb()).glob("mteb/*/*")] == ["validation"] * 3


def test_beir_reads_a_split_of_its_own(write):
    loader = pytest.importorskip("beir.datasets.data_loader")
    folder = write(Beir())
    corpus, queries, qrels = loader.GenericDataLoader(str(folder / "beir/validation")).load(
        split="validation"
    )
    assert corpus == {
        "d5": {"text": "Reef early.", "title": "Sails"},
        "d6": {"text": "A bowline does not slip.", "title": "Knots"},
    }
    assert queries == {"q3": "when to reef"}
    assert qrels == {"q3": {"d5": 3, "d6": 1}}


def test_a_document_without_a_title_has_an_empty_one(write):
    lines = (write(Beir(splits=EVERY)) / "beir/train/corpus.jsonl").read_text().splitlines()
    assert json.loads(lines[1]) == {
        "_id": "d2",
        "title": "",
        "text": "Boiling water burns green tea.",
    }


def test_bench_teacher_reads_the_same_folder(write):
    from rankmill.evaluate.collection import Wanted, load

    folder = write(Beir(splits=EVERY)) / "beir/train"
    found = load(folder, Wanted("train", "judged"))
    assert found.qrels == {"q1": {"d2": 3, "d1": 2, "d3": 0, "d4": 0}}


def test_mteb_reads_the_dataset_by_the_name_of_the_export(write, offline, tmp_path, monkeypatch):
    mteb = pytest.importorskip("mteb.abstasks.retrieval_dataset_loaders")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    export = Mteb(name="tea", splits=EVERY, task="reranking", instruction="Find it.")
    folder = write(export)
    found = mteb.RetrievalDatasetLoader(str(folder), revision=None, split="train", config="tea")
    collection = found.load()
    assert collection["corpus"].to_list()[1] == {
        "id": "d2",
        "title": "",
        "text": "Boiling water burns green tea.",
    }
    assert collection["queries"].to_list() == [
        {"id": "q1", "text": "how long to brew tea", "instruction": "Find it."}
    ]
    assert collection["relevant_docs"] == {"q1": {"d2": 3, "d1": 2, "d3": 0, "d4": 0}}
    assert list(collection["top_ranked"]["q1"]) == ["d1", "d4", "d2", "d3"]


def test_without_a_task_of_reranking_mteb_searches_the_corpus(
    write, offline, tmp_path, monkeypatch
):
    mteb = pytest.importorskip("mteb.abstasks.retrieval_dataset_loaders")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = str(write(Mteb()))
    loader = mteb.RetrievalDatasetLoader(folder, revision=None, split="validation", config="mteb")
    collection = loader.load()
    assert collection["top_ranked"] is None
    assert collection["queries"]["id"] == ["q3"]


def test_beir_evaluates_a_run_against_the_grades(write):
    pytest.importorskip("beir")
    from beir.datasets.data_loader import GenericDataLoader
    from beir.retrieval.evaluation import EvaluateRetrieval

    folder = write(Beir(splits=EVERY))
    _, _, qrels = GenericDataLoader(str(folder / "beir/train")).load(split="train")
    order = {"q1": {"d1": 4.0, "d4": 3.0, "d2": 2.0, "d3": 1.0}}
    ndcg, *_ = EvaluateRetrieval.evaluate(qrels, order, [10])
    assert ndcg == {"NDCG@10": round(retriever_ndcg(), 5)}


def retriever_ndcg():
    """Of d1, d4, d2, d3 with grades 2, 0, 3, 0 against the ideal 3, 2; gain is the grade."""
    return (2 + 3 / log2(4)) / (3 + 2 / log2(3))


def test_ir_measures_finds_the_ndcg_of_both_runs(write):
    import ir_measures
    from ir_measures import nDCG

    folder = write(Trec()) / "trec"
    qrels = list(ir_measures.read_trec_qrels(str(folder / "qrels.train.txt")))
    assert [(one.query_id, one.doc_id, one.relevance) for one in qrels] == [
        ("q1", "d2", 3),
        ("q1", "d1", 2),
        ("q1", "d3", 0),
        ("q1", "d4", 0),
    ]
    found = {
        run: ir_measures.calc_aggregate(
            [nDCG @ 10], qrels, ir_measures.read_trec_run(str(folder / f"{run}.train.txt"))
        )[nDCG @ 10]
        for run in ("teacher", "retriever")
    }
    assert found["teacher"] == 1.0
    assert found["retriever"] == pytest.approx(retriever_ndcg())


def test_scores_of_a_run_fall_strictly_where_the_teachers_tie(write, tables, replaced):
    tied = tables.labels.with_columns(score=pl.lit(1.0))
    lines = (write(Trec(), replaced(labels=tied)) / "trec/teacher.train.txt").read_text()
    scores = [int(line.split()[4]) for line in lines.splitlines()]
    assert scores == [4, 3, 2, 1]


@pytest.mark.parametrize(
    ("export", "bad", "what"),
    [
        (Beir(splits=EVERY), 'd"4', "a quote, a tab or the end of a line"),
        (Beir(splits=EVERY), "d\t4", "a quote, a tab or the end of a line"),
        (Trec(), "d 4", "a space or a quote"),
    ],
)
def test_a_list_with_an_id_that_breaks_a_line_is_left_out_by_name(
    write, export, bad, what, tables, documents, tmp_path
):
    folder = write(export, renamed(tables, documents, "d4", bad, tmp_path))
    rejections = pl.read_parquet(folder / "rejections/rejected.parquet")
    assert rejections.filter(rule="unfit_id").select("id", "detail").rows() == [
        ("q1", f"{export.kind}: the id {bad!r} holds {what}")
    ]
    found = [path for path in folder.glob(f"{export.kind}/**/*train*") if path.suffix != ""]
    assert [path.name for path in found] == []
    queries = folder / "beir/train/queries.jsonl"
    assert not queries.exists()
    assert (folder / "qrels/train.parquet").exists()


def test_a_query_without_a_positive_is_no_sample_of_ragas(tables, facts, tmp_path):
    folder = tmp_path / "strict"
    spec = Assembly(positive_grade=4, exports=(Ragas(splits=EVERY),))
    assemble(spec, tables, folder, facts)
    assert not (folder / "ragas").exists()
    rejections = pl.read_parquet(folder / "rejections/rejected.parquet")
    assert rejections.filter(rule="no_positive")["id"].to_list() == ["q1", "q3"]


def test_evaluations_are_asked_for_by_what_they_are_for():
    assert asked_for({"for": "mteb", "name": "tea"}) == {"kind": "mteb", "name": "tea"}
    assert asked_for({"for": "trec_eval"}) == {"kind": "trec"}


def test_an_evaluation_of_no_split_is_refused():
    with pytest.raises(ValidationError, match="at least 1 item"):
        Beir(splits=())
