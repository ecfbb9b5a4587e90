"""Where queries come from: written by teachers, or given by the user."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.build import Build
from rankmill.corpora.copies import originals
from rankmill.depends import documents_of, prompt_of, teacher_of
from rankmill.generate.given import GivenQuery
from rankmill.generate.ground import PlacedDocuments
from rankmill.generate.rules import clean
from rankmill.generate.write import Found, write
from rankmill.generate.writing import Seed
from rankmill.generate.written import Written
from rankmill.records import Rejection
from rankmill.stages.asked import Asked
from rankmill.tables import REJECTIONS, SEEDS
from rankmill.tablestore import Output
from rankmill.together import together


def seeds_of(documents: Output, seeds: Output) -> list[Seed]:
    """The documents that get queries, sorted by docid."""
    frame = seeds.read(SEEDS).sort("docid")
    rows = frame.select("cluster", "segment", "start", "end").iter_rows(named=True)
    found = documents_of(documents, frame["docid"])
    return [Seed(document=document, **row) for document, row in zip(found, rows, strict=True)]


def written(asked: Asked, corpus: PlacedDocuments, seeds: list[Seed]) -> list[Found]:
    """What every writer of the recipe makes of the seeds, one writer after another."""
    build, jobs, before = asked.build, [], 0
    for how in build.recipe.generate:
        jobs.append((how, how.tasks(seeds, corpus), before))
        before += how.per_document
    total = sum(how.calls * len(tasks) for how, tasks, _ in jobs)
    work = [
        write(
            how,
            tasks,
            build.recipe.queries,
            {name: build.prompt(name) for name in how.prompts},
            asked.sender(how.teacher, total),
            before=before,
        )
        for how, tasks, before in jobs
    ]
    return [one for found in build.teachers.run(together(work)) for one in found] if work else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known to answer a given query.

    Attributes:
        docids: Of the split of the first, which is its source.
        elsewhere: Of another split, where they can be no candidates.
        lost: Left out of the corpus, or never in it.
    """

    docids: tuple[str, ...]
    elsewhere: tuple[str, ...]
    lost: tuple[str, ...]


def given(
    build: Build, corpus: PlacedDocuments, documents: Output
) -> tuple[list[Found], list[Rejection], dict[str, int]]:
    """The user's queries, judged like any other; known answers that are not there; counts."""
    spec = build.recipe.given
    if spec is None:
        return [], [], {}
    read = spec.read(build.base)
    queries = [one for one in read if isinstance(one, GivenQuery)]
    found = _known(queries, corpus, _rejections(build, documents))
    known = dict(zip((one.qid for one in queries), found, strict=True))
    texts = corpus.texts({docid for one in known.values() for docid in one.docids[:1]})

    def judged(one: GivenQuery) -> Found:
        text, (source, *further) = clean(one.text), known[one.qid].docids or (None,)
        if verdict := build.recipe.queries.judge_text(text, texts.get(source or "", "")):
            rule, number = verdict
            return Rejection(id=one.qid, rule=rule, detail=f"{number}: {one.text}")
        return Written(
            qid=one.qid,
            text=text,
            kind=one.kind,
            source_docid=source,
            lang=one.lang,
            answer_docids=tuple(filter(None, further)),
        )

    facts = {
        "known answers": sum(len(one.docids) for one in known.values()),
        "known answers in another split": sum(len(one.elsewhere) for one in known.values()),
        "known answers not in the corpus": sum(len(one.lost) for one in known.values()),
        "queries of the qrels that are not given": len(spec.strangers(build.base)),
    }
    lost = [
        Rejection(id=qid, rule="unknown_docid", detail=f"known answer {docid}")
        for qid, one in known.items()
        for docid in one.lost
    ]
    return [one if isinstance(one, Rejection) else judged(one) for one in read], lost, facts


def _known(
    queries: Sequence[GivenQuery], corpus: PlacedDocuments, rejections: Sequence[Path]
) -> Iterator[Known]:
    """The known answers of each query; a copy of a document that was kept is that document.

    Of several that a document has become, it is the one nearest to the query.
    """
    named = {docid for query in queries for docid in query.relevant} - corpus.where.keys()
    copied = originals(rejections, named)
    became = [
        {
            docid: {answers.get(docid, docid), *copied.get(docid, ())} & corpus.where.keys()
            for docid in query.relevant
        }
        for query, answers in zip(queries, corpus.answers(queries), strict=True)
    ]
    open_ = [at for at, found in enumerate(became) if any(len(ones) > 1 for ones in found.values())]
    vectors = corpus.encode([queries[at].text for at in open_]) if open_ else ()
    near = dict(zip(open_, vectors, strict=True))
    for at, found in enumerate(became):
        known = (_nearest(corpus, ones, near.get(at)) for ones in found.values() if ones)
        docids = list(dict.fromkeys(known))
        split = corpus.where[docids[0]][1] if docids else ""
        yield Known(
            docids=tuple(docid for docid in docids if corpus.where[docid][1] == split),
            elsewhere=tuple(docid for docid in docids if corpus.where[docid][1] != split),
            lost=tuple(docid for docid, ones in found.items() if not ones),
        )


def _nearest(
    corpus: PlacedDocuments, docids: Collection[str], vector: NDArray[np.float32] | None
) -> str:
    """The nearest to a query of some documents that have a topic; one alone needs no vector."""
    if vector is None or len(docids) == 1:
        return next(iter(docids))
    table = corpus.table.filter(pl.col("docid").is_in(list(docids)))
    return replace(corpus, table=table).nearest_documents(vector[None])[0]


def _rejections(build: Build, documents: Output) -> list[Path]:
    """The tables REJECTIONS of the stages that leave out copies."""
    curated = [build.folder / "tables" / "curate"] if build.recipe.curates else []
    return [folder / f"{REJECTIONS.name}.parquet" for folder in (documents.folder, *curated)]


def writing_of(build: Build) -> dict[str, str]:
    """What the queries depend on, of all who write them and of the user's files."""
    recipe, found = build.recipe, dict[str, str]()
    for number, how in enumerate(recipe.generate):
        name = f"generate.{number}" if number else "generate"
        found[name] = how.fingerprint
        found |= {f"{name} {what}": said for what, said in how.reads(build.base).items()}
        found |= teacher_of(build, how.teacher)
        for prompt in how.prompts:
            found |= prompt_of(build, prompt)
    if recipe.given:
        found["given settings"] = recipe.given.fingerprint
        found |= recipe.given.reads(build.base)
    return found
