"""What a build would cost, before a token is spent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from os.path import commonprefix
from pathlib import Path

from rich.table import Table as Grid

from rankmill.build import Build, open_build
from rankmill.check import prompts_of
from rankmill.errors import StageError
from rankmill.generate.guess import likely
from rankmill.generate.writing import LIKELY
from rankmill.label.plans import Words
from rankmill.label.view import View
from rankmill.prompts import as_data
from rankmill.records import Chat, Document, Request
from rankmill.screen import Use
from rankmill.settings import Settings
from rankmill.space import text_of
from rankmill.speeds import Speed, Speeds
from rankmill.teachers import LlamaCpp, Meter, Teacher
from rankmill.teachers.budget import total
from rankmill.teachers.meter import in_money

_SAMPLE = 200
_CHARACTERS_PER_TOKEN = 4.0
_CAPTION = "at most; ?: a speed or a price that is not known yet, -: nobody sends a bill"
_EMBEDDED_PER_CORE = (135.0, 14.0)  # a 1.5B model in 4 bits: prompt and generated tokens a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What one stage asks of its teacher, at most.

    Attributes:
        tokens_in: Prompt tokens, as an endpoint bills them.
        fresh: Those of them that do not repeat the beginning of the prompt before.
        seconds: None where the teacher's speed is not known yet.
        money: None where the teacher's price is not known.
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

    Calls are an upper bound: as if every query passed its rules. Speed, and characters per token,
    are those that earlier builds on this machine measured with the same teacher; before the first
    of them, a token is taken for four characters.

    Raises:
        StageError: The corpus has no document.
    """
    recipe = build.recipe
    documents = _first_documents(build)
    seeds = recipe.sample.documents if recipe.sample else 0
    for how in recipe.generate:
        prompts = {name: build.prompt(name) for name in how.prompts}
        asks = likely(how, prompts, documents, build.base)
        stage = "generate" if len(recipe.generate) == 1 else f"generate {how.kind}"
        calls = seeds * how.per_document * how.calls
        out = ceil(sum(len(ask.likely) for ask in asks) / len(asks) / _CHARACTERS_PER_TOKEN)
        yield _estimate(build, stage, how.teacher, [ask.chat for ask in asks], calls, out)
    if quality := recipe.curate.quality:
        prompt = build.prompt(quality.prompt)
        pairs = zip(documents, reversed(documents), strict=True)
        compared = [quality.request(prompt, pair) for pair in pairs]
        calls = quality.calls(quality.documents)
        yield _estimate(build, "quality", quality.teacher, compared, calls, _out(compared))
    queries = recipe.queries_at_most(build.base)
    for use in recipe.queries.uses:
        requests = list(_screen_requests(build, use, documents))
        calls, stage = queries * use.calls, f"generate {use.name}"
        yield _estimate(build, stage, use.teacher, requests, calls, _out(requests))
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


def _screen_requests(build: Build, use: Use, documents: Sequence[Document]) -> Iterator[Request]:
    """What a screen would ask of the sample, had every document got a query."""
    prompt = build.prompt(use.prompt)
    for document in documents:
        yield use.request(prompt, LIKELY, text_of(document.title, document.text))


def _view_requests(build: Build, view: View, documents: Sequence[Document]) -> Iterator[Request]:
    """What a view would ask, had the sample been retrieved in the order it is read."""
    prompt, depth = build.prompt(view.prompt), build.recipe.retrieve.depth
    shown = {d.docid: as_data(text_of(d.title, d.text), limit=view.excerpt) for d in documents}
    for start in range(0, len(documents), depth):
        docids = [d.docid for d in documents[start : start + depth]]
        for question in next(view.strategy.plan(docids), ()):
            texts = [shown[docid] for docid in question.docids]
            words = Words(query=LIKELY, documents=texts, answer=texts[0])
            yield view.strategy.request(prompt, words)


def _estimate(
    build: Build, stage: str, teacher: str, requests: Sequence[Request], calls: int, out: int
) -> Estimate:
    texts = [_text(request) for request in requests]
    shared = len(commonprefix(texts)) if len(texts) > 1 else 0  # noqa: RUF071 - texts, no paths
    mean = sum(map(len, texts)) / len(texts)
    spec = build.recipe.teachers[teacher]
    speed = Speeds(build.settings.data).of(spec.fingerprint, stage.split()[0])
    per_token = speed.characters_per_token if speed else _CHARACTERS_PER_TOKEN
    tokens_in = ceil(calls * mean / per_token)
    fresh = ceil(calls * (mean - shared) / per_token)
    price = build.teachers.accounts[teacher].price
    asked = Meter(calls=calls, tokens_in=tokens_in, tokens_out=calls * out)
    return Estimate(
        stage=stage,
        teacher=teacher,
        calls=calls,
        tokens_in=tokens_in,
        fresh=fresh,
        tokens_out=calls * out,
        seconds=_seconds(spec, speed, asked, fresh, build.settings.cores),
        money=price.of(asked) if price else None,
    )


def _text(request: Request) -> str:
    if isinstance(request, Chat):
        return "\n".join(f"{message.role}: {message.content}" for message in request.messages)
    return request.prefix + request.text


def _out(requests: Sequence[Request]) -> int:
    """Tokens generated per call: what a chat may use; none for a continuation."""
    return max((r.max_tokens if isinstance(r, Chat) else 0) for r in requests)


def _seconds(
    teacher: Teacher, speed: Speed | None, asked: Meter, fresh: int, cores: int
) -> float | None:
    """From the speed that was measured, or else from what an embedded teacher does per core."""
    if speed:
        return asked.tokens / speed.tokens_per_second
    if isinstance(teacher, LlamaCpp):
        prompt, generation = (speed * cores for speed in _EMBEDDED_PER_CORE)
        return fresh / prompt + asked.tokens_out / generation
    return None


def _grid(rows: Sequence[Estimate]) -> Grid:
    grid = Grid(box=None, padding=(0, 1), caption=_CAPTION)
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
    seconds, money = total([row.seconds for row in rows]), total([row.money for row in rows])
    return (*sums, "?" if seconds is None else f"{seconds / 60:,.1f}", in_money(money))
