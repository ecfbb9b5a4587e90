"""Seeds to candidate lists: generate, retrieve."""

from collections import Counter
from functools import partial

import numpy as np
import polars as pl

from rankmill.build import Build
from rankmill.depends import inputs
from rankmill.evaluate.diversity import of_queries
from rankmill.generate.ground import PlacedDocuments
from rankmill.generate.write import table
from rankmill.generate.written import Written
from rankmill.records import Rejection
from rankmill.report import StageReport
from rankmill.retrieve import Space
from rankmill.retrieve import retrieve as find_candidates
from rankmill.space import open_vectors
from rankmill.stages.asked import Asked
from rankmill.stages.embedding import embed_further
from rankmill.stages.screening import screening, screens_of
from rankmill.stages.writing import given, seeds_of, writing_of, written
from rankmill.tables import CANDIDATES, CLUSTERS, DOCUMENTS, QUERIES, REQUESTS
from rankmill.tablestore import Draft, Output


def generate(
    build: Build, documents: Output, vectors: Output, clusters: Output, seeds: Output
) -> Output:
    """Seeds to queries, beside those that are given, and the queries' vectors."""
    recipe = build.recipe

    def make(draft: Draft) -> StageReport:
        with recipe.embed.open(build.settings, build.progress.say) as encoder:
            corpus = PlacedDocuments.of(
                (build.base, documents.path(DOCUMENTS)),
                clusters.read(CLUSTERS),
                open_vectors(vectors.folder),
                partial(encoder.encode, kind="query"),
            )
            asked = Asked(build=build, stage="generate")
            own, lost, facts = given(build, corpus, documents)
            found = [*own, *written(asked, corpus, seeds_of(documents, seeds))]
            fit = [one for one in found if isinstance(one, Written)]
            screened = screening(asked, draft, fit, documents, encoder)
            kept, rows = screened.kept, screened.vectors
            queries = table(kept, corpus.places(kept, rows))
        draft.write(QUERIES, queries)
        draft.write(REQUESTS, asked.table)
        np.save(draft.folder / "vectors.npy", rows)
        rejections = [one for one in found if isinstance(one, Rejection)] + screened.rejections
        draft.reject([*rejections, *lost])  # which cost no query
        return StageReport(
            stage="generate",
            read=len(found),
            written=len(kept),
            rejected=dict(sorted(Counter(one.rule for one in rejections).items())),
            facts={**of_queries(queries, rows), **facts},
        )

    depends = {
        **screens_of(build),
        **writing_of(build),
        **inputs(documents, vectors, clusters, seeds),
    }
    return build.once("generate", depends, make)


def retrieve(
    build: Build, documents: Output, vectors: Output, clusters: Output, queries: Output
) -> Output:
    """Queries to candidate lists."""
    spec = build.recipe.retrieve
    further = {one.name: embed_further(build, one.embed, documents) for one in spec.further}

    def make(draft: Draft) -> StageReport:
        asked = queries.read(QUERIES)
        spaces = {"dense": Space(open_vectors(vectors.folder), open_vectors(queries.folder))}
        for one in spec.further:
            with one.embed.open(build.settings, build.progress.say) as encoder:
                rows = encoder.encode(asked["text"].to_list(), "query")
            spaces[one.name] = Space(open_vectors(further[one.name].folder), rows)
        found = find_candidates(
            spec,
            documents=pl.scan_parquet(documents.path(DOCUMENTS)),
            clusters=clusters.read(CLUSTERS),
            queries=asked,
            spaces=spaces,
            given=spec.given.read(build.base) if spec.given else None,
        )
        draft.write(CANDIDATES, found.candidates)
        draft.reject([*found.rejections, *found.left_out])
        return StageReport(
            stage="retrieve",
            read=found.read,
            written=found.read - len(found.rejections),
            rejected=dict(sorted(Counter(one.rule for one in found.rejections).items())),
            facts=found.facts,
        )

    depends = {
        "retrieve": spec.fingerprint,
        **({"given lists": spec.given.digest(build.base)} if spec.given else {}),
        **{f"vectors of {name}": output.key for name, output in further.items()},
        **inputs(documents, vectors, clusters, queries),
    }
    return build.once("retrieve", depends, make)
