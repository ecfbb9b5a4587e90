"""What it takes to settle many lists, and to keep many plans in flight.

    python bench/settle.py [LISTS]

Lists of 20 documents with 5 trials become labels under Plackett-Luce with standard errors; tau-b,
W, rank-biased overlap and the overlap of the tops are measured; Borda is timed beside it. Then
10,000 sliding-window plans are driven at once against a teacher that answers at once.
"""

import asyncio
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from rankmill.aggregate import Borda, PlackettLuce
from rankmill.filters import SelfConsistency
from rankmill.label import View
from rankmill.label.label import ASK_AGAIN, Prompts, label
from rankmill.label.listwise import Listwise
from rankmill.label.windows import SlidingWindow
from rankmill.prompts import find
from rankmill.records import Query, Reply
from rankmill.settle import Settle, settle
from rankmill.tables import CANDIDATES, JUDGMENTS, QUERIES
from rankmill.teachers.engine import Answer

DEPTH, TRIALS, PLANS, CHUNK = 20, 5, 10_000, 5_000
LIMIT_SECONDS, LIMIT_GIB = 60, 2
VIEW = View(
    name="listwise", strategy=Listwise(), teacher="t", prompt="labels/listwise", trials=TRIALS
)


def main() -> None:
    lists = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "judgments.parquet"
        queries, candidates = write(path, lists)
        for rule in (Borda(), PlackettLuce()):
            spec = Settle(rule=rule, filters=(SelfConsistency(view="listwise", tau=0.0),))
            began, spent = time.perf_counter(), time.process_time()
            labels, _, _ = settle(spec, [VIEW], queries, candidates, pl.scan_parquet(path))
            took, cpu = time.perf_counter() - began, time.process_time() - spent
            print(
                f"{rule.kind:14} {lists:,} lists x {DEPTH} x {TRIALS}: {took:.1f} s, "
                f"{cpu:.1f} s of CPU, peak {peak():.2f} GiB, {len(labels):,} labels"
            )
    print(f"limits: {LIMIT_SECONDS} s on 2 cores, {LIMIT_GIB} GiB")
    in_flight()


def write(path: Path, lists: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Permutations of noisy agreement, in the form and order in which label leaves them."""
    from pyarrow import parquet

    chance = random.Random(1)
    docids = [f"d{number}" for number in range(DEPTH)]
    schema = pl.DataFrame(schema=JUDGMENTS.columns).to_arrow(compat_level=pl.CompatLevel.oldest())
    with parquet.ParquetWriter(path, schema.schema, compression="zstd") as writer:
        for start in range(0, lists, CHUNK):
            rows = [
                row(f"q{n:07}", t, docids, chance)
                for n in range(start, start + CHUNK)
                for t in range(TRIALS)
            ]
            frame = pl.DataFrame(rows, schema=JUDGMENTS.columns, orient="row")
            writer.write_table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
    qids = pl.Series("qid", [f"q{number:07}" for number in range(lists)])
    words = {name: pl.lit("") for name in ("text", "kind", "split", "prompt", "teacher", "request")}
    queries = qids.to_frame().with_columns(
        source_docid=pl.lit("d0"), cluster=pl.lit(0, pl.Int32), **words
    )
    listed = qids.to_frame().join(
        pl.DataFrame({"docid": docids, "rank": range(1, DEPTH + 1)}), how="cross"
    )
    return queries.select(list(QUERIES.columns)), listed.select(
        "qid", "docid", pl.col("rank").cast(CANDIDATES.columns["rank"])
    )


def row(qid: str, trial: int, docids: list[str], chance: random.Random) -> tuple:
    strengths = {docid: -place + 4 * chance.gauss(0, 1) for place, docid in enumerate(docids)}
    ranked = sorted(docids, key=lambda docid: -strengths[docid])
    said = (None, None, None, "valid", "", "p", "t", "r")
    return (qid, "listwise", trial, 0, "rank", docids, ranked, *said)


def in_flight() -> None:
    """Drive every plan at once; the teacher's answer costs nothing."""
    view = View(
        name="windows",
        strategy=SlidingWindow(size=10, stride=5),
        teacher="t",
        prompt="labels/listwise",
    )
    docids = [f"d{number}" for number in range(DEPTH)]
    lists = [(Query(qid=f"q{number}", text="a query"), docids) for number in range(PLANS)]
    reply = Reply(text=" > ".join(f"[{place}]" for place in range(1, 11)))
    waiting = most = 0

    async def send(request: object, trial: int) -> Answer:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await asyncio.sleep(0)
        waiting -= 1
        return Answer(key="k", reply=reply)

    prompts = Prompts(ask=find("labels/listwise"), again=find(ASK_AGAIN))
    began = time.perf_counter()
    rows = asyncio.run(label(view, prompts, lists, dict.fromkeys(docids, "a text"), send))
    took = time.perf_counter() - began
    print(
        f"driver: {PLANS:,} plans, at most {most:,} questions waiting at once, {len(rows):,} "
        f"questions in {took:.1f} s ({took / len(rows) * 1e3:.2f} ms each), peak {peak():.2f} GiB"
    )


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
