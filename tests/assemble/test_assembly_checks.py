from dataclasses import replace

import polars as pl
import pytest
from pydantic import ValidationError

from rankmill.assemble import Assembly, assemble
from rankmill.errors import TableError


def put(frame: pl.DataFrame, column: str, value: object, **where: str) -> pl.DataFrame:
    """The frame, with another value in the rows that `where` names."""
    here = pl.all_horizontal(pl.col(name) == wanted for name, wanted in where.items())
    return frame.with_columns(
        pl.when(here).then(pl.lit(value, frame[column].dtype)).otherwise(column).alias(column)
    )


@pytest.fixture
def refused(spec, facts, replaced, tmp_path):
    """Assemble tables with a fault, and return the error's text."""

    def refused(**frames):
        folder = tmp_path / "dataset"
        with pytest.raises(TableError) as caught:
            assemble(spec, replaced(**frames), folder, facts)
        assert not folder.exists()
        return str(caught.value)

    return refused


def test_a_document_without_a_cluster_is_refused(refused, tables):
    clusters = tables.clusters.filter(pl.col("docid") != "d3")
    assert refused(clusters=clusters) == "clusters: no cluster for documents: d3"


def test_a_cluster_of_an_unknown_document_is_refused(refused, documents):
    assert refused(documents=documents.filter(pl.col("docid") != "d3")) == (
        "clusters: not in the corpus: d3"
    )


def test_an_unknown_split_is_refused(refused, tables):
    clusters = put(tables.clusters, "split", "dev", cluster=2)
    assert refused(clusters=clusters) == (
        "clusters: expected a split of train, validation, test: d6/dev, d5/dev"
    )


def test_a_cluster_in_two_splits_is_refused(refused, tables):
    clusters = put(tables.clusters, "split", "test", docid="d4")
    assert refused(clusters=clusters) == "clusters: in two splits: 0/test and train"


def test_a_cluster_may_be_in_two_splits_where_documents_were_dealt_out(replaced, refused, tables):
    clusters = put(tables.clusters, "cluster", 2, docid="d3")
    assert refused(clusters=clusters) == "clusters: in two splits: 2/train and validation"
    replace(replaced(clusters=clusters), dealt="documents").check()


def test_a_query_from_an_unknown_document_is_refused(refused, tables):
    queries = put(tables.queries, "source_docid", "d7", qid="q1")
    assert refused(queries=queries) == ("queries: the source document is not in the corpus: q1/d7")


def test_a_query_in_another_split_than_its_source_is_refused(refused, tables):
    queries = put(tables.queries, "split", "test", qid="q3")
    assert refused(queries=queries) == ("queries: the source document is in another split: q3/d5")


def test_a_label_of_an_unknown_query_is_refused(refused, tables):
    labels = put(tables.labels, "qid", "q8", qid="q3")
    assert refused(labels=labels) == "labels: no such query: q8/d5, q8/d6"


def test_a_label_of_a_list_that_was_not_kept_is_refused(refused, tables):
    labels = put(tables.labels, "qid", "q2", qid="q3")
    assert refused(labels=labels) == "labels: the list was not kept: q2/d5, q2/d6"


def test_a_kept_list_without_labels_is_refused(refused, tables):
    lists = tables.lists.with_columns(kept=pl.lit(True))
    assert refused(lists=lists) == "lists: kept, but without labels: q2"


def test_a_label_of_a_document_that_is_no_candidate_is_refused(refused, tables):
    labels = put(tables.labels, "docid", "d9", docid="d6")
    assert refused(labels=labels) == ("labels: the document is not a candidate of the query: q3/d9")


def test_a_list_with_a_document_outside_the_corpus_is_refused(refused, tables):
    labels = put(tables.labels, "docid", "d9", docid="d6")
    candidates = put(tables.candidates, "docid", "d9", docid="d6")
    assert refused(labels=labels, candidates=candidates) == (
        "labels: the document is not in the corpus: q3/d9"
    )


def test_a_list_with_a_document_of_another_split_is_refused(refused, tables):
    labels = put(tables.labels, "docid", "d4", docid="d6")
    candidates = put(tables.candidates, "docid", "d4", docid="d6")
    assert refused(labels=labels, candidates=candidates) == (
        "labels: the document is in another split than the query: q3/d4"
    )


def test_two_kinds_of_score_in_one_list_are_refused(refused, tables):
    labels = put(tables.labels, "score_kind", "borda", docid="d6")
    assert refused(labels=labels) == "labels: two kinds of score in one list: q3"


def test_a_reading_of_a_document_that_is_no_candidate_is_refused(refused, tables):
    judgments = put(tables.judgments, "shown", ["d1", "d6"], qid="q1", view="listwise")
    assert refused(judgments=judgments) == (
        "judgments: the document is not a candidate of the query: q1/d6"
    )


def test_an_error_names_the_first_three_and_counts_the_rest(refused, tables):
    assert refused(clusters=tables.clusters.clear()) == (
        "clusters: no cluster for documents: d1, d2, d3 and 3 more"
    )


def test_a_document_cannot_be_both_a_positive_and_a_negative():
    with pytest.raises(ValidationError, match="below positive_grade, found 2 and 2"):
        Assembly(positive_grade=2, negative_grade=2)
