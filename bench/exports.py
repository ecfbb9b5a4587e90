"""How fast labelled lists become files, and how much memory that takes.

    python bench/exports.py [LISTS]

Made-up lists of 16 documents (80 MB of text in 20,000 lists) go through the writer that builds use:
once as JSON Lines, once as Parquet, once as every export there is. `datasets` and pandas write the
same rows beside it. Each has a process of its own, so that peaks of memory are its own; MB/s are
bytes of what files hold (Parquet before compression), once by the wall clock and once by the time
of the processor, which says more where others are at work: the load of the machine is said too.
Beside it stands how fast the machine takes the very bytes of these files from memory, one file
after the other: nothing that writes them can be much faster. What has to be imported is imported
before.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from rankmill.corpora.writer import TableWriter
from rankmill.export import AssemblyInput, Exported, Ids, Labelled, Policy, kinds, write
from rankmill.export.flagembedding import FlagEmbedding
from rankmill.export.listwise import Listwise
from rankmill.tables import (
    CANDIDATES,
    CLUSTERS,
    DOCUMENTS,
    JUDGMENTS,
    LABELS,
    LISTS,
    QUERIES,
    REJECTIONS,
    Table,
)

DEPTH, WORDS = 16, 40
GRADES = [3, 2, 2, 1, 1, 1] + [0] * 10
LIMIT_MB, LIMIT_MIB = 300, 500
POLICY = Policy(positive_grade=2, negative_grade=0, negatives=4)


def main() -> None:
    lists = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    load, _, _ = os.getloadavg()
    print(f"{lists:,} lists x {DEPTH}; {os.cpu_count()} cores, load {load:.1f} at the start")
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name), lists)
        quiet = os.environ | {
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
            "ARROW_DEFAULT_MEMORY_POOL": "jemalloc",  # as the command has it
        }
        for case in CASES:
            command = [sys.executable, __file__, case, name]
            subprocess.run(command, check=True, timeout=600, env=quiet)
    load, _, _ = os.getloadavg()
    print(f"aims: {LIMIT_MB} MB/s, under {LIMIT_MIB} MiB; load {load:.1f} at the end")


def prepare(folder: Path, lists: int) -> None:
    """The tables of a build, as files."""
    rows = lists * DEPTH
    number = pl.int_range(rows, eager=True)
    docids, qids = _ids("d", number), _ids("q", number // DEPTH)
    rank = number % DEPTH + 1
    documents = pl.DataFrame({"docid": docids, "title": _texts(rows, 3), "text": _texts(rows)})
    pairs = pl.DataFrame({"qid": qids, "docid": docids, "rank": rank.cast(pl.Int32)})
    asked = pairs.unique("qid", maintain_order=True)
    grades = pl.Series(GRADES * lists, dtype=pl.Int32)
    with TableWriter(DOCUMENTS, folder) as writer:
        for row in _whole(DOCUMENTS, documents).iter_rows():
            writer.write(*row)
    _keep(folder, CLUSTERS, documents.select("docid", split=pl.lit("train")))
    _keep(
        folder,
        QUERIES,
        asked.select("qid", text=_texts(lists, 6), source_docid="docid", split=pl.lit("train")),
    )
    _keep(folder, CANDIDATES, pairs.with_columns(origin=pl.lit("bm25"), score=1 / pairs["rank"]))
    score = (1 / pairs["rank"]).cast(pl.Float64)
    labels = pairs.with_columns(grade=grades, score=score, score_kind=pl.lit("mean_score"))
    _keep(folder, LABELS, labels)
    _keep(folder, LISTS, asked.select("qid", kept=True, weight=1.0))
    ranked = pairs.group_by("qid", maintain_order=True).agg(shown="docid", ranked="docid")
    read = ranked.with_columns(view=pl.lit("listwise"), question=pl.lit("rank"))
    _keep(folder, JUDGMENTS, read.with_columns(status=pl.lit("valid")))
    _keep(folder, REJECTIONS, REJECTIONS.empty())


def _keep(folder: Path, table: Table, frame: pl.DataFrame) -> None:
    """Write a table."""
    _whole(table, frame).write_parquet(folder / f"{table.name}.parquet")


def _whole(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """A table in which the columns that the bench does not care for are empty or zero."""
    blank = {pl.String: "", pl.Boolean: False}
    columns = [
        pl.col(name).cast(kind)
        if name in frame.columns
        else pl.lit(None if name in table.nullable else blank.get(kind, 0), kind).alias(name)
        for name, kind in table.columns.items()
    ]
    return table.check(frame.select(columns))


def _ids(letter: str, numbers: pl.Series) -> pl.Series:
    return letter + numbers.cast(pl.String).str.zfill(9)


def _texts(count: int, words: int = WORDS) -> pl.Series:
    """Texts of made-up words, about 6 bytes each with their space, as often as words are."""
    chance = random.Random(17)
    letters = "etaoinshrdlucmfwypvbgk"
    known = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(20_000)]
    weights = [1 / (place + 10) for place in range(len(known))]
    said = chance.choices(known, weights, k=count * words)
    return pl.Series([" ".join(said[n : n + words]) for n in range(0, count * words, words)])


def ours(name: str, *exports: Exported) -> Callable[[Path], None]:
    """Time the writer with some exports."""

    def run(folder: Path) -> None:
        read = {
            table.name: pl.read_parquet(folder / f"{table.name}.parquet")
            for table in (CLUSTERS, QUERIES, CANDIDATES, JUDGMENTS, LABELS, LISTS, REJECTIONS)
        }
        tables = AssemblyInput(documents=folder / "documents.parquet", **read)
        tables.check()
        out = folder / name.replace(" ", "_")
        import scipy.special  # noqa: F401 - imported by what is timed
        from pyarrow import parquet  # noqa: F401

        report(name, lambda: write(exports, Labelled(tables, POLICY), out), out)

    return run


def datasets_to_json(folder: Path) -> None:
    """`datasets` from a Parquet file of the same rows."""
    from datasets import Dataset

    rows = Dataset.from_parquet(str(_same(folder)), cache_dir=str(folder / "cache"))
    out = folder / "datasets.jsonl"
    report("datasets to_json", lambda: rows.to_json(out), out)


def pandas_to_json(folder: Path) -> None:
    """pandas, JSON Lines."""
    import pandas as pd

    rows, out = pd.read_parquet(_same(folder)), folder / "pandas.jsonl"
    lines = {"orient": "records", "lines": True, "force_ascii": False}
    report("pandas to_json", lambda: rows.to_json(out, **lines), out)


def pandas_to_parquet(folder: Path) -> None:
    """pandas, Parquet with zstd."""
    import pandas as pd

    rows = pd.read_parquet(folder / "listwise" / "listwise" / "train.parquet")
    out = folder / "pandas.parquet"
    report("pandas to_parquet", lambda: rows.to_parquet(out, compression="zstd"), out)


def _same(folder: Path) -> Path:
    """What `flagembedding` has written, as Parquet."""
    path = folder / "same.parquet"
    if not path.exists():
        pl.read_ndjson(folder / "flagembedding" / "flagembedding" / "train.jsonl").write_parquet(
            path
        )
    return path


def report(name: str, job: Callable[[], object], out: Path) -> None:
    """Do a job, and print how fast it was and the most memory that this process ever held."""
    before = peak()
    began, spent = time.perf_counter(), time.process_time()
    job()
    took, cpu = time.perf_counter() - began, time.process_time() - spent
    after = peak()
    files = [out] if out.is_file() else [path for path in out.rglob("*") if path.is_file()]
    size = sum(map(content, files)) / 1e6
    print(
        f"{name:20} {size:6.0f} MB in {took:6.2f} s: {size / took:4.0f} MB/s; {cpu:6.2f} s of CPU: "
        f"{size / cpu:4.0f} MB/s; peak {after:5.0f} MiB ({before:.0f} before); "
        f"bare {bare(files):4.0f} MB/s",
        flush=True,
    )


def bare(files: list[Path]) -> float:
    """MB/s at which the bytes of files are written once more."""
    took = 0.0
    for path in files:
        data, again = path.read_bytes(), path.with_name(".again")
        began = time.perf_counter()
        again.write_bytes(data)
        took += time.perf_counter() - began
        again.unlink()
    return sum(path.stat().st_size for path in files) / 1e6 / took


def content(path: Path) -> int:
    """Bytes that a file holds."""
    from pyarrow.parquet import read_metadata

    if path.suffix != ".parquet":
        return path.stat().st_size
    facts = read_metadata(path)
    return sum(facts.row_group(n).total_byte_size for n in range(facts.num_row_groups))


def peak() -> float:
    """MiB: the most that this process held; unlike `ru_maxrss` not what the one before it did."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 2**10


def every(suffix: str) -> list[Exported]:
    """Every export that has files of one kind, and no others."""
    made = [kind() for kind in kinds()]
    return [one for one in made if all(file.path.endswith(suffix) for file in one.files())]


CASES = {
    "jsonl": ours("flagembedding", FlagEmbedding(scores=True)),
    "datasets_json": datasets_to_json,
    "pandas_json": pandas_to_json,
    "parquet": ours("listwise", Listwise()),
    "pandas_parquet": pandas_to_parquet,
    "every_jsonl": ours("every JSON Lines", *every(".jsonl")),
    "every_parquet": ours("every Parquet", *every(".parquet")),
    "all": ours("every export", *(kind() for kind in kinds()), Ids()),
}


if __name__ == "__main__":
    if len(sys.argv) > 2:
        CASES[sys.argv[1]](Path(sys.argv[2]))
    else:
        main()
