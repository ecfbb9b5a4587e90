import numpy as np
import polars as pl
import pytest

from rankmill.generate.given import GivenQuery
from rankmill.generate.ground import PlacedDocuments
from rankmill.generate.writing import Seed
from rankmill.generate.written import Written
from rankmill.records import Document
from rankmill.tables import CLUSTERS, DOCUMENTS

ANGLES = {"a": 0, "b": 10, "c": 40, "d": 50, "e": 90, "gone": 1, "p1": 60, "p2": 80}
"""Where each document lies on a circle, in degrees; texts are encoded as what they say."""
TEST = {"d"}


def encode(texts):
    angles = np.radians([float(text) for text in texts])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.fixture
def corpus(tmp_path):
    rows = [
        (docid, "", docid.upper(), "s", "p" if docid.startswith("p") else None, None, "en", docid)
        for docid in ANGLES
    ]
    DOCUMENTS.frame(rows).write_parquet(tmp_path / "documents.parquet")
    placed = [d for d in ANGLES if d != "gone"]
    clusters = CLUSTERS.frame(
        (docid, n, 1.0, "test" if docid in TEST else "train") for n, docid in enumerate(placed)
    )
    vectors = encode(list(ANGLES.values()))
    return PlacedDocuments.of((tmp_path, tmp_path / "documents.parquet"), clusters, vectors, encode)


def seed(docid):
    return Seed(document=Document(docid=docid, text=docid), cluster=0)


def docids(found):
    return [[document.docid for document in documents] for documents in found]


def test_related_documents_are_the_nearest_that_say_something_else(corpus):
    # cos 10 = 0.985 is too near, cos 40 = 0.77 and cos 60 = 0.5 fit, cos 80 = 0.17 is too far.
    found = corpus.related([seed("a")], (0.4, 0.9), 3)
    assert docids(found) == [["c", "p1"]]
    assert found[0][0].lang == "en"


def test_no_related_document_is_of_another_split_or_left_out(corpus):
    assert docids(corpus.related([seed("d"), seed("a")], (0.4, 1.0), 1)) == [[], ["b"]]


def test_a_document_is_not_related_to_itself(corpus):
    assert docids(corpus.related([seed("a")], (0.99, 1.1), 2)) == [[]]


def test_it_looks_beyond_any_number_of_near_duplicates(tmp_path):
    names = [f"n{n:02}" for n in range(40)]
    rows = [(name, "", name, "s", None, None, None, name) for name in names]
    DOCUMENTS.frame(rows).write_parquet(tmp_path / "documents.parquet")
    clusters = CLUSTERS.frame((name, 0, 1.0, "train") for name in names)
    vectors = encode([n / 100 for n in range(39)] + [45])
    far = PlacedDocuments.of((tmp_path, tmp_path / "documents.parquet"), clusters, vectors, encode)
    assert docids(far.related([seed("n00")], (0.4, 0.9), 1)) == [["n39"]]


def test_the_nearest_texts_come_first_and_ties_in_order(corpus):
    assert corpus.nearest(["90", "0", "45", "0"], [seed("a"), seed("e")], 3) == [
        [1, 3, 2],
        [0, 2, 1],
    ]
    assert corpus.nearest(["7"], [seed("a")], 5) == [[0]]


def given(*relevant, text="0"):
    return GivenQuery(qid="q", text=text, kind="given", relevant=relevant)


def test_the_answers_to_a_query_are_all_that_have_a_topic_best_first(corpus):
    asked = [given("gone", "c", "a"), given("nowhere"), given()]
    assert [list(found.items()) for found in corpus.answers(asked)] == [
        [("c", "c"), ("a", "a")],
        [],
        [],
    ]


def test_of_a_document_that_was_cut_the_passage_nearest_to_the_query_answers_it(corpus):
    asked = [given("p", text="78"), given("c", "p", text="61")]
    assert corpus.answers(asked) == [{"p": "p2"}, {"c": "c", "p": "p1"}]


def test_a_query_without_a_source_belongs_where_its_nearest_document_does(corpus):
    queries = [
        Written(qid="known", text="0", kind="k", source_docid="e"),
        Written(qid="lost", text="49", kind="k", source_docid=None),
    ]
    where = corpus.places(queries, encode(["0", "49"]))
    assert where == {"known": (4, "train"), "lost": (3, "test")}


def test_nothing_is_near_to_nothing(corpus):
    assert corpus.places([], np.empty((0, 2), np.float32)) == {}
    assert corpus.related([], (0.4, 0.9), 1) == []
    assert isinstance(corpus.table, pl.DataFrame)
