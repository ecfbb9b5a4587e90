"""Corpus to seeds: ingest, embed, cluster, sample."""

from functools import partial

import numpy as np
import polars as pl

from rankmill.build import Build
from rankmill.corpora import ingest as read_corpus
from rankmill.depends import REVISION, inputs
from rankmill.report import StageReport
from rankmill.space import embed as embed_documents
from rankmill.space import open_vectors
from rankmill.tables import CLUSTERS, DOCUMENTS, SEEDS
from rankmill.tablestore import Draft, Output


def ingest(build: Build) -> Output:
    """Corpus to documents: clean passages with stable ids."""
    recipe = build.recipe
    depends = {
        "corpus": recipe.corpus.fingerprint,
        "the corpus's content": recipe.corpus.origin(build.base),
        "passages": recipe.passages.fingerprint,
        "revision": REVISION,
    }

    def make(draft: Draft) -> StageReport:
        return read_corpus(
            recipe.corpus,
            recipe.passages,
            base=build.base,
            draft=draft,
            advance=lambda done: build.progress.advance("ingest", done, 0),
        )

    return build.once("ingest", depends, make)


def embed(build: Build, documents: Output) -> Output:
    """Documents to vectors, row by row."""
    spec = build.recipe.embed

    def make(draft: Draft) -> StageReport:
        with spec.open(build.settings, build.progress.say) as encoder:
            embed_documents(
                documents.path(DOCUMENTS),
                encoder=encoder,
                folder=draft.folder,
                batch=spec.batch,
                advance=partial(build.progress.advance, "embed"),
            )
        rows, dimensions = open_vectors(draft.folder).shape
        return StageReport(stage="embed", read=rows, written=rows, facts={"dimensions": dimensions})

    depends = {"embed": spec.fingerprint, **inputs(documents)}
    return build.once("embed", depends, make, resume=True)


def cluster(build: Build, documents: Output, vectors: Output) -> Output:
    """Vectors to topics, and topics to splits."""
    recipe = build.recipe

    def make(draft: Draft) -> StageReport:
        docids = pl.read_parquet(documents.path(DOCUMENTS), columns=["docid"])["docid"]
        table, centroids = recipe.cluster(
            docids, open_vectors(vectors.folder), threads=build.settings.cores
        )
        draft.write(CLUSTERS, recipe.splits(table))
        np.save(draft.folder / "centroids.npy", centroids)
        facts = {"clusters": len(centroids)}
        return StageReport(stage="cluster", read=len(docids), written=len(docids), facts=facts)

    depends = {
        "cluster": recipe.cluster.fingerprint,
        "splits": recipe.splits.fingerprint,
        **inputs(documents, vectors),
    }
    return build.once("cluster", depends, make)


def sample(build: Build, documents: Output, clusters: Output) -> Output:
    """Topics to the documents that get queries."""
    spec = build.recipe.sample

    def make(draft: Draft) -> StageReport:
        texts = pl.read_parquet(documents.path(DOCUMENTS), columns=["docid", "text"])
        seeds = spec(clusters.read(CLUSTERS), texts)
        draft.write(SEEDS, seeds)
        return StageReport(stage="sample", read=len(seeds), written=len(seeds))

    depends = {"sample": spec.fingerprint, **inputs(documents, clusters)}
    return build.once("sample", depends, make)
