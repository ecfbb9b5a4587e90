"""`rankmill mine`: hard negatives for queries whose answers are known."""

from pathlib import Path
from typing import Annotated

import typer

from rankmill.cli_session import Data, out, said, settings_of

mining = typer.Typer()
_SETTINGS = (
    "Settings of --set: negatives=8, rank_min=10, rank_max=100, percentage=0.95, "
    "relative_margin=0.05, absolute_margin=0.1, max_score=0.8, min_score=0.2, "
    "positive=min|max|own, sampling.kind=top|random|score|stride, short=fewer|drop|random, "
    "counted=before|after, seed=1, embed.model=NAME|FOLDER, "
    "embed.kind=sentence_transformers|openai, and whatever else the table embed of a recipe knows."
)


@mining.command(epilog=_SETTINGS)
def mine(  # noqa: PLR0913 - one parameter for every option
    corpus: Annotated[
        Path, typer.Argument(help="A folder in BEIR's layout; or .jsonl, .parquet or .tsv.")
    ],
    into: Annotated[Path, typer.Argument(help="A folder for the negatives; made if not there.")],
    queries: Annotated[
        Path | None, typer.Option(help=".jsonl or .tsv; those of the corpus's folder if left out.")
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(help="query-id, corpus-id and score between tabs.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Of the folder's qrels; usually train.")] = None,
    min_grade: Annotated[int, typer.Option(help="The least of a positive.", min=1)] = 1,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting.")
    ] = None,
    export: Annotated[
        list[str] | None,
        typer.Option(help="Also as triplets, ntuples, scored_ntuples, labelled_pairs, listwise..."),
    ] = None,
    data: Data = None,
) -> None:
    """Find documents near a query that are none of its answers, by ids."""
    from rankmill.mine.qrels import qrels_of
    from rankmill.mine.run import Files, run
    from rankmill.terminal import Live

    with said(), Live(out)() as live:
        files = Files(
            corpus=corpus,
            queries=queries or corpus,
            qrels=qrels or qrels_of(corpus, queries or corpus, split),
            min_grade=min_grade,
            into=into,
            exports=tuple(export or ()),
        )
        table = run(files, overrides or (), settings_of(data), live)
    out.print(table)
    out.print(str(into), markup=False, highlight=False)
