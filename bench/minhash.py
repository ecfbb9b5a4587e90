"""How fast near duplicates are found, in how much memory, and how many of them.

    python bench/minhash.py [DOCUMENTS]

Made-up passages of 40 words; every fifth repeats an earlier one with one to twelve words changed.
Three runs, each in a process of its own so that peaks of memory are its own: ours over all
documents; ours and datasketch (`pip install datasketch`; left out where it is not) over the first
10,000, with the same runs of words, permutations and limit; and both against the exact Jaccard
similarity of every pair among the first 3,000. The bar: 1,000,000 documents in at most 5 minutes
and 6 GiB on two cores.
"""

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from rankmill.curate import NearDuplicates
from rankmill.records import Document, Rejection

WORDS, EVERY, PEER, EXACT = 40, 5, 10_000, 3_000
CHANGES = (1, 1, 1, 2, 3, 12)  # of 40 words: one leaves 35 of 41 runs, two at best 34 of 42
LIMIT_SECONDS, LIMIT_GIB = 300, 6
SPEC = NearDuplicates()


def documents(number: int) -> Iterator[Document]:
    """Passages; the source of each is its number."""
    draw = random.Random(0)
    vocabulary = [f"{draw.getrandbits(24):x}" for _ in range(20_000)]
    recent: list[list[str]] = []
    for place in range(number):
        if recent and place % EVERY == 0:
            words = list(draw.choice(recent))
            for _ in range(draw.choice(CHANGES)):
                words[draw.randrange(WORDS)] = draw.choice(vocabulary)
        else:
            words = draw.choices(vocabulary, k=WORDS)
        recent = [*recent[-999:], words] if place % 97 == 0 or not recent else recent
        yield Document(docid=f"d{place}", text=" ".join(words), source=str(place))


def runs(text: str) -> set[str]:
    words = text.split()
    return {" ".join(words[i : i + SPEC.shingle]) for i in range(len(words) - SPEC.shingle + 1)}


def ours(made: Iterable[Document]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        outcomes = SPEC.pick(made, Path(folder))
        return [one.id for one in outcomes if isinstance(one, Rejection)]


def datasketch(made: Iterable[Document]) -> list[str]:
    """The same policy with the peer: what is like an earlier one that stays, falls."""
    from datasketch import MinHash, MinHashLSH

    known: dict[str, MinHash] = {}
    lsh = MinHashLSH(threshold=SPEC.similarity, num_perm=SPEC.permutations)
    fallen = []
    for document in made:
        signature = MinHash(num_perm=SPEC.permutations)
        signature.update_batch([run.encode() for run in runs(document.text)])
        near = lsh.query(signature)
        if any(signature.jaccard(known[key]) >= SPEC.similarity for key in near):
            fallen.append(document.docid)
        else:
            lsh.insert(document.docid, signature)
            known[document.docid] = signature
    return fallen


def exact(made: Iterable[Document]) -> list[str]:
    """Every pair compared, run by run."""
    stay: list[set[str]] = []
    fallen = []
    for document in made:
        mine = runs(document.text)
        if any(len(mine & one) / len(mine | one) >= SPEC.similarity for one in stay):
            fallen.append(document.docid)
        else:
            stay.append(mine)
    return fallen


CASES = {"ours": ours, "datasketch": datasketch, "exact": exact}


def measured(case: str, number: int) -> dict:
    """What a case says of itself, from a process of its own."""
    command = [sys.executable, __file__, case, str(number)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=1800, text=True)
    return json.loads(done.stdout)


class Timed:
    """Hands on what an iterator gives, and knows how long that took."""

    def __init__(self, found: Iterator[Document]) -> None:
        self.found, self.seconds, self.processor = found, 0.0, 0.0

    def __iter__(self) -> Iterator[Document]:
        while True:
            begun, processor = time.perf_counter(), time.process_time()
            one = next(self.found, None)
            self.seconds += time.perf_counter() - begun
            self.processor += time.process_time() - processor
            if one is None:
                return
            yield one


def run(case: str, number: int) -> None:
    made = Timed(documents(number))
    begun, processor = time.perf_counter(), time.process_time()
    fallen = CASES[case](made)
    said = {
        "seconds": time.perf_counter() - begun - made.seconds,
        "processor": time.process_time() - processor - made.processor,
        "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "fallen": fallen,
    }
    print(json.dumps(said))


def show(name: str, number: int, said: dict) -> None:
    print(
        f"{name:<11} {number:>9,} documents: {said['seconds']:7.1f} s "
        f"({said['processor']:.1f} s of processor), {said['gib']:.2f} GiB, "
        f"{len(said['fallen']):,} near duplicates"
    )


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    load, _, _ = os.getloadavg()
    print(
        f"{os.cpu_count()} cores, load {load:.1f}; {SPEC.permutations} permutations, runs of "
        f"{SPEC.shingle} words, limit {SPEC.similarity}"
    )
    whole = measured("ours", number)
    show("ours", number, whole)
    peers = ["ours", *(["datasketch"] if find_spec("datasketch") else [])]
    seconds = {}
    for name in peers:
        few = measured(name, min(PEER, number))
        show(name, min(PEER, number), few)
        seconds[name] = few["seconds"]
    if "datasketch" in seconds:
        print(f"datasketch takes {seconds['datasketch'] / seconds['ours']:.1f} times as long")
    truth = set(measured("exact", min(EXACT, number))["fallen"])
    for name in peers:
        found = set(measured(name, min(EXACT, number))["fallen"])
        recall, precision = len(found & truth) / len(truth), len(found & truth) / len(found)
        print(
            f"{name:<11} against exact Jaccard: recall {recall:.3f}, precision {precision:.3f} "
            f"of {len(truth)}"
        )
    print(f"bar: 1,000,000 documents in {LIMIT_SECONDS} s and {LIMIT_GIB} GiB")


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 2 else main()
