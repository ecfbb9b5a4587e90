"""How every command begins and ends: its settings, its errors in one line, its exit code."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from rankmill.corpora.files import spelled
from rankmill.errors import ConfigError, RankmillError, Stopped
from rankmill.settings import Settings

out = Console(soft_wrap=False)
err = Console(stderr=True)
Data = Annotated[Path | None, typer.Option(help="Where tables, replies and builds are kept.")]


def settings_of(data: Path | None, metrics_port: int | None = None) -> Settings:
    """The settings of this machine, with what a command was told.

    Raises:
        ConfigError: A setting is not valid.
    """
    if data and spelled(str(data)) != str(data):
        raise ConfigError(f"--data {data}: expected a path in UTF-8")
    given: dict[str, Any] = {"data": data, "metrics_port": metrics_port}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(
            f"RANKMILL_{str(fault['loc'][0]).upper()}: {fault['msg']}, found {fault['input']!r}"
            for fault in error.errors()
        )
        raise ConfigError(faults) from error


@contextmanager
def said() -> Iterator[None]:
    """Say an error in one line and leave with its exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except RankmillError as error:
        kind = "" if isinstance(error, Stopped) else "error: "
        line = spelled(f"{kind}{error}")
        err.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        err.print("interrupted; the same command goes on from here", style="red")
        raise typer.Exit(130) from error
