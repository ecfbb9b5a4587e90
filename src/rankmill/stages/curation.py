"""Documents to those that are worth having: curate, quality."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill import tablestore
from rankmill.build import Build
from rankmill.contamination import Evaluation, Looked, look
from rankmill.corpora.writer import TableWriter
from rankmill.curate.extrapolate import extrapolate
from rankmill.curate.qurating import COMPARISONS, QuRating, Shares, compare, drawn, strengths
from rankmill.depends import (
    decontamination_of,
    documents_of,
    embedder_of,
    evaluation_of,
    inputs,
    prompt_of,
    teacher_of,
)
from rankmill.errors import StageError
from rankmill.records import Rejection
from rankmill.report import StageReport
from rankmill.space import embed as embed_documents
from rankmill.space import open_vectors
from rankmill.space.near import nearest_of
from rankmill.tables import DOCUMENTS, KEPT, QUALITY, QUERIES, Table
from rankmill.tablestore import Draft, Output

_THEIRS = Table(
    name="documents",
    key=(),
    columns={"docid": pl.String, "title": pl.String, "text": pl.String},
)
_FEWEST = 10
Facts = dict[str, int | float | str]


def kept_of(documents: Output, kept: Output | None) -> pl.Series:
    """The docids that curation has left, in the order of the documents; all without curation."""
    docids = pl.read_parquet(documents.path(DOCUMENTS), columns=["docid"])["docid"]
    return docids.filter(docids.is_in(kept.read(KEPT)["docid"].implode())) if kept else docids


def rows_of(documents: Output, kept: Output | None) -> NDArray[np.intp]:
    """The rows of those docids in the documents and their vectors, ascending."""
    docids = pl.read_parquet(documents.path(DOCUMENTS), columns=["docid"])["docid"]
    stay = docids.is_in(kept_of(documents, kept).implode())
    return np.flatnonzero(stay.to_numpy()).astype(np.intp)


def curate(build: Build, documents: Output, vectors: Output) -> Output:
    """Documents to those that touch no evaluation collection and are no semantic duplicates."""
    spec = build.recipe.curate

    def make(draft: Draft) -> StageReport:
        docids = kept_of(documents, None)
        fallen, facts = _contaminated(build, documents, vectors)
        if spec.semantic:
            rows = np.flatnonzero(~docids.is_in(list(fallen)).to_numpy()).astype(np.intp)
            near = spec.semantic.fallen(
                open_vectors(vectors.folder), rows, threads=build.settings.cores
            )
            for row, (first, cosine) in near.items():
                detail = f"cosine {cosine:.3f} to {docids[first]} >= {spec.semantic.similarity}"
                fallen[docids[row]] = Rejection(
                    id=docids[row], rule="semantic_duplicate", detail=detail
                )
        return _written(draft, docids, fallen, facts)

    depends = {
        **({"curate.semantic": spec.semantic.fingerprint} if spec.semantic else {}),
        **decontamination_of(build),
        **inputs(documents, vectors),
    }
    return build.once("curate", depends, make)


def _written(
    draft: Draft, docids: pl.Series, fallen: Mapping[str, Rejection], facts: Facts
) -> StageReport:
    """Write who is left, and why the others are not.

    Raises:
        StageError: Nobody is left.
    """
    left = docids.filter(~docids.is_in(list(fallen)))
    counts = draft.reject(fallen[docid] for docid in docids if docid in fallen)
    if left.is_empty():
        reasons = ", ".join(f"{rule} {count:,}" for rule, count in counts.items())
        first = next(iter(fallen.values()))
        raise StageError(
            f"{draft.stage}: no document is left of {len(docids):,} ({reasons}); the first, "
            f"{first.id}: {first.detail}"
        )
    draft.write(KEPT, left.to_frame())
    return StageReport(
        stage=draft.stage, read=len(docids), written=len(left), rejected=counts, facts=facts
    )


def _contaminated(
    build: Build, documents: Output, vectors: Output
) -> tuple[dict[str, Rejection], Facts]:
    """Documents that touch an evaluation collection, by docid, unless the recipe keeps them."""
    spec = build.recipe.curate.decontaminate
    if spec.documents == "keep":
        return {}, {}
    collections = evaluation_of(build)
    nothing = QUERIES.empty()
    found, looked = look(collections, documents.path(DOCUMENTS), nothing, spec=spec)
    said = [
        (docid, f"{collection}: {rule}, {detail}")
        for collection, docid, rule, detail in found.select(
            "collection", "id", "rule", "detail"
        ).iter_rows()
    ]
    for one in looked:
        if one.spared:
            build.progress.say(_spared(one))
        elif spec.near and one.documents:
            said += _near(build, collections[one.name], documents, vectors)
    facts: Facts = {one.name: "its documents stay" for one in looked if one.spared}
    return _first(said), facts


def _spared(one: Looked) -> str:
    return (
        f"curate: {one.ours:,} of the {one.documents:,} documents of {one.name} stand in the "
        "corpus, which is taken for its own: they stay, and its queries are kept out "
        '(curate.decontaminate.documents = "remove" leaves them out too)'
    )


def _first(said: Iterable[tuple[str, str]]) -> dict[str, Rejection]:
    fallen: dict[str, Rejection] = {}
    for docid, detail in said:
        fallen.setdefault(docid, Rejection(id=docid, rule="contaminated", detail=detail))
    return fallen


def _near(
    build: Build, collection: Path, documents: Output, vectors: Output
) -> list[tuple[str, str]]:
    """Documents that are nearly ones of a collection, and which."""
    limit = build.recipe.curate.decontaminate.similarity
    theirs = _embedded(build, Evaluation(collection.resolve()))
    ours, names = kept_of(documents, None), theirs.read(_THEIRS)["docid"]
    rows, cosines = nearest_of(open_vectors(vectors.folder), open_vectors(theirs.folder))
    return [
        (
            ours[place],
            f"{collection.name}: cosine {cosines[place]:.3f} to document {names[int(rows[place])]} "
            f">= {limit}",
        )
        for place in np.flatnonzero(cosines >= limit).tolist()
    ]


def _embedded(build: Build, collection: Evaluation) -> Output:
    """The documents of an evaluation collection and their vectors, made once for all recipes."""
    spec = build.recipe.embed

    def make(draft: Draft) -> StageReport:
        with TableWriter(_THEIRS, draft.folder) as file:
            for one in collection.documents():
                file.write(one.docid, one.title, one.text)
        with spec.open(build.settings, build.progress.say) as encoder:
            embed_documents(
                draft.folder / f"{_THEIRS.name}.parquet",
                encoder=encoder,
                folder=draft.folder,
                batch=spec.batch,
                advance=partial(build.progress.advance, "curate"),
            )
        return StageReport(stage="evaluation", read=file.rows, written=file.rows)

    depends = {**embedder_of(spec), "collection": collection.digest, **inputs()}
    return tablestore.once(build.tables, "evaluation", depends, make, resume=True)


def quality(build: Build, documents: Output, vectors: Output, kept: Output | None) -> Output:
    """Documents to how good they are, as a teacher judges some of them, and those that stay."""
    spec = build.recipe.curate.quality
    if spec is None:
        raise StageError("quality: the recipe does not ask for it: expected curate.quality")

    def make(draft: Draft) -> StageReport:
        docids = kept_of(documents, kept)
        comparisons = _asked(build, spec, documents, docids)
        draft.write(COMPARISONS, comparisons)
        scores, facts = _scores(spec, comparisons, (documents, vectors, kept))
        draft.write(QUALITY, scores)
        fallen = _unselected(spec, scores) if spec.select else {}
        return _written(draft, docids, fallen, facts)

    depends = {
        "curate.quality": spec.fingerprint,
        **prompt_of(build, spec.prompt),
        **teacher_of(build, spec.teacher),
        **inputs(documents, vectors, *([kept] if kept else [])),
    }
    return build.once("quality", depends, make)


def _asked(build: Build, spec: QuRating, documents: Output, docids: pl.Series) -> pl.DataFrame:
    """COMPARISONS, from the teacher."""
    chosen = pl.Series(sorted({docid for pair in spec.pairs(docids.to_list()) for docid in pair}))
    shown = {one.docid: one for one in documents_of(documents, chosen.cast(pl.String))}
    send = build.sender(spec.teacher, "quality", spec.calls(len(shown)))
    return build.teachers.run(compare(spec, build.prompt(spec.prompt), shown, send))


def _scores(
    spec: QuRating, comparisons: pl.DataFrame, tables: tuple[Output, Output, Output | None]
) -> tuple[pl.DataFrame, Facts]:
    """QUALITY, and what is to be known of it.

    Raises:
        StageError: Too few documents were judged.
    """
    documents, vectors, kept = tables
    shares = Shares.read(comparisons, spec.votes)
    judged = {docid for pair in shares.of for docid in pair}
    if len(judged) < _FEWEST:
        valid = comparisons["share"].count()
        raise StageError(
            f"quality: {len(judged)} documents were judged in both orders, expected at least "
            f"{_FEWEST}; {valid:,} of {len(comparisons):,} votes were valid"
        )
    docids, rows = kept_of(documents, kept), rows_of(documents, kept)
    row_of = {docid: int(row) for docid, row in zip(docids, rows, strict=True) if docid in judged}
    known = {row_of[docid]: found for docid, found in strengths(shares.of, spec.prior).items()}
    scores, seen = extrapolate(known, open_vectors(vectors.folder), rows)
    table = pl.DataFrame(
        {"docid": docids, "score": scores, "judged": docids.is_in(list(judged))},
        schema=QUALITY.columns,
    )
    facts: Facts = {
        "judged": len(judged),
        "pairs": len(shares.of),
        "orders_agree": round(shares.agreeing, 3),
        "first_place_share": round(shares.firsts, 3),
        "held_out_correlation": round(seen, 3),
    }
    return table, facts


def _unselected(spec: QuRating, table: pl.DataFrame) -> dict[str, Rejection]:
    """The documents that a draw by quality leaves out."""
    scores = dict(table.select("docid", "score").iter_rows())
    stay = drawn(scores, spec.select or len(scores), tau=spec.tau, seed=spec.seed)
    drew = f"{len(stay):,} of {len(scores):,} drawn, tau {spec.tau:g}"
    return {
        docid: Rejection(id=docid, rule="not_drawn", detail=f"quality {score:.2f}; {drew}")
        for docid, score in scores.items()
        if docid not in stay
    }
