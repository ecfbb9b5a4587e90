"""What a build would cost, before a token is spent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from os.path import commonprefix
from pathlib import Path
from typing import Any

from rich.table import Table as Grid

from rankmill.build import Build, open_build
from rankmill.check import prompts_of
from rankmill.errors import StageError
from rankmill.label.plans import Words
from rankmill.label.view import View
from rankmill.prompts import as_data
from rankmill.records import Chat, Document, Request
from rankmill.settings import Settings
from rankmill.space import text_of

_SAMPLE = 200
_CHARACTERS_PER_TOKEN = 4.0
_QUERY = "how to find the longest common beginning of several texts"
_TOKENS_OF_A_QUERY = 14
_EMBEDDED_PER_CORE = (135.0, 14.0)  # a 1.5B model in 4 bits: prompt and generated tokens a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What one stage asks of its teacher, at most.

    Attributes:
        tokens_in: Prompt tokens, as an endpoint bills them.
        fresh: Those of them that do not repeat the beginning of the prompt before.
        seconds: None where the teacher's speed is not known yet.
        money: In the currency of the recipe's prices; None without prices.
    """

    stage: str
    teacher: str
    calls: int
    tokens_in: int
    fresh: int
    tokens_out: int
    seconds: float | None
    money: float | None


def plan(recipe: Path, *, overrides: Sequence[str], settings: Settings) -> Grid:
    """Estimate every stage that asks a teacher, as a table.

    Raises:
        RankmillError: The recipe, a prompt or the corpus is at fault.
    """
    with open_build(recipe, overrides=overrides, settings=settings, record=False) as build:
        prompts_of(build)
        return _grid(list(estimates(build)))


def estimates(build: Build) -> Iterator[Estimate]:
    """Estimate from the recipe, the first documents of the corpus and the teacher's speed.

    Calls are an upper bound: as if every query passed its rules. Tokens are counted as four
    characters each.

    Raises:
        StageError: The corpus has no document.
    """
    recipe = build.recipe
    documents = _first_documents(build)
    write = recipe.generate
    requests: list[Request] = [
        write.request(build.prompt(write.prompt), document) for document in documents
    ]
    queries = recipe.sample.documents * write.per_document
    yield _estimate(build, "generate", write.teacher, requests, queries, _TOKENS_OF_A_QUERY)
    for view in recipe.views:
        requests = list(_view_requests(build, view, documents))
        calls = queries * view.calls(recipe.retrieve.depth)
        yield _estimate(build, f"label {view.name}", view.teacher, requests, calls, _out(requests))


def _first_documents(build: Build) -> list[Document]:
    """The first documents of the corpus, cut to the length of a passage."""
    recipe = build.recipe
    found = (d for d in recipe.corpus.documents(build.base) if isinstance(d, Document))
    documents = list(islice(found, _SAMPLE))
    if not documents:
        raise StageError(f"corpus {recipe.corpus.kind}: no document in it")
    longest = recipe.passages.max_chars
    return [Document(docid=d.docid, title=d.title, text=d.text[:longest]) for d in documents]


def _view_requests(build: Build, view: View, documents: Sequence[Document]) -> Iterator[Request]:
    """What a view would ask, had the sample been retrieved in the order it is read."""
    prompt, depth = build.prompt(view.prompt), build.recipe.retrieve.depth
    shown = {d.docid: as_data(text_of(d.title, d.text), limit=view.excerpt) for d in documents}
    for start in range(0, len(documents), depth):
        docids = [d.docid for d in documents[start : start + depth]]
        for question in next(view.strategy.plan(docids), ()):
            texts = [shown[docid] for docid in question.docids]
            words = Words(query=_QUERY, documents=texts, answer=texts[0])
            yield view.strategy.request(prompt, words)


def _estimate(
    build: Build, stage: str, teacher: str, requests: Sequence[Request], calls: int, out: int
) -> Estimate:
    texts = [_text(request) for request in requests]
    shared = len(commonprefix(texts)) if len(texts) > 1 else 0  # noqa: RUF071 - texts, no paths
    mean = sum(map(len, texts)) / len(texts)
    tokens_in = ceil(calls * mean / _CHARACTERS_PER_TOKEN)
    fresh = ceil(calls * (mean - shared) / _CHARACTERS_PER_TOKEN)
    spec: Any = build.recipe.teachers[teacher]
    return Estimate(
        stage=stage,
        teacher=teacher,
        calls=calls,
        tokens_in=tokens_in,
        fresh=fresh,
        tokens_out=calls * out,
        seconds=_seconds(build, stage, tokens_in, fresh, calls * out),
        money=_money(spec, tokens_in, calls * out),
    )


def _text(request: Request) -> str:
    if isinstance(request, Chat):
        return "\n".join(f"{message.role}: {message.content}" for message in request.messages)
    return request.prefix + request.text


def _out(requests: Sequence[Request]) -> int:
    """Tokens generated per call: what a chat may use; none for a continuation."""
    return max((r.max_tokens if isinstance(r, Chat) else 0) for r in requests)


def _seconds(build: Build, stage: str, tokens_in: int, fresh: int, out: int) -> float | None:
    """From the last build of this name, or else from what an embedded teacher does per core."""
    earlier = build.manifest.before(stage.split()[0])
    if earlier.get("tokens_per_second"):
        return (tokens_in + out) / float(earlier["tokens_per_second"])
    kinds = {teacher.kind for teacher in build.recipe.teachers.values()}
    if kinds == {"llama_cpp"}:
        prompt, generated = (build.settings.cores * speed for speed in _EMBEDDED_PER_CORE)
        return fresh / prompt + out / generated
    return None


def _money(spec: Any, tokens_in: int, tokens_out: int) -> float | None:  # noqa: ANN401
    price_in, price_out = getattr(spec, "price_in", None), getattr(spec, "price_out", None)
    if price_in is None and price_out is None:
        return None
    return (tokens_in * (price_in or 0.0) + tokens_out * (price_out or 0.0)) / 1e6


def _grid(rows: Sequence[Estimate]) -> Grid:
    grid = Grid(box=None, padding=(0, 1), caption="at most; ? is a speed or price not known yet")
    grid.add_column("stage")
    grid.add_column("teacher")
    for name in ("calls", "tokens in", "of them new", "tokens out", "minutes", "money"):
        grid.add_column(name, justify="right")
    for row in rows:
        grid.add_row(row.stage, row.teacher, *_figures([row]))
    grid.add_row("all", "", *_figures(rows), style="bold")
    return grid


def _figures(rows: Sequence[Estimate]) -> tuple[str, ...]:
    counts = ("calls", "tokens_in", "fresh", "tokens_out")
    sums = [f"{sum(getattr(row, name) for row in rows):,}" for name in counts]
    return (*sums, _sum([row.seconds for row in rows], 60), _sum([row.money for row in rows], 1))


def _sum(values: Sequence[float | None], unit: float) -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / unit:,.1f}" if len(known) == len(values) else "?"
