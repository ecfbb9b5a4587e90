"""The stages of a build: tables in, tables out, each made once.

A stage reads its settings from the build's recipe, names everything that its tables depend on, and
leaves the work to the module that knows how. The order of the stages is in `rankmill.line`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from rankmill import __version__
from rankmill.assemble import AssemblyInput, CardFacts
from rankmill.assemble import assemble as write_dataset
from rankmill.build import Build, copy_whole
from rankmill.corpora import ingest as read_corpus
from rankmill.generate import write as generation
from rankmill.label.label import label as read_lists
from rankmill.label.view import View
from rankmill.records import Document, Query, Rejection
from rankmill.report import StageReport
from rankmill.retrieve import retrieve as find_candidates
from rankmill.settle import candidate_lists
from rankmill.settle import settle as derive_labels
from rankmill.space import embed as embed_documents
from rankmill.space import open_vectors, text_of
from rankmill.spec import digest
from rankmill.tables import (
    CANDIDATES,
    CLUSTERS,
    DOCUMENTS,
    JUDGMENTS,
    LABELS,
    LISTS,
    QUERIES,
    REJECTIONS,
    SEEDS,
)
from rankmill.tablestore import Draft, Output

DATASET = "dataset"
REVISION = "1"
"""Raised when the same settings and inputs would give other tables than they used to."""


def _inputs(*outputs: Output) -> dict[str, str]:
    return {"revision": REVISION, **{output.stage: output.key for output in outputs}}


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

    depends = {"embed": spec.fingerprint, **_inputs(documents)}
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
        **_inputs(documents, vectors),
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

    depends = {"sample": spec.fingerprint, **_inputs(documents, clusters)}
    return build.once("sample", depends, make)


def _teacher(build: Build, name: str) -> dict[str, str]:
    return {f"teachers.{name}": build.recipe.teachers[name].fingerprint}


def _prompt(build: Build, name: str) -> dict[str, str]:
    return {f"prompt {name}": build.prompt(name).fingerprint}


def generate(build: Build, documents: Output, clusters: Output, seeds: Output) -> Output:
    """Seeds to queries, and the queries' vectors."""
    recipe, spec = build.recipe, build.recipe.generate
    prompt = build.prompt(spec.prompt)

    def make(draft: Draft) -> StageReport:
        chosen = _documents(documents, seeds.read(SEEDS)["docid"])
        total = len(chosen) * spec.per_document
        send = build.sender(spec.teacher, "generate", total)
        replies = build.teachers.run(
            generation.write(spec, recipe.queries, prompt, chosen, send)
        )
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
        **_prompt(build, spec.prompt),
        **_teacher(build, spec.teacher),
        **_inputs(documents, clusters, seeds),
    }
    return build.once("generate", depends, make)


def _documents(documents: Output, docids: pl.Series) -> list[Document]:
    """The documents of some ids, sorted by id."""
    frame = (
        pl.scan_parquet(documents.path(DOCUMENTS))
        .filter(pl.col("docid").is_in(docids.implode()))
        .select("docid", "title", "text")
        .sort("docid")
        .collect()
    )
    return [Document(**row) for row in frame.iter_rows(named=True)]


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
        **_inputs(documents, vectors, clusters, queries),
    }
    return build.once("retrieve", depends, make)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A share of the labelling that can run anywhere: one view of some candidate lists.

    Attributes:
        view: Name of the view.
        shard: Which share of the queries, from 0, by a hash of the qid.
        shards: How many there are.
    """

    view: str
    shard: int
    shards: int

    def holds(self, qid: str) -> bool:
        """Whether a query's list belongs to this part."""
        return int(digest(qid), 16) % self.shards == self.shard


def parts(build: Build) -> list[Part]:
    """Every view of every shard. How many there are changes no byte of the result."""
    shards = build.settings.shards
    return [
        Part(view=view.name, shard=shard, shards=shards)
        for view in build.recipe.views
        for shard in range(shards)
    ]


def _label_depends(build: Build, view: View, *inputs: Output) -> dict[str, str]:
    return {
        f"views.{view.name}": view.fingerprint,
        **_prompt(build, view.prompt),
        **_teacher(build, view.teacher),
        **_inputs(*inputs),
    }


def label_part(
    build: Build, documents: Output, queries: Output, candidates: Output, part: Part
) -> Output:
    """Candidate lists to judgments, for one view and one shard."""
    (view,) = (view for view in build.recipe.views if view.name == part.view)

    def make(draft: Draft) -> StageReport:
        every = candidate_lists(candidates.read(CANDIDATES))
        mine = {qid: docids for qid, docids in every.items() if part.holds(qid)}
        words = dict(queries.read(QUERIES).select("qid", "text").iter_rows())
        shown = pl.Series([docid for docids in mine.values() for docid in docids], dtype=pl.String)
        texts = {d.docid: text_of(d.title, d.text) for d in _documents(documents, shown.unique())}
        total = sum(v.calls(len(docids)) for v in build.recipe.views for docids in every.values())
        judgments = build.teachers.run(
            read_lists(
                view,
                build.prompt(view.prompt),
                [(Query(qid=qid, text=words[qid]), docids) for qid, docids in mine.items()],
                texts,
                build.sender(view.teacher, "label", total),
            )
        )
        draft.write(JUDGMENTS, judgments)
        return StageReport(stage=stage, read=len(judgments), written=len(judgments))

    stage = f"label-{part.view}-{part.shard + 1}-of-{part.shards}"
    depends = _label_depends(build, view, documents, queries, candidates)
    return build.part(stage, depends, make, of="label")


def label(
    build: Build,
    documents: Output,
    queries: Output,
    candidates: Output,
    judged: Sequence[Output],
) -> Output:
    """The judgments of all parts as one table, sorted, whatever the parts were."""

    def make(draft: Draft) -> StageReport:
        judgments = pl.concat([part.read(JUDGMENTS) for part in judged]).sort(JUDGMENTS.key)
        draft.write(JUDGMENTS, judgments)
        faulty = judgments.filter(pl.col("status") != "valid")
        counts = draft.reject(
            Rejection(
                id=f"{row['qid']}/{row['view']}/{row['trial']}/{row['step']}",
                rule=row["detail"].partition(":")[0] if row["status"] == "malformed" else "refused",
                detail=row["detail"],
            )
            for row in faulty.iter_rows(named=True)
        )
        valid = len(judgments) - len(faulty)
        return StageReport(stage="label", read=len(judgments), written=valid, rejected=counts)

    depends = {}
    for view in build.recipe.views:
        depends |= _label_depends(build, view, documents, queries, candidates)
    return build.once("label", depends, make)


def settle(build: Build, queries: Output, candidates: Output, judgments: Output) -> Output:
    """Judgments to labels, and lists that can be trusted."""
    recipe = build.recipe

    def make(draft: Draft) -> StageReport:
        listed = candidates.read(CANDIDATES)
        labels, lists, rejections = derive_labels(
            recipe.settle, recipe.views, queries.read(QUERIES), listed, judgments.read(JUDGMENTS)
        )
        draft.write(LABELS, labels)
        draft.write(LISTS, lists)
        counts = draft.reject(rejections)
        return StageReport(
            stage="settle",
            read=listed["qid"].n_unique(),
            written=labels["qid"].n_unique(),
            rejected=counts,
        )

    depends = {"settle": recipe.settle.fingerprint, **_inputs(queries, candidates, judgments)}
    return build.once("settle", depends, make)


def assemble(build: Build, stages: Sequence[Output]) -> Output:
    """The tables of all stages to a dataset folder."""
    recipe = build.recipe
    made = {output.stage: output for output in stages}
    names = [recipe.generate.prompt, *(view.prompt for view in recipe.views)]

    def make(draft: Draft) -> StageReport:
        lists = made["settle"].read(LISTS)
        tables = AssemblyInput(
            documents=made["ingest"].path(DOCUMENTS),
            clusters=made["cluster"].read(CLUSTERS),
            queries=made["generate"].read(QUERIES),
            candidates=made["retrieve"].read(CANDIDATES),
            judgments=made["label"].read(JUDGMENTS),
            labels=made["settle"].read(LABELS),
            lists=lists,
            rejections=pl.concat(
                output.read(REJECTIONS) for output in stages if output.path(REJECTIONS).is_file()
            ),
        )
        facts = CardFacts(
            name=recipe.name,
            version=__version__,
            recipe=recipe.identity(),
            prompts={name: build.prompt(name).fingerprint for name in names},
            reports=[output.report for output in stages],
        )
        folder = draft.folder / DATASET
        folder.mkdir()
        written = write_dataset(recipe.assemble, tables, folder, facts)
        kept = int(lists["kept"].sum())
        rows = {config: sum(splits.values()) for config, splits in written.rows.items()}
        return StageReport(stage="assemble", read=kept, written=kept, facts=rows)

    depends = {
        "recipe": recipe.fingerprint,
        "version": __version__,
        **_inputs(*stages),
    }
    for name in names:
        depends |= _prompt(build, name)
    return build.once("assemble", depends, make)


def publish(build: Build, assembled: Output) -> Path:
    """Copy the dataset into the build's own folder, and return where it is."""
    place = build.folder / DATASET
    copy_whole(assembled.folder / DATASET, place)
    return place
