"""Trainers that cannot be installed here read our files by the rules of their own loaders."""

import json
import random

import pytest

from rankmill.export import Labelled, Policy, write
from rankmill.export.automodel import Automodel
from rankmill.export.colbert import Colbert
from rankmill.export.gpl import Gpl
from rankmill.export.tevatron import Tevatron, TevatronIds, TevatronRerank

POLICY = Policy(positive_grade=2, negative_grade=0, negatives=4)
QUERY = "how long to brew tea"
POSITIVES = ["d2", "d1"]
NEGATIVES = ["d4", "d3"]


@pytest.fixture
def folder(tables, tmp_path, offline):
    exports = [Tevatron(), TevatronIds(), TevatronRerank(), Gpl(), Colbert(), Automodel()]
    write(exports, Labelled(tables, POLICY), tmp_path / "dataset")
    return tmp_path / "dataset"


def rows(path, tmp_path):
    """What `load_dataset("json", ...)` makes of a file, as Tevatron and AutoModel call it."""
    datasets = pytest.importorskip("datasets")
    cache = str(tmp_path / "cache")
    return datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=cache)


def drawn(negatives, size):
    """Tevatron draws with repetition where there are too few, which an empty list cannot bear."""
    return random.choices(negatives, k=size) if len(negatives) < size else negatives[:size]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_tevatron_reads_passages_with_titles(folder, tmp_path, size):
    (group,) = rows(folder / "tevatron" / "train.jsonl", tmp_path)
    assert (group["query_id"], group["query"]) == ("q1", QUERY)
    first, second = group["positive_passages"]
    assert first["title"] + " " + first["text"] == " Boiling water burns green tea."
    assert second["title"] + " " + second["text"] == "Tea Steep black tea for four minutes."
    chosen = drawn(group["negative_passages"], size)
    assert len(chosen) == size
    assert {passage["docid"] for passage in chosen} <= set(NEGATIVES)
    assert {passage["title"] for passage in chosen} <= {"Milk", "Coffee"}


def test_tevatron_2_finds_every_id_in_the_corpus(folder, tmp_path):
    (group,) = rows(folder / "tevatron_ids" / "train.jsonl", tmp_path)
    corpus = rows(folder / "tevatron_ids" / "corpus.jsonl", tmp_path)
    places = {docid: place for place, docid in enumerate(corpus["docid"])}
    assert group.get("query_text", "") == QUERY
    assert group.get("query_image") is None
    assert (group["positive_document_ids"], group["negative_document_ids"]) == (
        POSITIVES,
        NEGATIVES,
    )
    for docid in (*POSITIVES, *NEGATIVES):
        document = corpus[places[docid]]
        assert document["docid"] == docid
        assert document.get("text", "")
        assert document.get("image") is None


def test_tevatron_encodes_the_corpus_and_reranks_candidates(folder, tmp_path):
    corpus = rows(folder / "tevatron_ids" / "corpus.jsonl", tmp_path)
    texts = [(row["title"] + " " + row["text"]).strip() for row in corpus]
    assert texts[1] == "Boiling water burns green tea."
    asked = rows(folder / "tevatron_rerank" / "train.jsonl", tmp_path)
    assert set(asked.column_names) == {"query_id", "query", "docid", "title", "text"}
    assert asked["docid"] == ["d1", "d4", "d2", "d3"]  # as the retriever had ranked them


def gpl(folder):
    """BEIR's reader, and then GPL's of margins and hard negatives."""
    corpus = {row["_id"]: row for row in map(json.loads, (folder / "corpus.jsonl").open())}
    queries = {
        row["_id"]: row["text"] for row in map(json.loads, (folder / "qgen-queries.jsonl").open())
    }
    margins = []
    for line in (folder / "gpl-training-data.tsv").open():
        qid, positive, negative, label = line.strip().split("\t")
        texts = [corpus[docid]["title"].strip() or "-" for docid in (positive, negative)]
        margins.append((queries[qid], *texts, float(label)))
    return margins


def test_gpl_reads_margins_without_a_header(folder):
    assert gpl(folder / "gpl" / "train") == [
        (QUERY, "-", "Milk", 0.875),
        (QUERY, "-", "Coffee", 0.75),
        (QUERY, "Tea", "Milk", 0.375),
        (QUERY, "Tea", "Coffee", 0.25),
    ]


def test_gpl_finds_negatives_by_where_they_came_from(folder):
    text = (folder / "gpl" / "train" / "hard-negatives.jsonl").read_text()
    (row,) = map(json.loads, text.splitlines())
    assert row["pos"] == POSITIVES
    found = {docid for negatives in row["neg"].values() for docid in negatives}
    assert found == set(NEGATIVES)
    header, *qrels = (folder / "gpl" / "train" / "qgen-qrels" / "train.tsv").read_text().split()
    assert (header, qrels[-3:]) == ("query-id", ["q1", "d1", "1"])


def test_colbert_finds_documents_by_their_line(folder):
    collection = []
    for place, line in enumerate((folder / "colbert" / "collection.tsv").open()):
        number, passage, *rest = line.strip("\n\r ").split("\t")
        assert int(number) == place
        assert rest == []
        collection.append(passage)
    queries = {}
    for line in (folder / "colbert" / "queries.train.tsv").open():
        number, query, *_ = line.strip().split("\t")
        queries[int(number)] = query
    triples = map(json.loads, (folder / "colbert" / "triples.train.jsonl").open())
    found = [(queries[q], collection[p], collection[n]) for q, p, n in triples]
    texts = (folder / "colbert" / "triples.train.tsv").read_text().splitlines()
    assert found == [tuple(line.split("\t")) for line in texts]
    assert found[0][:2] == (QUERY, "Boiling water burns green tea.")


def test_automodel_finds_its_corpus_beside_the_questions(folder, tmp_path):
    datasets = pytest.importorskip("datasets")
    path = folder / "automodel" / "train.json"
    read = json.loads(path.read_text())
    (corpus_info,) = read["corpus"]
    place = path.parent / corpus_info["path"]
    facts = json.loads((place / "merlin_metadata.json").read_text())
    assert facts["class"] == "TextQADataset"
    corpus = datasets.load_dataset(str(place), cache_dir=str(tmp_path / "cache"))["train"]
    places = {str(docid): number for number, docid in enumerate(corpus["id"])}
    for item in read["data"]:
        assert {"question_id", "question", "corpus_id", "pos_doc", "neg_doc"} <= set(item)
        assert item["corpus_id"] == facts["corpus_id"]
        texts = [corpus[places[doc["id"]]]["text"] for doc in (*item["pos_doc"], *item["neg_doc"])]
        assert texts[1] == "Tea\nSteep black tea for four minutes."
        assert len(texts) == 4
