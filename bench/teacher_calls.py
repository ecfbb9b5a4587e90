"""What a teacher call costs: rankmill beside bare aiohttp and the openai package, in one run.

The server (bench/mock_teacher.py) is pinned to one core and the client to another. rankmill's rows
hold everything between a candidate list and its reading: rendering the prompt, the desk, the
client, the reply store on disk, parsing. The others only send the same prompt and read JSON.

    python bench/teacher_calls.py [--repeats 3] [--calls 5000] [--peer NAME=PYTHON ...]

Peers run in an environment of their own, which has them installed (distilabel 1.5.3 also needs
requests and bs4): `--peer distilabel=venv/bin/python` runs bench/peers/distilabel.py with that
interpreter, once. Medians of the repeats are printed, and the limits that the project holds itself
to; the exit code says whether they hold.
"""

import argparse
import asyncio
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENTS = ["lorem ipsum dolor sit amet " * 3 + str(place) for place in range(20)]
DOCIDS = tuple(f"d{place}" for place in range(20))
SERVER_CORE, CLIENT_CORE = 0, 1
SECONDS = 600


def prompt():
    from rankmill.prompts import find

    return find("labels/listwise", [])


def request(number):
    """A listwise question about twenty documents, 2 KB of prompt."""
    from rankmill.label.listwise import Listwise
    from rankmill.label.plans import Words

    words = Words(query=f"query number {number}", documents=DOCUMENTS)
    return Listwise().request(prompt(), words)


# Clients: each is called in a process of its own with a port, a number of calls, how many of them
# at once, and a folder.


def rankmill(port, calls, at_once, folder):
    from rankmill.label.listwise import Listwise
    from rankmill.label.plans import Question
    from rankmill.readings import Permutation
    from rankmill.settings import Settings
    from rankmill.teachers.desk import Teachers
    from rankmill.teachers.engine import Surroundings
    from rankmill.teachers.openai import OpenAI

    url = f"http://127.0.0.1:{port}/v1"
    spec = OpenAI(model="mock", endpoints=(url,), api_key_env="", concurrency=at_once)
    where = Surroundings(settings=Settings(data=folder), folder=folder, say=lambda _: None)
    question, strategy = Question(docids=DOCIDS), Listwise()

    async def one(number):
        answer = await teachers.ask("t", request(number))
        reading = strategy.read(question, answer.reply)
        assert isinstance(reading, Permutation), reading

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as the command line does
    with (
        suppress(KeyboardInterrupt),
        Teachers({"t": spec}, folder / "replies", where) as teachers,
    ):
        teachers.run(at_once_of(calls, 4 * at_once, one))


def aiohttp(port, calls, at_once, folder):
    import aiohttp as library

    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    body = {"model": "mock", "messages": [vars_of(m) for m in request(0).messages]}

    async def work():
        connector = library.TCPConnector(limit=at_once)
        async with library.ClientSession(connector=connector) as session:

            async def one(_):
                async with session.post(url, json=body) as response:
                    await response.json()

            await at_once_of(calls, at_once, one)

    asyncio.run(work())


def openai(port, calls, at_once, folder):
    import openai as library

    messages = [vars_of(message) for message in request(0).messages]
    url = f"http://127.0.0.1:{port}/v1"

    async def work():
        client = library.AsyncOpenAI(base_url=url, api_key="none", max_retries=30)

        async def one(_):
            await client.chat.completions.create(model="mock", messages=messages)

        await at_once_of(calls, at_once, one)
        await client.close()

    asyncio.run(work())


def vars_of(message):
    return {"role": message.role, "content": message.content}


async def at_once_of(calls, at_once, one):
    """Make calls, so many at once."""
    numbers = iter(range(calls))

    async def worker():
        for number in numbers:
            await one(number)

    await asyncio.gather(*(worker() for _ in range(at_once)))


CLIENTS = {"rankmill": rankmill, "aiohttp, bare": aiohttp, "openai, as it comes": openai}


# The stage: a pinned server and a pinned client.


def pinned(core):
    return lambda: os.sched_setaffinity(0, {core})


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextmanager
def server(*options):
    port = free_port()
    command = [sys.executable, str(HERE / "mock_teacher.py"), str(port), *map(str, options)]
    child = subprocess.Popen(command, preexec_fn=pinned(SERVER_CORE))
    try:
        while True:
            try:
                stats(port)
                break
            except OSError:
                time.sleep(0.02)
        yield port
    finally:
        child.kill()
        child.wait()


def stats(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats", timeout=10) as answer:
        return json.load(answer)


def start(client, port, calls, at_once, folder, peers=()):
    """A client in a process of its own."""
    mine = [sys.executable, __file__, "--client", client]
    peer = dict(peers).get(client)
    command = [peer, str(HERE / "peers" / f"{client}.py")] if peer else mine
    given = [str(value) for value in (port, calls, at_once, folder)]
    (folder / "prompt.txt").write_text(request(0).messages[-1].content)
    return subprocess.Popen(
        [*command, *given], preexec_fn=pinned(CLIENT_CORE), stdout=subprocess.PIPE, text=True
    )


def measured(client, calls, at_once, options, peers=()):
    """Seconds between the server's first request and its last answer, and megabytes."""
    folder = Path(tempfile.mkdtemp())
    try:
        with server(*options) as port:
            out, _ = (child := start(client, port, calls, at_once, folder, peers)).communicate(
                timeout=SECONDS
            )
            if child.returncode:
                return None
            seen = stats(port)
    finally:
        shutil.rmtree(folder)
    assert seen["requests"] - seen["rejected"] >= calls, seen
    return seen["seconds"], float(out.strip().splitlines()[-1])


def median(client, repeats, *stage):
    """Medians of the repeats; None where a client does not finish."""
    found = [measured(client, *stage) for _ in range(repeats)]
    return None if None in found else tuple(map(statistics.median, zip(*found, strict=True)))


def repeats(given, client):
    """How often a client is measured: peers take long, and once."""
    return 1 if client in dict(given.peers) else given.repeats


def throughput(given, clients):
    """Three loads; rates, and shares of what the latency allows."""
    loads = [("100 ms, 64 at once", 100, 64, 0.95), ("100 ms, 256 at once", 100, 256, 0.90)]
    loads += [("at once, 64 at once", 0, 64, None)]
    print(f"{'client':22}{'load':22}{'calls/s':>9}{'of ideal':>10}{'MB':>6}")
    held = True
    for name, latency, at_once, share in loads:
        for client in clients:
            calls = given.calls * (2 if at_once > 64 else 1)
            stage = (calls, at_once, ("--latency", latency), given.peers)
            found = median(client, repeats(given, client), *stage)
            if not found:
                print(f"{client:22}{name:22}  did not finish")
                continue
            rate = calls / found[0]
            ideal = rate / (at_once / latency * 1000) if latency else None
            shown = f"{ideal:10.1%}" if ideal else " " * 10
            print(f"{client:22}{name:22}{rate:9,.0f}{shown}{found[1]:6.0f}", flush=True)
            if client == "rankmill":
                held &= (ideal >= share if ideal else rate >= 2500) and found[1] <= 120
    return held


def storm(given, clients):
    """30 % of calls told to come back in a second."""
    held = True
    print(f"\n{'30 % rejected, 1,000 rows, 20 ms, 64 at once':44}{'seconds':>9}")
    for client in clients:
        if client.startswith("aiohttp"):
            continue
        options = ("--latency", 20, "--rejects", 0.3)
        found = median(client, repeats(given, client), 1000, 64, options, given.peers)
        print(
            f"{client:44}{found[0]:9.1f}" if found else f"{client:44}  did not finish", flush=True
        )
        if client == "rankmill":
            held = found is not None and found[0] <= 9
    return held


def killed(given):
    """One run killed in mid-way and started again, by either signal."""
    print(f"\n{'stopped at 1,500 of 5,000, 20 ms, 64 at once':44}{'repeated':>9}{'restart s':>11}")
    held = True
    for number in (signal.SIGKILL, signal.SIGTERM):
        repeated, restart = zip(*(stopped_by(number) for _ in range(given.repeats)), strict=True)
        print(f"{number.name:44}{max(repeated):9}{statistics.median(restart):11.2f}", flush=True)
        held &= max(repeated) <= (64 if number is signal.SIGKILL else 0)
        held &= statistics.median(restart) < 3
    return held


def stopped_by(number):
    """Calls that were made twice, and seconds from the second start to its first request."""
    folder = Path(tempfile.mkdtemp())
    log = folder / "log"
    try:
        with server("--latency", 20, "--log", log) as port:
            first = start("rankmill", port, 5000, 64, folder)
            while stats(port)["requests"] < 1500:
                time.sleep(0.005)
            first.send_signal(number)
            first.communicate(timeout=SECONDS)
            time.sleep(0.1)  # what the server still held
            seen, began = stats(port)["requests"], time.monotonic()
            second = start("rankmill", port, 5000, 64, folder)
            while stats(port)["requests"] == seen:
                time.sleep(0.005)
            restart = time.monotonic() - began
            second.communicate(timeout=SECONDS)
            assert second.returncode == 0
            answered = log.read_text().split()
    finally:
        shutil.rmtree(folder)
    assert len(set(answered)) == 5000
    return len(answered) - 5000, restart


def main():
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--calls", type=int, default=5000)
    options.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    given = options.parse_args()
    given.peers = [tuple(peer.split("=", 1)) for peer in given.peer]
    clients = [*CLIENTS, *(name for name, _ in given.peers)]
    held = throughput(given, clients)
    held &= storm(given, clients)
    held &= killed(given)
    print(
        "\nlimits: 95 % and 90 % of the ideal, 2,500 calls/s, 120 MB, 9 s, 64 and 0 repeated, 3 s"
    )
    print("held" if held else "NOT held")
    sys.exit(not held)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--client"]:
        name, port, calls, at_once, folder = sys.argv[2:]
        CLIENTS[name](int(port), int(calls), int(at_once), Path(folder))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    else:
        main()
