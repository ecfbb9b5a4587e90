"""`rankmill models`: which models have a name, and how to have them here before a build."""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from rankmill.errors import RankmillError
from rankmill.models import cached, fetch, find, known
from rankmill.settings import Settings

models = typer.Typer(help="List and fetch model weights.", no_args_is_help=True)


@models.command("list")
def show() -> None:
    """Show every model that has a name, and which are here already."""
    cache = Settings().cache
    table = Table("name", "role", "size", "licence", "here", "what it is", box=None)
    table.columns[0].no_wrap = True
    for model in known():
        size, here = f"{model.size / 1e6:,.0f} MB", cached(model.name, cache)
        table.add_row(
            model.name, model.role, size, model.licence, "yes" if here else "no", model.about
        )
    Console().print(table)


@models.command("fetch")
def fetch_named(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names that `list` shows.")],
) -> None:
    """Download models, unless they are here; what is interrupted goes on the next time."""
    try:
        for name in [find(name).name for name in names]:
            typer.echo(_with_bar(name))
    except RankmillError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        typer.echo("interrupted; the same command goes on from here", err=True)
        raise typer.Exit(130) from error


def _with_bar(name: str) -> str:
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
    console = Console(stderr=True)
    with Progress(*columns, TransferSpeedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(name, total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        path = fetch(name, Settings().cache, say=console.print, progress=advance)
    return f"{name}: {path}"
