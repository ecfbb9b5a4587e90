import sys

import numpy as np
import polars as pl
import pytest

from rankmill.errors import StageError
from rankmill.space import Elbow, SphericalKMeans

faiss = pytest.importorskip("faiss", reason="FAISS is not installed")


def topics(documents, dimensions=16, *, seed=0):
    rows = np.random.default_rng(seed).normal(size=(documents, dimensions)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ids(count):
    return pl.Series("docid", [f"d{number}" for number in range(count)])


def test_two_far_topics_fall_in_two_clusters():
    east, north = np.array([1, 0], "f4"), np.array([0, 1], "f4")
    found = SphericalKMeans(clusters=2)(ids(4), np.stack([east, east, north, north]))
    table, centroids = found.table, found.centroids
    first, second, third, fourth = table["cluster"]
    assert first == second != third == fourth
    assert table["similarity"].to_list() == pytest.approx([1, 1, 1, 1])
    assert centroids[[first, third]] == pytest.approx(np.eye(2))
    assert table.schema == {"docid": pl.String, "cluster": pl.Int32, "similarity": pl.Float32}


def test_similarity_is_the_cosine_to_the_document_s_own_and_nearest_centroid():
    vectors = topics(300)
    table, centroids, _ = SphericalKMeans(clusters=7, iterations=10)(ids(300), vectors)
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
    with pytest.raises(
        StageError, match=r"2 documents cannot fill 3 clusters; set cluster\.clusters to 2"
    ):
        SphericalKMeans(clusters=3)(ids(2), topics(2))


@pytest.mark.parametrize(
    ("documents", "clusters"), [(1, 1), (2, 1), (100, 10), (2100, 46), (5_000_000, 1000)]
)
def test_the_number_of_clusters_follows_the_corpus_size(documents, clusters):
    assert SphericalKMeans().numbers(documents) == [clusters]


def test_no_documents_are_refused():
    with pytest.raises(StageError, match="0 documents cannot fill 1 clusters"):
        SphericalKMeans().numbers(0)


def test_a_missing_faiss_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(StageError, match=r"pip install 'rankmill\[cpu\]'"):
        SphericalKMeans(clusters=1)(ids(2), topics(2))


def test_nothing_reaches_the_terminal(capfd):
    SphericalKMeans(clusters=20)(ids(30), topics(30))
    assert capfd.readouterr() == ("", "")


def test_one_cluster_is_the_control_arm_and_its_centroid_the_mean_direction():
    vectors = topics(40)
    table, centroids, _ = SphericalKMeans(clusters=1)(ids(40), vectors)
    mean = vectors.mean(axis=0)
    assert set(table["cluster"]) == {0}
    assert centroids[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


def test_rows_that_are_left_out_take_no_part():
    vectors = topics(200)
    rows = np.flatnonzero(np.arange(200) % 3)
    spoilt = vectors.copy()
    spoilt[::3] = 7  # no unit vectors: they would draw every centroid to themselves
    some = pl.Series("docid", [f"d{row}" for row in rows])
    kmeans = SphericalKMeans(clusters=5, iterations=10)
    alone = kmeans(some, np.ascontiguousarray(vectors[rows]))
    among = kmeans(some, spoilt, rows=rows)
    assert among.table.equals(alone.table)
    assert among.centroids.tobytes() == alone.centroids.tobytes()


def test_of_many_documents_a_sample_trains_and_all_are_assigned():
    vectors = topics(600)
    kmeans = SphericalKMeans(clusters=3, iterations=5, points_per_centroid=20)
    sample = kmeans._sample(3, vectors, np.arange(600))
    assert sample.shape == (60, 16)
    assert len(np.unique(sample, axis=0)) == 60
    table, centroids, _ = kmeans(ids(600), vectors)
    assert table["cluster"].to_list() == (vectors @ centroids.T).argmax(axis=1).tolist()


def test_an_elbow_is_chosen_from_a_curve_that_comes_with_it():
    middles = np.eye(10, 16, dtype=np.float32)  # ten topics at right angles
    noise = np.random.default_rng(1).normal(scale=0.05, size=(400, 16))
    rows = (np.repeat(middles, 40, axis=0) + noise).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    grid = (2, 5, 10, 20, 40, 80, 300)
    found = SphericalKMeans(clusters=Elbow(grid=grid), iterations=20)(ids(400), rows)
    tried = [one.clusters for one in found.elbow]
    assert tried == [2, 5, 10, 20, 40, 80]  # 300 would leave less than two documents a cluster
    assert 5 <= len(found.centroids) <= 20
    chosen = dict(found.elbow)[len(found.centroids)]
    far = 1 - found.table["similarity"].to_numpy().astype(np.float64)
    assert chosen == pytest.approx(np.square(far).sum())
