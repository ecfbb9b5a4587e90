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
from rankmill.space import ELBOW
from rankmill.space import TOPICS as DESCRIBED
from rankmill.space import topics as topics_of
from rankmill.tables import CLUSTERS, DOCUMENTS, LISTS, QUERIES


def documents_of(build):
    return build.read("ingest", DOCUMENTS).select("docid", "title", "text").iter_rows()


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
    three = clusters.with_columns(pl.col("cluster") % 3)
    three.write_parquet(folder / "clusters.parquet")
    described = topics_of(three, made.output("ingest").path(DOCUMENTS))
    described.write_parquet(folder / "topics.parquet")
    facts = BuildFacts.of(Sources.of(made))
    assert len(facts.topics.topics) == 3
    assert charts.topics(facts) == ""


def test_a_topic_has_its_words_its_coherence_and_its_most_typical_document(build, topics):
    table = {row["cluster"]: row for row in build.read("cluster", DESCRIBED).iter_rows(named=True)}
    texts = {d: f"{title}\n{text}" for d, title, text in documents_of(build)}
    for topic in topics.topics:
        row = table[topic.number]
        assert topic.words == tuple(row["words"][:6])
        assert topic.coherence == row["coherence"] == 0.5
        assert " ".join(texts[row["nearest"][0]].split()).startswith(topic.typical)
        assert topic.typical


def test_documents_without_a_cluster_are_on_no_map(tmp_path):
    made = MadeUp(tmp_path, lists=12, depth=4).made()
    whole = Topics.of(Sources.of(made))
    path = made.output("cluster").path(CLUSTERS)
    pl.read_parquet(path).filter(~pl.col("docid").is_in(["d000000", "d000007"])).write_parquet(path)
    found = Topics.of(Sources.of(made))
    left = [place for place in range(len(whole.clusters)) if place not in {0, 7}]
    assert found.clusters.tolist() == whole.clusters[left].tolist()
    assert found.documents == pytest.approx(whole.documents[left])


def test_the_curve_of_an_elbow_is_drawn_where_there_is_one(tmp_path):
    made = MadeUp(tmp_path, lists=12, depth=4).made()
    assert charts.elbow(BuildFacts.of(Sources.of(made))) == ""
    tried = ELBOW.frame([(5, 9.0, False), (12, 3.0, True), (50, 1.0, False)])
    tried.write_parquet(made.output("cluster").path(ELBOW))
    drawing = charts.elbow(BuildFacts.of(Sources.of(made)))
    assert drawing.startswith("<svg")
    assert "sum of squared distances" in drawing


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
