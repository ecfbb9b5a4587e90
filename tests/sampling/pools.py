"""Pools of documents that can be checked by hand."""

import numpy as np
import polars as pl

from rankmill.sampling import Landscape, Pool

SCHEMA = {
    "docid": pl.String,
    "cluster": pl.Int32,
    "similarity": pl.Float32,
    "chars": pl.UInt32,
    "row": pl.UInt32,
}


def refuse(texts):
    raise AssertionError("nothing is to be embedded")


def pool_of(rows, vectors=None, **space):
    """A pool of (docid, cluster, similarity), each in the row where it stands."""
    whole = [(*row, 100, place) for place, row in enumerate(rows)]
    documents = pl.DataFrame(whole, schema=SCHEMA, orient="row")
    given = {
        "clusters": documents.select("docid", "cluster", "similarity"),
        "vectors": np.eye(len(rows), dtype=np.float32) if vectors is None else unit(vectors),
        "encode": refuse,
        **space,
    }
    return Pool(documents=documents, space=Landscape(**given))


def sized(sizes, **space):
    """Documents `<cluster>-<number>` whose similarity to the centroid falls with their number."""
    rows = [
        (f"{cluster}-{number:03}", cluster, 1 - number / 1000)
        for cluster, size in enumerate(sizes)
        for number in range(size)
    ]
    return pool_of(rows, **space)


def shuffled(pool, seed=1):
    """The same documents and vectors in another order of rows."""
    order = np.random.default_rng(seed).permutation(len(pool))
    documents = pool.documents[order].drop("row").with_row_index("row")
    vectors = pool.space.vectors[order]
    return pool_of(documents.select("docid", "cluster", "similarity").rows(), vectors)


def unit(vectors):
    rows = np.asarray(vectors, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def angle(degrees):
    """A vector of two dimensions."""
    return [np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]


def docids(drawn):
    return drawn.seeds["docid"].to_list()
