"""The command line: `rankmill check | plan | build | show | status | report | …`."""

import os
import sys
from pathlib import Path
from statistics import fmean
from typing import Annotated, Literal

import typer

from rankmill import __version__
from rankmill.cli_mine import mining
from rankmill.cli_models import models
from rankmill.cli_publish import publishing
from rankmill.cli_replies import replies
from rankmill.cli_review import reviewing
from rankmill.cli_session import Data, out, said, settings_of
from rankmill.cli_validate import validate

_EXIT_CODES = (
    "Exit codes: 0 done; 1 a fault of rankmill; 2 a wrong command, recipe, prompt or setting; 3 a "
    "corpus that cannot be read; 4 missing or wrong model weights; 5 a teacher that cannot be "
    "used; 6 a stage that cannot go on; 7 a damaged table; 8 a full or closed disk; 9 a budget "
    "that is spent; 10 a hub that does not take it; 11 a dataset that does not pass the gate; 130 "
    "interrupted. After every one of them the same command goes on where the "
    "build stopped."
)
app = typer.Typer(
    name="rankmill",
    help="Turn a text corpus into training data for search.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(models, name="models")
app.add_typer(replies, name="replies")
app.add_typer(publishing)
app.add_typer(reviewing)
app.add_typer(mining)
app.command()(validate)

RecipeFile = Annotated[Path, typer.Argument(help="A recipe: a TOML file.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one value of the recipe."),
]
Stage = Literal["ingest", "embed", "cluster", "sample", "generate", "retrieve", "label", "settle"]
BuildName = Annotated[str, typer.Argument(metavar="BUILD", help="Name or folder of a build.")]


def _version(asked: bool) -> None:
    if asked:
        out.print(f"rankmill {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _whole(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which this is.")
    ] = False,
) -> None:
    del version


@app.command()
def check(recipe: RecipeFile, overrides: Overrides = None, data: Data = None) -> None:
    """Is the recipe valid, are its prompts there, do its teachers return what it needs?"""
    from rankmill.check import check as run

    with said():
        for line in run(recipe, overrides=overrides or (), settings=settings_of(data)):
            out.print(line, markup=False, highlight=False)


@app.command()
def plan(recipe: RecipeFile, overrides: Overrides = None, data: Data = None) -> None:
    """What would a build cost: calls, tokens, minutes and money, before a token is spent."""
    from rankmill.plan import plan as run

    with said():
        out.print(run(recipe, overrides=overrides or (), settings=settings_of(data)))


@app.command()
def build(
    recipe: RecipeFile,
    overrides: Overrides = None,
    data: Data = None,
    until: Annotated[
        Stage | None,
        typer.Option(help="Stop after this stage; the same command without it goes on."),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Run without Prefect.")] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option(help="Port of this machine where Prometheus finds the build's figures."),
    ] = None,
) -> None:
    """Make the dataset: everything that is not there yet, and nothing twice."""
    from rankmill.terminal import Live

    with said(), Live(out)() as live:
        settings = settings_of(data, metrics_port)
        if plain:
            from rankmill.line import build as run
        else:
            from rankmill.flows.generate import build as run
        folder = run(
            recipe, overrides=overrides or (), settings=settings, progress=live, until=until or ""
        )
    tail = "" if until else f'\nload_dataset("{folder}", split="train")'
    out.print(f"\n{folder}{tail}", markup=False)


@app.command()
def report(name: BuildName, data: Data = None) -> None:
    """Write a build's report.html: agreement, position bias, what became of everything."""
    from rankmill.finished import Finished
    from rankmill.page import report as write

    with said():
        out.print(str(write(Finished.find(settings_of(data), name))), markup=False, highlight=False)


@app.command("bench-teacher")
def bench_teacher(  # noqa: PLR0913 - one parameter for every option
    collection: Annotated[Path, typer.Argument(help="A test collection in BEIR's layout.")],
    recipe: Annotated[Path, typer.Option(help="Its teachers, views and settle are tried.")],
    split: Annotated[str, typer.Option(help="Which qrels.")] = "test",
    candidates: Annotated[str, typer.Option(help="bm25, judged, or a TREC run.")] = "bm25",
    depth: Annotated[int, typer.Option(help="Candidates per query.", min=2)] = 20,
    queries: Annotated[int, typer.Option(help="Take so many; 0: all.", min=0)] = 0,
    views: Annotated[str, typer.Option(help="Names, with commas; all if left out.")] = "",
    overrides: Overrides = None,
    data: Data = None,
) -> None:
    """Which view, with this teacher, for this money? Every view against human judgments."""
    from rankmill.bench_teacher import run
    from rankmill.evaluate.collection import Wanted
    from rankmill.terminal import Live

    chosen = tuple(name.strip() for name in views.split(",") if name.strip())
    wanted = Wanted(split, candidates, depth, queries)
    with said(), Live(out)() as live:
        watched = (settings_of(data), live)
        found = run(
            recipe, collection, wanted, overrides=overrides or (), views=chosen, watched=watched
        )
    out.print(found.table)
    out.print(f"{found.file} and .svg", markup=False, highlight=False)


@app.command()
def diversity(
    names: Annotated[list[str], typer.Argument(metavar="BUILD...", help="Names or folders.")],
    data: Data = None,
) -> None:
    """How diverse are the seeds and queries of builds, beside each other and random seeds?"""
    from rankmill.evaluate.diversity import Diversity, beside
    from rankmill.finished import Finished

    with said():
        builds = [Finished.find(settings_of(data), name) for name in names]
        found = {build.folder.name: Diversity.of(build) for build in builds}
    out.print(beside(found))


@app.command()
def score(
    name: BuildName,
    student: Annotated[str, typer.Option(help="A folder, or a model's name.")],
    into: Annotated[Path, typer.Option(help="A CSV file; made anew.")] = Path("scores.csv"),
    query_prefix: Annotated[str, typer.Option(help="Stands before every query.")] = "",
    document_prefix: Annotated[str, typer.Option(help="Stands before every document.")] = "",
    data: Data = None,
) -> None:
    """Order a build's labelled lists with a model you trained: nDCG@10, list by list."""
    from rankmill.disk import storage
    from rankmill.evaluate.student import scores
    from rankmill.finished import Finished
    from rankmill.space import SentenceTransformer

    with said():
        settings = settings_of(data)
        build = Finished.find(settings, name)
        prefixes = {"query_prefix": query_prefix, "document_prefix": document_prefix}
        with SentenceTransformer(model=student, **prefixes).open(settings, out.print) as encoder:
            found = scores(build, encoder)
        with storage(into):
            found.write_csv(into)
    mean = fmean(found["student"]) if len(found) else 0.0
    line = f"{into}: {len(found):,} lists, mean nDCG@10 {mean:.4f}"
    out.print(line, markup=False, highlight=False, soft_wrap=True)


@app.command()
def show(
    name: BuildName,
    qid: Annotated[str | None, typer.Argument(help="One list; without it, all in short.")] = None,
    first: Annotated[int, typer.Option(help="Show the first N kept lists.", min=0)] = 0,
    data: Data = None,
) -> None:
    """Print labelled lists as a person can judge them."""
    from rankmill.finished import Finished
    from rankmill.show import Lists, overview

    with said():
        lists = Lists.of(Finished.find(settings_of(data), name))
        chosen = [qid] if qid else lists.kept()[:first]
        for one in chosen:
            out.print(lists.render(one), "")
        if not chosen:
            out.print(overview(lists))


@app.command()
def status(name: BuildName, data: Data = None) -> None:
    """Print how far a build is: rows read, written, and rejected by rule, for every stage."""
    from rankmill.finished import Finished
    from rankmill.show import funnel

    with said():
        out.print(funnel(Finished.find(settings_of(data), name)))


def main() -> None:
    """Run the command line."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if sys.platform == "linux":  # of what threads give back, Arrow's usual allocator keeps more
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    sys.exit(app())
