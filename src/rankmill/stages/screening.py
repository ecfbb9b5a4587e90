"""The part of `generate` that says which written queries are kept."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.build import Build
from rankmill.contamination import contaminated
from rankmill.depends import (
    decontamination_of,
    documents_of,
    embedder_of,
    evaluation_of,
    prompt_of,
    teacher_of,
)
from rankmill.finished import Finished
from rankmill.generate.written import Written
from rankmill.records import Document, Rejection, Request
from rankmill.screen import Pair, Screen, Sieve, Tools
from rankmill.screen.duplicates import near_duplicates, same_words
from rankmill.screen.parts import around
from rankmill.space import Embedder, sentences_of
from rankmill.space.encoder import Encoder, Kind
from rankmill.stages.asked import Asked
from rankmill.tables import QUERIES, SCREENED
from rankmill.tablestore import Draft, Output
from rankmill.teachers.engine import Answer
from rankmill.together import together

_CELL = ["kind", "lang", "difficulty", "length", "segment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """What is left of the queries that were written.

    Attributes:
        vectors: Of the kept queries, unit-length rows, shape (kept, dimensions).
        rejections: One for each of the others; its detail ends with the query's text.
    """

    kept: list[Written]
    vectors: NDArray[np.float32]
    rejections: list[Rejection]


def screening(
    asked: Asked, draft: Draft, written: Sequence[Written], documents: Output, encoder: Encoder
) -> Screened:
    """Put queries through every test of the recipe, and write SCREENED: how many passed each.

    In order: the screens that look at words; duplicates; near-duplicates, of each other and of
    earlier builds; contamination, where the recipe names evaluation collections; other screens.

    Args:
        asked: Sends what screens ask; the recipe of its build says which tests there are.
        draft: Takes the table.
        written: Of equal queries the first is kept.
        documents: The corpus.
        encoder: The recipe's own, open.
    """
    build = asked.build
    rules = build.recipe.queries
    read = _read(documents, written) if rules.screens else {}
    sieve = Sieve([_pair(query, read) for query in written])
    with _tools(asked, encoder) as tools:
        for screen in rules.screens:
            if screen.by_words:
                sieve.test(screen.kind, screen(sieve.pairs, tools))
        vectors = _distinct(build, sieve, tools)
        for screen in rules.screens:
            if not screen.by_words:
                vectors = vectors[sieve.test(_name(screen), screen(sieve.pairs, tools))]
    draft.write(SCREENED, _steps(sieve, written))
    kept = [written[place] for place in sieve.places]
    return Screened(kept=kept, vectors=vectors, rejections=sieve.rejections)


def screens_of(build: Build) -> dict[str, str]:
    """What `screening` depends on."""
    rules = build.recipe.queries
    found = {"queries": rules.fingerprint, **embedder_of(build.recipe.embed)}
    for number, embedder in enumerate(rules.embedders, start=1):
        said = embedder_of(embedder)
        found |= {f"screens' model {number}, {name}": value for name, value in said.items()}
    for use in rules.uses:
        found |= {**teacher_of(build, use.teacher), **prompt_of(build, use.prompt)}
    for name in rules.earlier:
        found[f"earlier {name}"] = Finished.find(build.settings, name).output("generate").key
    return found | decontamination_of(build)


def _name(screen: Screen) -> str:
    """What a step is called: of two screens of one kind, by how they ask."""
    return screen.uses[0].name if len(screen.uses) == 1 else screen.kind


def _read(documents: Output, written: Sequence[Written]) -> dict[str, Document]:
    """Sources and related documents, by docid."""
    named = {docid for one in written for docid in (one.source_docid, one.related_docid) if docid}
    docids = pl.Series(sorted(named), dtype=pl.String)
    return {one.docid: one for one in documents_of(documents, docids)}


def _pair(query: Written, documents: Mapping[str, Document]) -> Pair:
    docids = (query.source_docid, query.related_docid)
    read = [documents[docid] for docid in docids if docid and docid in documents]
    target, others = "", tuple[str, ...]()
    if query.segment and query.start is not None and query.end is not None and read:
        target = read[0].text[query.start : query.end]
        others = around(read[0].text, query.start, query.end)
    return Pair(
        qid=query.qid,
        text=query.text,
        document="\n\n".join(sentences_of(one.title, one.text) for one in read),
        lang=query.lang or (read[0].lang if read else None) or "",
        target=target,
        others=others,
    )


def _distinct(build: Build, sieve: Sieve, tools: Tools) -> NDArray[np.float32]:
    """Take out what was asked before, here or elsewhere; the vectors of the rest."""
    recipe, earlier = build.recipe, _earlier(build)
    known = len(earlier)

    def asked() -> tuple[list[str], list[str]]:
        pairs = [*earlier, *((pair.qid, pair.text) for pair in sieve.pairs)]
        return [qid for qid, _ in pairs], [text for _, text in pairs]

    sieve.test("duplicate", same_words(*asked(), known=known))
    ids, texts = asked()
    rows = tools.encode(recipe.embed, texts, "query")
    near = near_duplicates(ids, rows, max_similarity=recipe.queries.max_similarity, known=known)
    vectors = rows[known:][sieve.test("near_duplicate", near)]
    if collections := evaluation_of(build):
        ours = pl.DataFrame(
            [(pair.qid, pair.text) for pair in sieve.pairs],
            schema={"qid": pl.String, "text": pl.String},
            orient="row",
        )

        def encode(theirs: Sequence[str]) -> NDArray[np.float32]:
            return tools.encode(recipe.embed, theirs, "query")

        how = recipe.curate.decontaminate
        found = contaminated(ours, vectors, collections, encode, how)
        fallen = {one.id: (one.rule, one.detail) for one in found}
        verdicts = [fallen.get(pair.qid) for pair in sieve.pairs]
        vectors = vectors[sieve.test("contaminated", verdicts)]
    return vectors


def _earlier(build: Build) -> list[tuple[str, str]]:
    """Ids and texts of the queries of earlier builds."""
    tables = [
        Finished.find(build.settings, name)
        .read("generate", QUERIES)
        .with_columns(qid=pl.lit(f"{name}/") + pl.col("qid"))
        for name in build.recipe.queries.earlier
    ]
    return list(pl.concat([QUERIES.empty(), *tables]).select("qid", "text").iter_rows())


@contextmanager
def _tools(asked: Asked, encoder: Encoder) -> Iterator[Tools]:
    """What screens may use; other models that embed are loaded when they are first asked."""
    build = asked.build
    with ExitStack() as stack:
        opened = {build.recipe.embed.fingerprint: encoder}

        def encode(embedder: Embedder, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
            if embedder.fingerprint not in opened:
                model = embedder.open(build.settings, build.progress.say)
                opened[embedder.fingerprint] = stack.enter_context(model)
            return opened[embedder.fingerprint].encode(texts, kind)

        def ask(teacher: str, requests: Sequence[Request]) -> list[Answer]:
            send = asked.sender(teacher, 0)
            build.watch.begin("generate", 0).total += len(requests)

            async def put(request: Request) -> Answer:
                return await send(request, 0)

            return build.teachers.run(together(map(put, requests)))

        yield Tools(ask=ask, prompt=build.prompt, embedder=build.recipe.embed, encode=encode)


def _steps(sieve: Sieve, written: Sequence[Written]) -> pl.DataFrame:
    """SCREENED: step by step, and in it cell by cell, how many queries came and passed."""
    cells = pl.DataFrame(
        [[getattr(query, name) for name in _CELL] for query in written],
        schema=dict.fromkeys(_CELL, pl.String),
        orient="row",
    )
    steps = [
        cells[list(step.read)]
        .with_columns(kept=pl.Series(np.isin(step.read, step.kept)))
        .group_by(_CELL)
        .agg(pl.len().cast(pl.Int32).alias("read"), pl.col("kept").sum().cast(pl.Int32))
        .sort(_CELL, nulls_last=True)
        .with_columns(pl.lit(number, pl.Int32).alias("step"), screen=pl.lit(step.name))
        for number, step in enumerate(sieve.steps, start=1)
    ]
    return pl.concat([SCREENED.empty(), *(one.select(list(SCREENED.columns)) for one in steps)])
