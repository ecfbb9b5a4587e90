"""The deployments of prefect.yaml on a real Prefect server, run by a real worker."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from knowing_teacher import knowing, recipe
from rankmill.line import build
from rankmill.settings import Settings

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(300)
STAGES = ["ingest", "embed", "cluster", "sample", "generate", "retrieve", "label", "settle"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prefect:
    """A Prefect of its own: server, database and profile in one folder."""

    def __init__(self, folder):
        self.url = f"http://127.0.0.1:{free_port()}/api"
        self.log = folder / "prefect.log"
        self.environment = {
            **{name: v for name, v in os.environ.items() if not name.startswith("PREFECT_")},
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "DO_NOT_TRACK": "1",
            "PWD": str(ROOT),
        }

    def command(self, *words):
        return [sys.executable, "-m", "prefect", *words]

    def start(self, *words):
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command(*words),
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, *words):
        done = subprocess.run(
            self.command(*words),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def get(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def wait_until(self, what, seconds=120):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if found := what():
                    return found
            except OSError:
                pass
            time.sleep(0.5)
        raise TimeoutError(self.log.read_text()[-3000:])


@pytest.fixture
def prefect(tmp_path):
    """A server with the deployments of prefect.yaml, and a worker; all ended by process group."""
    prefect = Prefect(tmp_path)
    port = prefect.url.split(":")[2].split("/")[0]
    running = [prefect.start("server", "start", "--host", "127.0.0.1", "--port", port)]
    try:
        prefect.wait_until(lambda: prefect.get("/health"))
        prefect.run("work-pool", "create", "rankmill", "--type", "process")
        prefect.run("--no-prompt", "deploy", "--all")
        running.append(prefect.start("worker", "start", "--pool", "rankmill"))
        yield prefect
    finally:
        for child in reversed(running):
            os.killpg(child.pid, signal.SIGTERM)
        for child in running:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait(20)


def test_a_deployment_that_is_triggered_builds_the_dataset(tmp_path, prefect):
    deployments = {d["name"]: d for d in prefect.get("/deployments/filter", {})}
    assert set(deployments) == {"generate", "nightly", "publish"}
    (schedule,) = deployments["nightly"]["schedules"]
    assert (schedule["schedule"]["cron"], schedule["active"]) == ("0 3 * * *", False)

    with knowing() as teacher:
        toy = recipe(tmp_path, teacher.url)
        parameters = {"recipe": str(toy), "data": str(tmp_path / "data")}
        run = prefect.get(
            f"/deployments/{deployments['generate']['id']}/create_flow_run",
            {"parameters": parameters},
        )
        ended = prefect.wait_until(
            lambda: (
                (state := prefect.get(f"/flow_runs/{run['id']}"))["state_type"]
                in {"COMPLETED", "FAILED", "CRASHED"}
                and state
            ),
            seconds=180,
        )
        assert ended["state_type"] == "COMPLETED", prefect.log.read_text()[-3000:]
        plain = build(toy, settings=Settings(data=tmp_path / "plain"))

    tasks = prefect.get("/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    names = {task["name"].split("-")[0] for task in tasks}
    assert {*STAGES, "assemble"} <= names
    assert sum(task["name"].startswith("label ") for task in tasks) == 3 * 4
    (funnel,) = prefect.get("/artifacts/latest/filter", {})
    assert [row["stage"] for row in json.loads(funnel["data"])] == [*STAGES, "assemble"]
    made = tmp_path / "data" / "builds" / "toy" / "dataset" / "MANIFEST.json"
    assert made.read_text() == (plain / "MANIFEST.json").read_text()
