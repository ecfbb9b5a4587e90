"""Retrieval as a stage: further embedders, lists of the user's own, and what the tables say."""

import json

import polars as pl
import pytest

from rankmill.errors import ConfigError, CorpusError
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.settings import Settings
from rankmill.tables import CANDIDATES, QUERIES, REJECTIONS


def made(toy, data, *overrides, until="retrieve"):
    settings = Settings(data=data)
    build(toy, overrides=("limits.generate=1.0", *overrides), settings=settings, until=until)
    return Finished.find(settings, "toy")


def embedders(data):
    return sorted(
        folder.name for folder in (data / "tables" / "embed").iterdir() if folder.is_dir()
    )


def further(url, **settings):
    embed = {"kind": "openai", "model": "bag-of-words", "endpoint": url} | settings
    values = ", ".join(f"{key} = {json.dumps(value)}" for key, value in embed.items())
    return f'retrieve.further=[{{name = "again", embed = {{{values}}}}}]'


def test_a_further_retriever_finds_by_vectors_of_its_own(toy, teacher, tmp_path):
    finished = made(toy, tmp_path / "data", further(teacher.url, query_prefix="bread "))
    assert len(embedders(tmp_path / "data")) == 2
    candidates = finished.read("retrieve", CANDIDATES)
    others = candidates["other_ranks"].drop_nulls().explode().struct.unnest()
    assert set(others["retriever"]) == {"again"}
    assert len(others) > 0
    facts = finished.output("retrieve").report.facts
    assert 0 < facts["sources found by again"] <= 1


def test_a_further_retriever_of_the_build_s_own_embedder_shares_its_vectors(toy, teacher, tmp_path):
    finished = made(toy, tmp_path / "data", further(teacher.url))
    assert len(embedders(tmp_path / "data")) == 1
    rows = finished.read("retrieve", CANDIDATES).filter(pl.col("dense_rank").is_not_null())
    again = rows["other_ranks"].list.first().struct.field("rank")
    assert again.to_list() == rows["dense_rank"].to_list()


def test_lists_that_the_user_brings_are_the_candidates(toy, tmp_path):
    written = made(toy, tmp_path / "data", until="generate").read("generate", QUERIES)
    qid, source = written.select("qid", "source_docid").row(0)
    split = written["split"][0]
    clusters = pl.read_parquet(next((tmp_path / "data").glob("tables/cluster/*/clusters.parquet")))
    [first, second] = clusters.filter(pl.col("split") == split, pl.col("docid") != source)["docid"][
        :2
    ]
    lists = [{"qid": qid, "docids": [first, "nobody", second]}]
    (toy.parent / "mine.jsonl").write_text("\n".join(map(json.dumps, lists)))
    given = ('retrieve.given={path = "mine.jsonl"}', "limits.retrieve=0.0")
    finished = made(toy, tmp_path / "data", *given)
    candidates = finished.read("retrieve", CANDIDATES)
    assert candidates.filter(qid=qid).select("docid", "origin").rows() == [
        (first, "given"),
        (second, "given"),
        (source, "source"),
    ]
    rejections = finished.read("retrieve", REJECTIONS)
    assert rejections.filter(rule="unknown_docid").select("id", "detail").rows() == [
        (qid, "given document nobody")
    ]
    assert set(candidates["qid"]) == set(written["qid"])
    report = finished.output("retrieve").report
    assert (report.read, report.written, report.rejected) == (len(written), len(written), {})
    assert report.facts["given documents: unknown_docid"] == 1
    assert report.facts["queries without a given list"] == len(written) - 1
    key = finished.output("retrieve").key
    (toy.parent / "mine.jsonl").write_text(json.dumps({"qid": qid, "docids": [second]}))
    assert made(toy, tmp_path / "data", *given).output("retrieve").key != key


def test_a_missing_file_of_lists_is_named_before_anything_is_made(toy, tmp_path):
    with pytest.raises(CorpusError, match=r"nowhere\.trec"):
        made(toy, tmp_path / "data", 'retrieve.given={path = "nowhere.trec"}')
    assert not (tmp_path / "data" / "tables").exists()


def test_a_band_of_a_retriever_that_is_not_there_is_refused_before_anything_is_made(toy, tmp_path):
    bands = 'retrieve.bands=[{ranks = [1, 4], take = 4, retriever = "e5"}]'
    with pytest.raises(ConfigError, match="no retriever e5"):
        made(toy, tmp_path / "data", bands)
    assert not (tmp_path / "data" / "tables").exists()
