"""Corpus to seeds: ingest, cluster, sample."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.build import Build
from rankmill.corpora import ingest as read_corpus
from rankmill.depends import REVISION, documents_of, evaluation_of, inputs
from rankmill.evaluate.diversity import of_seeds
from rankmill.report import StageReport
from rankmill.sampling import Landscape, Pool, deal
from rankmill.space import ELBOW, TOPICS, open_vectors
from rankmill.space import topics as describe_topics
from rankmill.stages.curation import rows_of
from rankmill.tables import CLUSTERS, DOCUMENTS, QUALITY, SEEDS
from rankmill.tablestore import Draft, Output


def ingest(build: Build) -> Output:
    """Corpus to documents: clean passages with stable ids."""
    recipe = build.recipe
    depends = {
        "corpus": recipe.corpus.fingerprint,
        "the corpus's content": recipe.corpus.origin(build.base),
        "passages": recipe.passages.fingerprint,
        **recipe.curate.of_texts,
        "revision": REVISION,
    }

    def make(draft: Draft) -> StageReport:
        return read_corpus(
            recipe.corpus,
            recipe.passages,
            base=build.base,
            draft=draft,
            pick=recipe.curate.pick,
            advance=lambda done: build.progress.advance("ingest", done, 0),
        )

    return build.once("ingest", depends, make)


def cluster(build: Build, documents: Output, vectors: Output, kept: Output | None = None) -> Output:
    """Vectors to topics, and topics to splits."""
    recipe = build.recipe

    def make(draft: Draft) -> StageReport:
        rows = rows_of(documents, kept)
        found = pl.read_parquet(documents.path(DOCUMENTS), columns=["docid", "parent"])[rows]
        made = recipe.cluster(
            found["docid"], open_vectors(vectors.folder), rows=rows, threads=build.settings.cores
        )
        draft.write(CLUSTERS, recipe.splits(made.table, found))
        draft.write(TOPICS, describe_topics(made.table, documents.path(DOCUMENTS)))
        np.save(draft.folder / "centroids.npy", made.centroids)
        facts: dict[str, int | str] = {"clusters": len(made.centroids)}
        if made.elbow:
            tried = ((*one, one.clusters == len(made.centroids)) for one in made.elbow)
            draft.write(ELBOW, ELBOW.frame(tried))
            facts["elbow"] = ", ".join(f"{k:,}: {distance:.4g}" for k, distance in made.elbow)
        if recipe.splits.by == "documents":
            facts["splits"] = "by documents: a topic may be in several"
        return StageReport(stage="cluster", read=len(found), written=len(found), facts=facts)

    depends = {
        "cluster": recipe.cluster.fingerprint,
        "splits": recipe.splits.fingerprint,
        **inputs(documents, vectors, *([kept] if kept else [])),
    }
    return build.once("cluster", depends, make)


def sample(
    build: Build,
    documents: Output,
    vectors: Output,
    clusters: Output,
    quality: Output | None = None,
) -> Output:
    """Topics to the documents that get queries; none where all queries are given."""
    spec = build.recipe.sample
    if spec is None:
        return build.once("sample", inputs(documents), _no_seeds)

    def make(draft: Draft) -> StageReport:
        space = _space(build, vectors, clusters, quality)
        pool = Pool.of(documents.path(DOCUMENTS), space, min_chars=spec.min_chars)
        drawn = spec.draw(pool)
        seeds, cells = drawn.seeds, dict[str, str]()
        if spec.positions:
            texts = {one.docid: one.text for one in documents_of(documents, seeds["docid"])}
            seeds, cells = deal(seeds, texts, spec.positions, seed=spec.seed)
        draft.write(SEEDS, SEEDS.frame(seeds.iter_rows()))
        for table, rows in drawn.tables:
            draft.write(table, rows)
        facts = {**drawn.facts, **cells, **of_seeds(pool, drawn.seeds)}
        return StageReport(stage="sample", read=len(seeds), written=len(seeds), facts=facts)

    depends = {
        "sample": spec.fingerprint,
        **spec.origin(build.base, tuple(evaluation_of(build).values())),
        **inputs(documents, clusters, *([quality] if quality else [])),
    }
    return build.once("sample", depends, make)


def _no_seeds(draft: Draft) -> StageReport:
    draft.write(SEEDS, SEEDS.empty())
    return StageReport(stage="sample", read=0, written=0)


def _space(build: Build, vectors: Output, clusters: Output, quality: Output | None) -> Landscape:
    """Where the documents lie, for a sampler."""

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        with build.recipe.embed.open(build.settings, build.progress.say) as encoder:
            return encoder.encode(texts, "query")

    return Landscape(
        clusters=clusters.read(CLUSTERS),
        vectors=open_vectors(vectors.folder),
        encode=encode,
        base=build.base,
        quality=quality.read(QUALITY) if quality else None,
        evaluation=tuple(evaluation_of(build).values()),
    )
