"""The flow without a server of its own: Prefect inside the build's process."""

import os
import signal
import subprocess
import sys
import time

import pytest

from knowing_teacher import knowing, recipe
from rankmill.line import build
from rankmill.manifest import read_manifest
from rankmill.settings import Settings
from scripted_teacher import Fault

pytestmark = pytest.mark.timeout(240)


def command(toy, data, *more):
    start = [sys.executable, "-c", "from rankmill.cli import main; main()"]
    return [*start, "build", str(toy), "--data", str(data), *more]


@pytest.fixture
def environment(tmp_path):
    mine = {name: v for name, v in os.environ.items() if not name.startswith("PREFECT_")}
    return {**mine, "PREFECT_HOME": str(tmp_path / "prefect")}


def run(toy, data, environment, *more):
    return subprocess.run(
        command(toy, data, *more),
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_the_flow_gives_the_bytes_of_a_plain_build_and_a_clean_terminal(tmp_path, environment):
    with knowing() as teacher:
        toy = recipe(tmp_path, teacher.url)
        done = run(toy, tmp_path / "data", environment)
        plain = build(toy, settings=Settings(data=tmp_path / "plain"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "✓ label" in done.stdout
    made = tmp_path / "data" / "builds" / "toy" / "dataset" / "MANIFEST.json"
    assert made.read_text() == (plain / "MANIFEST.json").read_text()


def test_a_stage_that_fails_says_so_in_one_line(tmp_path, environment):
    with knowing() as teacher:
        toy = recipe(tmp_path, teacher.url)
        done = run(toy, tmp_path / "data", environment, "--set", "teachers.knowing.model=gpt-9")
    assert done.returncode == 5
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "gpt-9" in done.stderr
    assert read_manifest(tmp_path / "data" / "builds" / "toy")["status"] == "failed"


def test_an_interruption_under_prefect_ends_at_once_and_the_next_run_goes_on(tmp_path, environment):
    with knowing(delay=0.1) as teacher:
        toy = recipe(tmp_path, teacher.url)
        child = subprocess.Popen(
            command(toy, tmp_path / "data", "--set", "teachers.knowing.concurrency=4"),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + 120
        while len(teacher.requests) < 60 and time.monotonic() < until:
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
        assert child.returncode == 130
        assert "Traceback" not in errors
        teacher.delay = 0
        asked = len(teacher.requests)
        done = run(toy, tmp_path / "data", environment, "--plain")
        assert done.returncode == 0, done.stderr
        assert len(teacher.requests) > asked


def test_a_stage_whose_teacher_was_away_is_tried_again(tmp_path, environment):
    script = """
import sys
from pathlib import Path
from rankmill.flows.generate import generate
print(generate(Path(sys.argv[1]), ["teachers.knowing.tries=1"], Path(sys.argv[2]), 2, 0.1))
"""
    with knowing() as teacher:
        toy = recipe(tmp_path, teacher.url)
        teacher.faults.append(Fault(status=503))
        done = subprocess.run(
            [sys.executable, "-c", script, str(toy), str(tmp_path / "data")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert read_manifest(tmp_path / "data" / "builds" / "toy")["status"] == "complete"
