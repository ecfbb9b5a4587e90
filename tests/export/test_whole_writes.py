"""What no single export shows: files of splits, names, parts, and labels of two kinds."""

from dataclasses import replace

import polars as pl
import pytest

from rankmill.assemble import Assembly, assemble
from rankmill.export import Labelled, Listwise, Mteb, Scale, asked_for, write
from rankmill.export.files import Growing
from rankmill.export.labelled_pairs import LabelledPairs
from rankmill.export.orders import reasoned
from rankmill.tables import Table

LINES = Table(name="lines", key=(), columns={"text": pl.String})


def test_a_held_out_split_without_a_list_has_no_corpus_to_search(tables, facts, tmp_path):
    kept = tables.labels.filter(qid="q1")
    lists = tables.lists.with_columns(kept=pl.col("qid") == "q1")
    made = assemble(Assembly(), replace(tables, labels=kept, lists=lists), tmp_path / "d", facts)
    assert not {"mteb-corpus", "mteb-queries"} & set(made.rows)
    assert made.rows["corpus"] == {"train": 4, "validation": 2}
    assert not (tmp_path / "d/beir").exists()
    assert "GenericDataLoader" not in (tmp_path / "d/README.md").read_text()


def test_only_parquet_grows_into_shards(tmp_path):
    for suffix, files in (("parquet", 3), ("jsonl", 1), ("tsv", 1)):
        growing = Growing(tmp_path / f"rows.{suffix}", LINES, shard_bytes=10)
        for text in "abc":
            growing.write(pl.DataFrame({"text": [text]}))
        growing.close()
        assert len(growing.paths) == files
    assert (tmp_path / "rows-00001-of-00003.parquet").is_file()


def test_long_documents_come_in_more_parts(tables, spec, monkeypatch, tmp_path):
    def parts(tables):
        labelled = Labelled(tables, spec.policy)
        with labelled.texts(tmp_path) as texts:
            return [(one.split, one.lists["qid"].to_list()) for one in labelled.parts(texts)]

    two = replace(tables, **both_train(tables))
    assert parts(tables) == [("train", ["q1"]), ("validation", ["q3"])]
    assert parts(two) == [("train", ["q1", "q3"])]
    monkeypatch.setattr("rankmill.export.parts._BYTES", 50)
    assert parts(two) == [("train", ["q1"]), ("train", ["q3"])]


def both_train(tables):
    """The tables that say of which split a query is, with all of them in train."""
    train = pl.lit("train").alias("split")
    return {
        "queries": tables.queries.with_columns(train),
        "clusters": tables.clusters.with_columns(train),
    }


@pytest.mark.parametrize(
    ("exports", "name"),
    [
        ((Mteb(), Listwise(name="mteb-corpus")), "mteb-corpus"),
        ((Listwise(name="pictures"),), "pictures"),
        ((Listwise(), Listwise()), "listwise"),
        ((Listwise(name="qrels"),), "qrels"),
    ],
)
def test_no_two_configs_have_one_name(exports, name):
    with pytest.raises(ValueError, match=f"the name {name} is taken"):
        Assembly(exports=exports)


def test_a_use_and_a_kind_in_one_table_are_refused():
    with pytest.raises(ValueError, match="both `for` and `kind`"):
        asked_for({"for": "lambdaloss", "kind": "triplets"})


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("bradley_terry", "a scale of their own in every list"),
        ("mean_score or mrr", "say nothing about how far apart"),
        ("mean_score", None),
    ],
)
def test_a_regression_needs_scores_on_one_scale(kind, words):
    reason = LabelledPairs(label="score").refusal(Scale(score_kind=kind, best_grade=3))
    assert (reason is None) if words is None else (words in reason)


def test_reasoning_about_documents_that_all_tie_is_none_to_learn(tables, spec):
    labelled = Labelled(tables, spec.policy)
    aloud = labelled.judgments.with_columns(reasoning=pl.lit("because"))
    assert reasoned(aloud, labelled.pairs)["qid"].to_list() == ["q1", "q3"]
    level = labelled.pairs.with_columns(score=pl.lit(1.0))
    assert reasoned(aloud, level).is_empty()


def test_a_write_of_no_export_leaves_nothing(tables, spec, tmp_path):
    assert write([], Labelled(tables, spec.policy), tmp_path / "none") == []
