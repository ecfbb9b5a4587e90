"""`rankmill validate`: does every file open where it is to be used?"""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from rankmill.cli_session import out, said
from rankmill.errors import TableError


def validate(
    place: Annotated[
        Path, typer.Argument(metavar="FOLDER|FILE", help="A dataset folder, or one file of it.")
    ],
    kind: Annotated[
        str,
        typer.Option("--as", metavar="KIND", help="What a single file is: an export's kind."),
    ] = "",
) -> None:
    """Open every file of a dataset as its consumers do; ends with 7 if one is damaged."""
    from rankmill.validate import validate as folder
    from rankmill.validate import validate_file

    with said():
        found = validate_file(place, kind) if kind else folder(place)
        table = Table(box=None)
        table.add_column("file", overflow="fold")
        table.add_column("rows", justify="right")
        table.add_column("checked by")
        table.add_column("faults", justify="right")
        for one in found:
            faulty = f"{one.count:,}" if one.count else "-"
            table.add_row(Text(one.file), f"{one.rows:,}", Text(", ".join(one.by)), faulty)
        out.print(table)
        for one in found:
            for finding in one.findings:
                out.print(Text(f"{one.file}: {finding}"), soft_wrap=True)
            if one.more:
                out.print(Text(f"{one.file}: and {one.more:,} more"))
        if faults := sum(one.count for one in found):
            damaged = sum(bool(one.count) for one in found)
            raise TableError(f"{place}: {faults:,} faults in {damaged:,} of {len(found):,} files")
