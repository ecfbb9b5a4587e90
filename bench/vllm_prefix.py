"""Tokens that vLLM computes for pointwise labels: without its prefix cache, with it, and in order.

Queries and documents are Python's own documentation. Each query is judged with each of its
documents by one prompt, which puts what is shared first: instructions, worked examples, query. All
requests are asked in one shuffled order, with room for little more than those in flight in the
cache. "as asked" sends them in that order; "in order" is what the desk makes of it. Short queries
are first sentences; long ones are whole texts, as in reasoning-intensive collections.

    python bench/vllm_prefix.py PYTHON MODEL [--queries 12] [--documents 16] [--block 32]

PYTHON is an interpreter with vLLM, and MODEL a folder with weights: .venv-vllm/bin/python and
.venv-vllm/weights, once `make test-vllm` has made them. Counted are vLLM's own counters.
"""

import argparse
import asyncio
import os
import random
import re
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

from rankmill.corpora.pydoc import Pydoc
from rankmill.label.plans import Question, Words
from rankmill.label.pointwise import Pointwise
from rankmill.prompts import find
from rankmill.records import Document
from rankmill.settings import Settings
from rankmill.teachers import Surroundings, Teachers, Vllm

KINDS = ("short", "long")
STRATEGY, PROMPT = Pointwise(min_mass=0), find("labels/relevance")
AT_ONCE = 8
CACHE_BYTES = 48 << 20  # 4,096 tokens of a model of half a billion parameters


class Found(NamedTuple):
    """What one run came to."""

    tokens: float
    computed: float
    seconds: float
    scores: list[float]


def texts():
    documents = [one for one in Pydoc().documents(Path()) if isinstance(one, Document)]
    return [" ".join(one.text.split()) for one in documents]


def requests(given, *, long):
    """Every pair of a query and a document as a request, shuffled, the same in every run."""
    draw = random.Random(1)
    known = texts()
    asked = [text for text in known if 900 <= len(text) <= 1300]
    shown = [text for text in known if 300 <= len(text) <= 600]
    made = []
    for query in draw.sample(asked, given.queries):
        words = query if long else re.split(r"(?<=\.) ", query)[0][:120]
        for document in draw.sample(shown, given.documents):
            made.append(STRATEGY.request(PROMPT, Words(query=words, documents=[document])))
    draw.shuffle(made)
    return made


def teacher(given, *, caches):
    cores = sorted(os.sched_getaffinity(0))
    return Vllm(
        model=given.model,
        python=given.python,
        dtype="bfloat16",
        context=2048,
        prefix_caching=caches,
        concurrency=AT_ONCE,
        extra_arguments=(
            *("--enforce-eager", f"--max-num-seqs={AT_ONCE}", "--gpu-memory-utilization=0.3"),
            *(f"--kv-cache-memory-bytes={CACHE_BYTES}", f"--block-size={given.block}"),
        ),
        environment={
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": str(len(cores)),
            "VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, cores)),
        },
    )


def counted(url):
    """Prompt tokens so far, and those of them that came from the prefix cache."""
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()

    def total(name):
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f"{name}{{"))

    return total("vllm:prompt_tokens_total"), total("vllm:prefix_cache_hits_total")


async def as_asked(desk, asked):
    """Every reply, from the engine itself: the desk has no say in the order."""
    engine, places = await desk.engine("vllm"), asyncio.Semaphore(AT_ONCE)

    async def one(request):
        async with places:
            return await engine.answer(request)

    return await asyncio.gather(*map(one, asked))


async def in_order(desk, asked):
    answers = await asyncio.gather(*(desk.ask("vllm", request) for request in asked))
    return [answer.reply for answer in answers]


async def measure(given, desk, spec, where, send):
    """For short and for long queries: tokens asked, computed, and a second, and the labels."""
    found = {}
    async with where.servers.running(spec.server(where.folder), where.say) as running:
        for kind in KINDS:
            asked = requests(given, long=kind == "long")
            before, began = counted(running.url), time.monotonic()
            replies = await send(desk, asked)
            seconds, after = time.monotonic() - began, counted(running.url)
            tokens, cached = after[0] - before[0], after[1] - before[1]
            scores = [STRATEGY.read(Question(docids=("d",)), reply).value for reply in replies]
            found[kind] = Found(tokens, tokens - cached, seconds, scores)
    return found


def row(kind, name, found, first):
    off = max(abs(one - other) for one, other in zip(found.scores, first.scores, strict=True))
    turned = sum(
        (one > 0.5) != (other > 0.5) for one, other in zip(found.scores, first.scores, strict=True)
    )
    return (
        f"| {kind} | {name} | {found.tokens:,.0f} | {found.computed:,.0f} "
        f"| {first.computed / found.computed:.2f} | {found.seconds:.0f} "
        f"| {min(found.scores):.3f} to {max(found.scores):.3f} | {off:.4f} "
        f"| {turned} of {len(found.scores)} |"
    )


def main():
    options = argparse.ArgumentParser(description="Tokens that vLLM computes for pointwise labels")
    options.add_argument("python", help="an interpreter with vLLM")
    options.add_argument("model", help="a folder with weights")
    options.add_argument("--queries", type=int, default=12)
    options.add_argument("--documents", type=int, default=16, help="of each query")
    options.add_argument("--block", type=int, default=32, help="tokens of a cache block")
    given = options.parse_args()
    found = {}
    for name, (caches, send) in WAYS.items():
        spec = teacher(given, caches=caches)
        with tempfile.TemporaryDirectory() as folder:
            where = Surroundings(settings=Settings(), folder=Path(folder), say=print)
            with Teachers({"vllm": spec}, Path(folder) / "replies", where) as desk:
                found[name] = desk.run(measure(given, desk, spec, where, send))
    print("| queries | cache, order | tokens | computed | ratio | s | labels | off by | turned |")
    print("|---|---|---|---|---|---|---|---|---|")
    first, *_ = found.values()
    for kind in KINDS:
        for name, one in found.items():
            print(row(kind, name, one[kind], first[kind]))


WAYS = {
    "none, as asked": (False, as_asked),
    "on, as asked": (True, as_asked),
    "on, in order": (True, in_order),
}


if __name__ == "__main__":
    main()
