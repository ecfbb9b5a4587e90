import sys

import numpy as np
import polars as pl
import pytest

from rankmill.errors import StageError
from rankmill.space import SphericalKMeans

faiss = pytest.importorskip("faiss", reason="FAISS is not installed")


def topics(documents, dimensions=16, *, seed=0):
    rows = np.random.default_rng(seed).normal(size=(documents, dimensions)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ids(count):
    return pl.Series("docid", [f"d{number}" for number in range(count)])


def test_two_far_topics_fall_in_two_clusters():
    east, north = np.array([1, 0], "f4"), np.array([0, 1], "f4")
    table, centroids = SphericalKMeans(clusters=2)(ids(4), np.stack([east, east, north, north]))
    first, second, third, fourth = table["cluster"]
    assert first == second != third == fourth
    assert table["similarity"].to_list() == pytest.approx([1, 1, 1, 1])
    assert centroids[[first, third]] == pytest.approx(np.eye(2))
    assert table.schema == {"docid": pl.String, "cluster": pl.Int32, "similarity": pl.Float32}


def test_similarity_is_the_cosine_to_the_document_s_own_and_nearest_centroid():
    vectors = topics(300)
    table, centroids = SphericalKMeans(clusters=7, iterations=10)(ids(300), vectors)
    cosines = vectors @ centroids.T
    assert np.linalg.norm(centroids, axis=1) == pytest.approx(np.ones(7), abs=1e-5)
    assert table["cluster"].to_list() == cosines.argmax(axis=1).tolist()
    assert table["similarity"].to_numpy() == pytest.approx(cosines.max(axis=1), abs=1e-5)


def test_the_same_vectors_from_a_read_only_file_give_the_same_bytes(tmp_path):
    np.save(tmp_path / "v.npy", topics(500))
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    first, second = (SphericalKMeans(clusters=9)(ids(500), v) for v in (mapped, topics(500)))
    assert first[0].equals(second[0])
    assert first[1].tobytes() == second[1].tobytes()


def test_fewer_documents_than_clusters_name_both_numbers():
    with pytest.raises(StageError, match="2 documents cannot fill 3 clusters"):
        SphericalKMeans(clusters=3)(ids(2), topics(2))


@pytest.mark.parametrize(
    ("documents", "clusters"), [(1, 1), (2, 1), (100, 10), (2100, 46), (5_000_000, 1000)]
)
def test_the_number_of_clusters_follows_the_corpus_size(documents, clusters):
    assert SphericalKMeans().number(documents) == clusters


def test_no_documents_are_refused():
    with pytest.raises(StageError, match="0 documents cannot fill 1 clusters"):
        SphericalKMeans().number(0)


def test_a_missing_faiss_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(StageError, match=r"pip install 'rankmill\[cpu\]'"):
        SphericalKMeans(clusters=1)(ids(2), topics(2))


def test_nothing_reaches_the_terminal(capfd):
    SphericalKMeans(clusters=20)(ids(30), topics(30))
    assert capfd.readouterr() == ("", "")
