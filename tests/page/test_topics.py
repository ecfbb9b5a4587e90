"""The map of topics."""

import subprocess
import sys
from os import urandom

import numpy as np
import polars as pl
import pytest

from made_up_build import MadeUp
from rankmill.page import charts
from rankmill.page.facts import BuildFacts
from rankmill.page.sources import Sources
from rankmill.page.topics import Topics
from rankmill.tables import CLUSTERS, DOCUMENTS, LISTS, QUERIES


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    return MadeUp(tmp_path_factory.mktemp("made-up"), lists=500, depth=4).made()


@pytest.fixture(scope="module")
def topics(build):
    return Topics.of(Sources.of(build))


def test_topics_are_counted_largest_first(build, topics):
    queries = build.read("generate", QUERIES)
    kept = queries.join(build.read("settle", LISTS).filter("kept"), on="qid", how="semi")
    for topic in topics.topics:
        assert topic.queries == queries.filter(cluster=topic.number).height
        assert topic.kept == kept.filter(cluster=topic.number).height
    sizes = [topic.documents for topic in topics.topics]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == len(build.read("cluster", CLUSTERS))


def test_what_is_like_lies_together(topics):
    middles = {n: topics.documents[topics.clusters == n].mean(axis=0) for n in range(12)}
    own = [
        np.linalg.norm(place - middles[cluster])
        for place, cluster in zip(topics.documents, topics.clusters, strict=True)
    ]
    apart = [np.linalg.norm(middles[0] - middles[n]) for n in range(1, 12)]
    assert np.mean(own) < np.mean(apart) / 2


def test_of_many_queries_a_sample_is_on_the_map(build, topics):
    queries = build.read("generate", QUERIES)
    kept = queries["qid"].is_in(build.read("settle", LISTS).filter("kept")["qid"].implode())
    assert len(topics.queries) == len(topics.kept) == 250  # every second of 500
    assert topics.kept.tolist() == kept.gather_every(2).to_list()


def test_a_map_is_the_same_every_time(build, topics):
    again = Topics.of(Sources.of(build))
    assert (again.documents == topics.documents).all()
    assert (again.queries == topics.queries).all()


def test_few_topics_make_no_map(tmp_path):
    made = MadeUp(tmp_path, lists=12, depth=4).made()
    folder = made.output("cluster").folder
    np.save(folder / "centroids.npy", np.load(folder / "centroids.npy")[:3])
    clusters = pl.read_parquet(folder / "clusters.parquet")
    clusters.with_columns(pl.col("cluster") % 3).write_parquet(folder / "clusters.parquet")
    facts = BuildFacts.of(Sources.of(made))
    assert len(facts.topics.topics) == 3
    assert charts.topics(facts) == ""


def test_documents_without_a_word_leave_topics_without_words(tmp_path):
    made = MadeUp(tmp_path, lists=12, depth=4).made()
    path = made.output("ingest").folder / "documents.parquet"
    pl.read_parquet(path).with_columns(title=pl.lit(""), text=pl.lit("1 + 1")).write_parquet(path)
    assert {topic.words for topic in Topics.of(Sources.of(made)).topics} == {()}


def test_the_words_of_a_topic_are_of_its_documents_wherever_they_lie(tmp_path):
    made = MadeUp(tmp_path, lists=12, depth=4).made()
    path = made.output("ingest").path(DOCUMENTS)
    documents = made.read("ingest", DOCUMENTS)
    own = pl.Series([f"topic{chr(97 + n % 12)}" for n in range(len(documents))])
    documents.with_columns(title=pl.lit(""), text=own).reverse().write_parquet(path)
    found = {topic.number: topic.words for topic in Topics.of(Sources.of(made)).topics}
    assert found == {n: [f"topic{chr(97 + n)}"] for n in range(12)}


MEMORY = """
import sys
from pathlib import Path
from rankmill.finished import Finished
from rankmill.page.sources import Sources
from rankmill.settings import Settings

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024

sources = Sources.of(Finished.find(Settings(data=Path(sys.argv[1])), "made-up"))
before = peak()
found = sources.texts(["d000130", "d000001"])
print(*found["docid"], *found["title"])
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_texts_that_are_not_on_the_map_are_not_held_in_memory(tmp_path):
    made = MadeUp(tmp_path, lists=12, depth=12).made()
    documents = made.read("ingest", DOCUMENTS)
    megabyte = [urandom(500_000).hex() for _ in documents.iter_rows()]
    documents.with_columns(title="docid", text=pl.Series(megabyte)).write_parquet(
        made.output("ingest").path(DOCUMENTS), row_group_size=1, compression="uncompressed"
    )
    child = [sys.executable, "-c", MEMORY, str(tmp_path)]
    said = subprocess.run(child, capture_output=True, text=True, check=True, timeout=60).stdout
    assert len(documents) == 144
    *found, megabytes = said.split()
    assert found == ["d000130", "d000001"] * 2
    assert int(megabytes) < 36  # a quarter of the texts
