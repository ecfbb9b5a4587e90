"""Whole builds whose teacher is asked in batches: interrupted, killed, and never another byte."""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from batch_server import BatchServer
from knowing_teacher import embed, logprob, recipe, respond
from rankmill.line import build
from rankmill.manifest import read_manifest
from rankmill.settings import Settings

BATCH = "teachers.knowing.batch={quiet_seconds=0.5, poll_seconds=0.05}"
SECONDS = 60


def knowing(**options):
    return BatchServer(respond, logprob=logprob, embed=embed, **options)


def digests(dataset):
    return json.loads((dataset / "MANIFEST.json").read_text())


def start(toy, data, *arguments):
    begin = [sys.executable, "-c", "from rankmill.cli import main; main()", "build", str(toy)]
    return subprocess.Popen(
        [*begin, "--plain", "--data", str(data), "--set", BATCH, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def submitted_twice(server):
    counts = Counter(name for names in server.submitted for name in names)
    return [name for name, count in counts.items() if count > 1]


def asked_live(server):
    """Questions about documents that were asked at once: the probe asks none."""
    return [seen for seen in server.requests if "ocument" in json.dumps(seen.body)]


def test_a_build_in_batches_gives_the_bytes_of_a_live_one(tmp_path):
    with knowing() as server:
        toy = recipe(tmp_path, server.url)
        live = build(toy, settings=Settings(data=tmp_path / "live"))
        server.requests.clear()
        patient = BATCH.replace("0.5", "1.5")  # a busy machine begins its parts late
        later = build(toy, overrides=[patient], settings=Settings(data=tmp_path / "later"))
        assert digests(later) == digests(live)
        assert asked_live(server) == []
        # the queries; then pointwise and listwise in one batch, likelihoods in another
        assert sorted(map(len, server.submitted)) == [18, 18 * 8, 18 * (8 + 3)]
        assert submitted_twice(server) == []
        meters = [read_manifest(dataset.parent)["teachers"]["knowing"] for dataset in (live, later)]
    for count in ("calls", "tokens_in", "tokens_out"):
        assert meters[0][count] == meters[1][count]


@pytest.mark.timeout(180)
def test_kill_9_at_random_moments_submits_nothing_twice_and_changes_no_byte(tmp_path):
    draw = random.Random(7)
    with knowing(seconds=0.5) as server:
        toy = recipe(tmp_path, server.url)
        live = build(toy, settings=Settings(data=tmp_path / "live"))
        kills = 0
        while kills < 3:
            child = start(toy, tmp_path / "killed")
            aim = len(server.calls) + draw.randint(1, 12)
            wait = time.monotonic() + 20
            while child.poll() is None and len(server.calls) < aim and time.monotonic() < wait:
                time.sleep(0.001)
            time.sleep(draw.uniform(0, 0.05))
            if child.poll() is not None:
                break
            child.send_signal(signal.SIGKILL)
            child.communicate(timeout=SECONDS)
            kills += 1
        child = start(toy, tmp_path / "killed")
        told, _ = child.communicate(timeout=SECONDS)
        assert child.returncode == 0, told
        assert kills >= 2
        assert submitted_twice(server) == []
        assert asked_live(server)[18 * (1 + 8 + 8 + 3) :] == []
    assert digests(tmp_path / "killed" / "builds" / "toy" / "dataset") == digests(live)


@pytest.mark.timeout(120)
def test_an_interrupted_command_says_that_the_batch_goes_on_and_the_same_command_collects_it(
    tmp_path,
):
    with knowing(seconds=4) as server:
        toy = recipe(tmp_path, server.url)
        child = start(toy, tmp_path / "data")
        wait = time.monotonic() + 30
        while not server.batches and time.monotonic() < wait:
            time.sleep(0.01)
        time.sleep(0.2)
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        told, _ = child.communicate(timeout=SECONDS)
        assert time.monotonic() - began < 3
        assert child.returncode == 130
        assert f"batch_0 goes on at {server.url}; the same command collects it" in told
        server.seconds = 0.1
        child = start(toy, tmp_path / "data")
        told, _ = child.communicate(timeout=SECONDS)
        assert child.returncode == 0, told
        assert "batch_0: going on with 18 requests of before" in told
        assert submitted_twice(server) == []
