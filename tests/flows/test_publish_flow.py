"""The flow of a publication, with Prefect inside this process."""

import json
import os
import subprocess
import sys

import polars as pl
import pytest

from hub_emulator import WRITER, serving
from rankmill.assemble.files import write_manifest

pytestmark = pytest.mark.timeout(420)
RUN = "import json, sys; from rankmill.flows.publish import publish; "
RUN += "print(publish(**json.loads(sys.argv[1])))"


@pytest.fixture
def folder(tmp_path):
    """A dataset of ten lists over one document."""
    folder = tmp_path / "dataset"
    qids = [f"q{n}" for n in range(10)]
    for config, frame in {
        "corpus": pl.DataFrame({"docid": ["d"], "text": ["tea"], "licence": ["mit"]}),
        "queries": pl.DataFrame({"qid": qids, "text": "how"}),
        "lists": pl.DataFrame({"qid": qids, "docids": [["d"]] * 10}),
    }.items():
        (folder / config).mkdir(parents=True)
        frame.write_parquet(folder / config / "train.parquet")
    (folder / "README.md").write_text("# Tea\n")
    write_manifest(folder)
    return folder


@pytest.fixture
def hub(tmp_path):
    with serving(tmp_path / "hub") as running:
        yield running


@pytest.fixture
def run(hub, folder, tmp_path):
    """Run the flow in a process of its own."""
    mine = {name: v for name, v in os.environ.items() if not name.startswith("PREFECT_")}
    mine |= {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_TOKEN": WRITER,
    }

    def started(*, go=False, **wanted):
        values = {"build": str(folder), "wanted": {"repo": "org/tea", **wanted}, "go": go}
        return subprocess.run(
            [sys.executable, "-c", RUN, json.dumps(values)],
            env=mine,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    return started


def test_the_flow_looks_first_and_sends_when_told_to_where_it_is_told(hub, run, folder):
    looked = run()
    assert looked.stdout == f"{hub.url}/datasets/org/tea v1\n", looked.stderr
    assert {method for method, _ in hub.requests} == {"GET"}
    sent = run(go=True)
    assert sent.stdout == f"{hub.url}/datasets/org/tea v1\n", sent.stderr
    assert hub.repo().history() == ["Publish v1", "initial commit"]
    assert hub.repo().private
    repo = hub.repo()
    named = run(go=True, revision="next", tag="paper")
    assert named.stdout == f"{hub.url}/datasets/org/tea paper\n", named.stderr
    assert repo.tags["paper"] == repo.resolve("next") == repo.resolve("main")
    card = folder / "README.md"
    card.write_text("# Tea, green\n")
    write_manifest(folder)
    proposed = run(pull_request=True, go=True)
    assert proposed.stdout == f"{hub.url}/datasets/org/tea refs/pr/1\n", proposed.stderr
    assert run(pull_request=True).stdout == proposed.stdout
    assert repo.files("refs/pr/1")["README.md"].body == b"# Tea, green\n"
    assert list(repo.tags) == ["v1", "paper"]


def test_the_flow_fails_where_the_gate_is_closed(hub, run, folder):
    corpus = folder / "corpus" / "train.parquet"
    pl.read_parquet(corpus).with_columns(licence=pl.lit("cc-by-nd-4.0")).write_parquet(corpus)
    write_manifest(folder)
    done = run(go=True)
    assert done.returncode != 0
    assert "GateClosed: nothing was sent: licences" in done.stderr
    assert hub.requests == []
    allowed = run(reasons={"licences": "our own texts"})
    assert allowed.stdout == f"{hub.url}/datasets/org/tea v1\n", allowed.stderr
