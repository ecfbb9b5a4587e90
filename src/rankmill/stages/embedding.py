"""Documents to vectors: the build's own, and those of further retrievers."""

from functools import partial

from rankmill.build import Build
from rankmill.depends import embedder_of, inputs
from rankmill.report import StageReport
from rankmill.space import Embedder, open_vectors
from rankmill.space import embed as embed_documents
from rankmill.tables import DOCUMENTS
from rankmill.tablestore import Draft, Output


def embed(build: Build, documents: Output) -> Output:
    """Documents to vectors, row by row."""
    spec = build.recipe.embed
    depends = _depends(spec, documents)
    make = partial(_vectors, build, spec, documents, "embed")
    return build.once("embed", depends, make, resume=True)


def embed_further(build: Build, spec: Embedder, documents: Output) -> Output:
    """The same by the embedder of a further retriever, as a share of `retrieve`.

    A recipe that embeds by this one shares its table.
    """
    depends = _depends(spec, documents)
    make = partial(_vectors, build, spec, documents, "retrieve")
    return build.part("embed", depends, make, of="retrieve", resume=True)


def _depends(spec: Embedder, documents: Output) -> dict[str, str]:
    return {**embedder_of(spec), **inputs(documents)}


def _vectors(
    build: Build, spec: Embedder, documents: Output, stage: str, draft: Draft
) -> StageReport:
    with spec.open(build.settings, build.progress.say) as encoder:
        embed_documents(
            documents.path(DOCUMENTS),
            encoder=encoder,
            folder=draft.folder,
            batch=spec.batch,
            advance=partial(build.progress.advance, stage),
        )
    rows, dimensions = open_vectors(draft.folder).shape
    return StageReport(stage="embed", read=rows, written=rows, facts={"dimensions": dimensions})
