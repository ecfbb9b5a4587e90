"""`rankmill review`: a person judges labelled lists, and learns how far the teachers agree."""

import getpass
import secrets
import webbrowser
from datetime import UTC, datetime
from typing import Annotated

import typer

from rankmill.cli_session import Data, out, said, settings_of
from rankmill.errors import ConfigError

reviewing = typer.Typer()


@reviewing.command()
def review(  # noqa: PLR0913 - one parameter for every option
    name: Annotated[str, typer.Argument(metavar="BUILD", help="Name or folder of a build.")],
    lists: Annotated[int, typer.Option(help="Judge so many; 0: all.", min=0)] = 50,
    seed: Annotated[int, typer.Option(help="Draws the lists, and their order.")] = 0,
    qids: Annotated[list[str] | None, typer.Option("--qid", help="Judge this list.")] = None,
    rejected: Annotated[
        bool, typer.Option("--rejected", help="Judge lists that a filter left out.")
    ] = False,
    blind: Annotated[
        bool, typer.Option("--blind", help="Hide order and grades until a list is graded.")
    ] = False,
    reviewer: Annotated[str, typer.Option(help="Who judges; your user name if left out.")] = "",
    port: Annotated[int, typer.Option(help="0: any that is free.", min=0, max=65535)] = 0,
    open_: Annotated[bool, typer.Option("--open", help="Open the browser.")] = False,
    summary: Annotated[bool, typer.Option("--summary", help="Only print the agreement.")] = False,
    data: Data = None,
) -> None:
    """Judge labelled lists in the browser, and learn how far the teachers agree with you."""
    from rankmill import review as page
    from rankmill.finished import Finished

    with said():
        build = Finished.find(settings_of(data), name)
        if not summary:
            wanted = page.Wanted(lists=lists, seed=seed, qids=tuple(qids or ()), rejected=rejected)
            who = reviewer or _user()
            with page.Reviews.open(build.folder) as reviews:
                shown = page.begin(build, wanted, reviews, reviewer=who, blind=blind, now=_now)
                ready = _opened if open_ else _told
                page.serve(shown, port=port, token=secrets.token_urlsafe(24), ready=ready)
        out.print(page.summary(build))


def _now() -> datetime:
    return datetime.now(UTC)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise ConfigError("this machine does not say who you are; --reviewer NAME does") from error


def _told(address: str) -> None:
    out.print(address, markup=False, highlight=False, soft_wrap=True)
    out.print("Only this machine can open it. Ctrl-C ends the review; what is saved stays.")


def _opened(address: str) -> None:
    _told(address)
    webbrowser.open(address)
