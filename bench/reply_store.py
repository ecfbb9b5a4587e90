"""The reply store at scale: what it costs to write, open, read and compact a million replies.

Every reply is a record of about 2.2 KB, as a pointwise view makes them: a prompt of 1.6 KB, and
twenty log-probabilities. They are written by a few stores in turn, as by that many builds; each
phase runs in a process of its own, whose memory is what it grew by.

    python bench/reply_store.py [REPLIES] [STORES] [FOLDER]
"""

import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import psutil

from rankmill.records import Chat, Message, Reply
from rankmill.teachers.store import ReplyStore, compact, key_of

TEACHER = {"kind": "openai", "model": "a/teacher-7b", "revision": "", "extra": {}}
LABELS = ("Yes", "No")
SYSTEM = Message(role="system", content="Judge whether the passage answers the query. " * 6)
PASSAGE = "The quick brown fox jumps over the lazy dog near the river bank. " * 20
SAMPLE = 20_000


def request(number):
    asked = Message(role="user", content=f"Query: number {number}\nPassage: {PASSAGE}")
    return Chat(messages=(SYSTEM, asked), max_tokens=1, top_logprobs=20, labels=LABELS)


def reply(number):
    alternatives = tuple((f"tok{place}", -0.1234567 * (place + number % 7)) for place in range(20))
    return Reply(text="Yes", top_logprobs=alternatives, tokens_in=412, tokens_out=1)


def name(number):
    return key_of(TEACHER, request(number), 0)


def megabytes():
    return psutil.Process().memory_info().rss / 1e6


def write(folder, first, last):
    before = megabytes()
    seconds = work = longest = 0.0
    with ReplyStore(folder) as store:
        for number in range(first, last):
            asked, answered = request(number), reply(number)
            begun, busy = time.perf_counter(), time.process_time()
            key = key_of(TEACHER, asked, 0)
            if store.get(key) is None:
                store.put(key, TEACHER, asked, 0, answered)
            work += time.process_time() - busy
            took = time.perf_counter() - begun
            seconds, longest = seconds + took, max(longest, took)
        begun = time.perf_counter()
    return seconds, work, longest, time.perf_counter() - begun, megabytes() - before


def reopen(folder, replies):
    before, begun = megabytes(), time.perf_counter()
    with ReplyStore(folder) as store:
        opened = time.perf_counter() - begun
        grown = megabytes() - before
        draw = random.Random(0)
        there = [name(draw.randrange(replies)) for _ in range(SAMPLE)]
        absent = [name(replies + number) for number in range(SAMPLE)]
        hits, misses = (timed(store.get, keys) for keys in (there, absent))
        assert all(store.get(key) for key in there[:100])
        assert not any(store.get(key) for key in absent[:100])
        assert len(store) == replies
    return opened, grown, hits, misses, megabytes() - before


def timed(look_up, keys):
    begun = time.perf_counter()
    for key in keys:
        look_up(key)
    return (time.perf_counter() - begun) / len(keys)


def squeeze(folder):
    before, begun = megabytes(), time.perf_counter()
    done = compact(folder)
    return time.perf_counter() - begun, megabytes() - before, done


def alone(function, *arguments):
    with multiprocessing.get_context("spawn").Pool(1) as process:
        return process.apply(function, arguments)


def show(folder, replies):
    opened, grown, hits, misses, used = alone(reopen, folder, replies)
    print(
        f"  open   {opened * 1e3:,.0f} ms, {grown:.0f} MB; after {2 * SAMPLE:,} get {used:.0f} MB"
    )
    print(
        f"  get    {hits * 1e6:.1f} us at random ({1 / hits:,.0f}/s), "
        f"{misses * 1e6:.1f} us of what is not there"
    )


def main():
    replies = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    stores = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    folder = Path(tempfile.mkdtemp(dir=sys.argv[3] if len(sys.argv) > 3 else None))
    try:
        edges = [replies * part // stores for part in range(stores + 1)]
        runs = [alone(write, folder, *edge) for edge in pairwise(edges)]
        seconds, work = (sum(run[place] for run in runs) / replies for place in (0, 1))
        longest, close, grown = (max(run[place] for run in runs) for place in (2, 3, 4))
        size = sum(path.stat().st_size for path in folder.iterdir()) / replies
        print(f"{replies:,} replies, {size:,.0f} bytes each, by {stores} stores in turn")
        print(
            f"  write  {seconds * 1e6:.1f} us for key_of, get and put; {work * 1e6:.1f} us of CPU"
        )
        print(f"         longest {longest:.2f} s, close {close:.2f} s, {grown:.0f} MB")
        show(folder, replies)
        (folder / "index").unlink()
        opened, grown, *_ = alone(reopen, folder, replies)
        print(f"  open   {opened:,.1f} s, {grown:.0f} MB without an index")
        seconds, grown, done = alone(squeeze, folder)
        print(f"compact  {seconds:.1f} s, {grown:.0f} MB, {done.before} journals made {done.after}")
        show(folder, replies)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
