"""`rankmill replies`: what teachers have answered, to be looked at, taken out and tidied up."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from rankmill.cli_session import Data, err, out, said, settings_of
from rankmill.disk import storage
from rankmill.errors import ConfigError

replies = typer.Typer(
    help="Look at what teachers have answered, take it out, and tidy it up.", no_args_is_help=True
)
Key = Annotated[
    str,
    typer.Argument(help="The reply's key, as judgments have it in `request`, or how it begins."),
]
_STEP = 1 << 22


def _folder(data: Path | None) -> Path:
    folder = settings_of(data).data / "replies"
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; --data says where a build keeps its replies")
    return folder


@replies.command()
def stats(data: Data = None) -> None:
    """Count replies and tokens, teacher by teacher, and the files they are in."""
    from rankmill.exchanges import summary
    from rankmill.teachers.store import ReplyStore
    from rankmill.teachers.store.survey import survey

    with said():
        with ReplyStore(_folder(data)) as store:
            size = sum(store.journals.values())
            with _bar("reading", size) as seen:
                found = survey(store, seen=seen)
            files = len(store.journals)
        out.print(summary(found, files, size))


@replies.command()
def show(key: Key, data: Data = None) -> None:
    """Print one exchange: what the teacher was asked, what it said, and how sure it was."""
    from rankmill.exchanges import exchange, only
    from rankmill.teachers.store import ReplyStore

    with said(), ReplyStore(_folder(data)) as store:
        out.print(exchange(only(store, key)))


@replies.command()
def export(
    teacher: Annotated[
        str, typer.Option(metavar="KIND/MODEL", help="Only its replies; `stats` names them.")
    ] = "",
    to: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.jsonl", help="Where to; left out, standard output."),
    ] = None,
    data: Data = None,
) -> None:
    """Write replies as JSON Lines, each with its key, teacher, request, trial and reply.

    They are streamed, one for every request, the oldest first. A file gets its name when it is
    whole.
    """
    from rankmill.teachers.store import ReplyStore
    from rankmill.teachers.store.draft import draft
    from rankmill.teachers.store.survey import taken

    with said(), ExitStack() as open_:
        store = open_.enter_context(ReplyStore(_folder(data)))
        if to is None:
            sys.stdout.buffer.writelines(taken(store, teacher, seen=lambda _: None))
            return
        seen = open_.enter_context(_bar("writing", sum(store.journals.values())))
        with storage(to), draft(to) as file:
            count = 0
            for count, line in enumerate(taken(store, teacher, seen=seen), 1):  # noqa: B007
                file.write(line)
        err.print(f"{to}: {count:,} replies", markup=False, highlight=False, soft_wrap=True)


@replies.command()
def compact(data: Data = None) -> None:
    """Make one file of many, and drop replies to requests that an older one answers.

    Builds may go on: files that they write are left alone. Where several machines share the
    folder, have none of the others build meanwhile, unless its locks hold between machines.
    """
    from rankmill.teachers.store import compact as merge
    from rankmill.teachers.store.journal import journals

    with said():
        folder = _folder(data)
        with _bar("merging", sum(path.stat().st_size for path in journals(folder))) as seen:
            done = merge(folder, seen=seen)
        left = f", {done.living} of them being written" if done.living else ""
        out.print(
            f"{folder}: {done.before:,} files before, {done.after:,} now{left}; "
            f"{done.dropped:,} replies dropped",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


@contextmanager
def _bar(doing: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show how much of so many bytes was read; what is yielded is told of every few."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(doing, total=size)
        waiting = 0

        def seen(more: int) -> None:
            nonlocal waiting
            waiting += more
            if waiting >= _STEP:
                bar.advance(task, waiting)
                waiting = 0

        yield seen
