"""What rankmill itself costs per teacher call, in a whole build of 20,000 calls.

The teacher is a server in another process that answers at once. Printed are CPU seconds of the
build's process, stage by stage, per call: client, reply store, parsing, tables.

    python bench/overhead.py [CALLS]
"""

import multiprocessing
import random
import sys
import tempfile
import time
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from rankmill.line import build
from rankmill.progress import Silent
from rankmill.settings import Settings
from scripted_teacher import ScriptedTeacher, by_hash, hashed

DEPTH, TRIALS = 16, 3
PER_QUERY = 1 + DEPTH + DEPTH + TRIALS
LIMIT_MS = 1.0
RECIPE = """
corpus = {{ kind = "jsonl", path = "corpus.jsonl" }}
embed = {{ kind = "openai", model = "hash", endpoint = "{url}" }}
cluster = {{ clusters = 50 }}
sample = {{ documents = {seeds}, min_chars = 20 }}
teachers.t = {{ kind = "openai", model = "teacher", endpoints = ["{url}"], concurrency = 64 }}
generate = {{ teacher = "t", prompt = "queries/search" }}
queries = {{ max_copied = 40, max_similarity = 1.0 }}
retrieve = {{ depth = {depth} }}

[[views]]
name = "pointwise"
strategy = {{ kind = "pointwise" }}
teacher = "t"
prompt = "labels/relevance"

[[views]]
name = "likelihood"
strategy = {{ kind = "likelihood" }}
teacher = "t"
prompt = "labels/likelihood"

[[views]]
name = "listwise"
strategy = {{ kind = "listwise" }}
teacher = "t"
prompt = "labels/listwise"
trials = {trials}
"""


def respond(messages):
    system, last = messages[0]["content"], messages[-1]["content"]
    if "write one search query" in system:
        words = last.split()[5:12]
        return f"what is known about {' '.join(words)}"
    if system.startswith("You rank"):
        return " > ".join(f"[{place}]" for place in range(DEPTH, 0, -1))
    return by_hash(messages)


def embed(text):
    draw = random.Random(hashed(text))
    return [draw.random() for _ in range(64)]


def serve(port):
    with ScriptedTeacher(respond, embed=embed) as teacher:
        port.send(teacher.url)
        port.recv()


class Clock(Silent):
    """CPU seconds of this process by stage."""

    def __init__(self):
        self.spent, self.last = {}, time.process_time()

    def end(self, report, *, seconds, reused):
        now = time.process_time()
        self.spent[report.stage], self.last = (now - self.last, seconds), now


def write_corpus(folder, documents):
    draw = random.Random(1)
    vocabulary = [f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in "rstnl"]
    with (folder / "corpus.jsonl").open("wb") as file:
        for number in range(documents):
            text = " ".join(draw.choices(vocabulary, k=60))
            file.write(orjson.dumps({"docid": f"d{number}", "text": text}) + b"\n")


def main():
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    seeds = -(-calls // PER_QUERY)
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_corpus(folder, max(5_000, 2 * seeds))
            fields = {"url": here.recv(), "seeds": seeds, "depth": DEPTH, "trials": TRIALS}
            recipe = folder / "overhead.toml"
            recipe.write_text(RECIPE.format(**fields))
            clock = Clock()
            build(recipe, settings=Settings(data=folder / "data"), progress=clock)
    finally:
        here.send("end")
        server.join(10)
        server.kill()
    made = seeds * PER_QUERY
    print(f"{made:,} calls\nstage       CPU s   wall s   CPU ms a call")
    around = ("generate", "label", "settle", "assemble")
    for stage, (cpu, wall) in clock.spent.items():
        print(f"{stage:10} {cpu:6.2f} {wall:8.2f} {1000 * cpu / made:9.3f}")
    total = 1000 * sum(clock.spent[stage][0] for stage in around) / made
    print(f"around the teacher ({', '.join(around)}): {total:.3f} ms a call, at most {LIMIT_MS}")
    sys.exit(total > LIMIT_MS)


if __name__ == "__main__":
    main()
