"""From files to files: a collection is read, embedded, mined and written down."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError
from rich.table import Table as Grid

from rankmill.errors import ConfigError, StageError
from rankmill.generate.given import Given
from rankmill.mine.collection import Collection, prepare
from rankmill.mine.folder import check_folder, fill, is_used
from rankmill.mine.mine import mine
from rankmill.mine.mined import Mined
from rankmill.mine.shapes import exports_of, write_shapes
from rankmill.mine.spec import Mining
from rankmill.overrides import set_value
from rankmill.progress import Progress
from rankmill.recipe_faults import explain, faults
from rankmill.settings import Settings
from rankmill.space import Embedder, SentenceTransformer
from rankmill.spec import Machine, Spec
from rankmill.tables import REJECTIONS


class Mine(Spec):
    """All that is asked for, the places of files but for those of the exports.

    Attributes:
        embed: Whose neighbours the negatives are.
    """

    corpus: Path = Machine(...)
    queries: Given
    embed: Embedder = SentenceTransformer()
    mining: Mining = Mining()


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where things are, and where they go.

    Attributes:
        corpus: See `prepare`.
        queries: A file, or a folder in BEIR's layout.
        qrels: A file; without one, the queries name their answers themselves.
        min_grade: The least grade of a positive.
        into: A folder, made if it is not there.
        exports: Kinds of exports to write there too.
    """

    corpus: Path
    queries: Path
    qrels: Path | None
    min_grade: int
    into: Path
    exports: tuple[str, ...] = ()


def run(files: Files, overrides: Sequence[str], settings: Settings, progress: Progress) -> Grid:
    """Mine files, and write `negatives.parquet`, `rejections.parquet`, `report.json` and exports.

    Returns:
        What became of everything, for people.

    Raises:
        ConfigError: A setting is not valid, or a file is where the folder is to be.
        CorpusError: A file is missing, or a line of it is wrong.
        StageError: Exports are asked for, and no list has a negative; nothing is written then.
    """
    check_folder(files.into)
    asked = _asked(files, overrides)
    exports = exports_of(files.exports, asked.mining)
    prepared = prepare(
        Collection(corpus=asked.corpus, queries=asked.queries, embed=asked.embed),
        settings,
        say=progress.say,
        advance=partial(progress.advance, "embed"),
    )
    points = prepared.queries, prepared.documents
    mined = mine(asked.mining, *points, prepared.positives, excluded=prepared.excluded)
    if exports and mined.negatives.is_empty():
        raise StageError(f"mine: no list has a negative to export: {_became(mined)}")
    before = prepared.made.read(REJECTIONS)
    rejections = _rejections(mined, before)

    def write(folder: Path) -> None:
        mined.negatives.write_parquet(folder / "negatives.parquet")
        rejections.write_parquet(folder / "rejections.parquet")
        if exports:
            write_shapes(exports, asked.mining, prepared, mined, folder)

    if is_used(files.into):
        progress.say(f"{files.into}: what was mined into it before is replaced")
    said = {"depth": asked.mining.depth, "counts": asdict(mined.counts)}
    rejected = dict(rejections.group_by("rule").len().sort("rule").iter_rows())
    fill(files.into, write, asked.identity() | said | {"rejected": rejected})
    queries = len(prepared.queries.ids) + len(before.filter(rule="no_positive"))
    return _grid(asked.mining.depth, queries, mined, rejected)


def _became(mined: Mined) -> str:
    """What became of the documents that were looked at."""
    counts = mined.counts
    removed = [f"{rule} removed {number:,}" for rule, number in counts.removed.items()]
    return ", ".join([f"{counts.considered:,} documents looked at", *removed])


def _asked(files: Files, overrides: Sequence[str]) -> Mine:
    """What was asked for, checked. Settings are those of `Mining`, and of an embedder `embed`."""
    if files.queries.is_file() and files.queries.resolve() == files.corpus.resolve():
        raise ConfigError(f"{files.queries}: expected queries, found the corpus; name --queries")
    mining: dict[str, Any] = {}
    for override in overrides:
        set_value(mining, override)
    embed = mining.pop("embed", {})
    values: dict[str, Any] = {
        "corpus": files.corpus,
        "queries": {"path": files.queries, "qrels": files.qrels, "min_grade": files.min_grade},
        "embed": {"kind": "sentence_transformers", **embed},
        "mining": mining,
    }
    try:
        return Mine.model_validate(values)
    except ValidationError as error:
        said = "; ".join(explain(Mine, fault, values) for fault in faults(error))
        raise ConfigError(said.replace("mining.", "").removeprefix("mining: ")) from error


def _rejections(mined: Mined, before: pl.DataFrame) -> pl.DataFrame:
    rows = [("mine", one.id, one.rule, one.detail) for one in mined.rejections]
    return pl.concat([before, pl.DataFrame(rows, schema=REJECTIONS.columns, orient="row")])


def _grid(depth: int, queries: int, mined: Mined, rejected: Mapping[str, int]) -> Grid:
    """Counts, and how near positives and negatives are."""
    counts, negatives = mined.counts, mined.negatives
    grid = Grid(box=None, padding=(0, 1), show_header=False)
    grid.add_column("what")
    grid.add_column("how many", justify="right")
    lines = {
        "lists": counts.lists,
        "nearest documents looked at in each": depth,
        "documents looked at": counts.considered,
        **{f"  removed: {rule}": number for rule, number in counts.removed.items()},
        "negatives": counts.kept,
        "random ones": counts.random,
        "lists with too few": counts.short,
        "negatives they lack": counts.missing,
        "queries left out": queries - negatives["qid"].n_unique(),
        **{f"rejected: {rule}": number for rule, number in rejected.items()},
    }
    for name, number in lines.items():
        grid.add_row(name, f"{number:,}")
    scores = {"a positive": mined.positives["score"], "a negative": negatives["score"]}
    for name, values in scores.items():
        if len(values):
            grid.add_row(f"mean score of {name}", f"{values.to_numpy().mean():.4f}")
    return grid
