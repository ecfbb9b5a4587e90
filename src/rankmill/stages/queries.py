"""Seeds to candidate lists: generate, retrieve."""

from functools import partial

import numpy as np
import polars as pl

from rankmill.build import Build
from rankmill.depends import documents_of, inputs, prompt_of, teacher_of
from rankmill.generate import write as generation
from rankmill.records import Rejection
from rankmill.report import StageReport
from rankmill.retrieve import retrieve as find_candidates
from rankmill.space import open_vectors
from rankmill.tables import CANDIDATES, CLUSTERS, DOCUMENTS, QUERIES, SEEDS
from rankmill.tablestore import Draft, Output


def generate(build: Build, documents: Output, clusters: Output, seeds: Output) -> Output:
    """Seeds to queries, and the queries' vectors."""
    recipe, spec = build.recipe, build.recipe.generate
    prompt = build.prompt(spec.prompt)

    def make(draft: Draft) -> StageReport:
        chosen = documents_of(documents, seeds.read(SEEDS)["docid"])
        total = len(chosen) * spec.per_document
        send = build.sender(spec.teacher, "generate", total)
        replies = build.teachers.run(generation.write(spec, recipe.queries, prompt, chosen, send))
        written = [reply for reply in replies if not isinstance(reply, Rejection)]
        rejected = [reply for reply in replies if isinstance(reply, Rejection)]
        with recipe.embed.open(build.settings, build.progress.say) as encoder:
            kept, vectors, repeats = generation.distinct(
                written, recipe.queries, partial(encoder.encode, kind="query")
            )
        where = {
            docid: (cluster, split)
            for docid, cluster, split in clusters.read(CLUSTERS)
            .select("docid", "cluster", "split")
            .iter_rows()
        }
        queries = generation.table([written[place] for place in kept], where, spec, prompt)
        draft.write(QUERIES, queries)
        np.save(draft.folder / "vectors.npy", vectors)
        counts = draft.reject([*rejected, *repeats])
        return StageReport(stage="generate", read=total, written=len(queries), rejected=counts)

    depends = {
        "generate": spec.fingerprint,
        "queries": recipe.queries.fingerprint,
        "embed": recipe.embed.fingerprint,
        **prompt_of(build, spec.prompt),
        **teacher_of(build, spec.teacher),
        **inputs(documents, clusters, seeds),
    }
    return build.once("generate", depends, make)


def retrieve(
    build: Build, documents: Output, vectors: Output, clusters: Output, queries: Output
) -> Output:
    """Queries to candidate lists."""
    spec = build.recipe.retrieve

    def make(draft: Draft) -> StageReport:
        asked = queries.read(QUERIES)
        candidates, rejections = find_candidates(
            spec,
            documents=pl.scan_parquet(documents.path(DOCUMENTS)),
            vectors=open_vectors(vectors.folder),
            clusters=clusters.read(CLUSTERS),
            queries=asked,
            query_vectors=open_vectors(queries.folder),
        )
        draft.write(CANDIDATES, candidates)
        counts = draft.reject(rejections)
        written = candidates["qid"].n_unique()
        return StageReport(stage="retrieve", read=len(asked), written=written, rejected=counts)

    depends = {
        "retrieve": spec.fingerprint,
        **inputs(documents, vectors, clusters, queries),
    }
    return build.once("retrieve", depends, make)
