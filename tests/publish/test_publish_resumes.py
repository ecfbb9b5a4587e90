"""What is interrupted goes on: nothing is sent twice, and there is one commit in the end."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from rankmill.cli import app
from rankmill.errors import PublishError
from rankmill.publish import Gate
from rankmill.publish.gate import inspect
from rankmill.publish.hub import Hub
from rankmill.publish.publish import carry_out, plan
from rankmill.publish.wanted import Wanted


def words(dataset):
    return ["publish", str(dataset.path), "--repo", "org/tea", "--yes"]


@pytest.fixture
def publish(dataset):
    return lambda: CliRunner().invoke(app, words(dataset))


def failed(done):
    """The one line of a command that did not come through."""
    assert done.exit_code == 10, done.output
    assert done.stderr.count("\n") == 1
    return done.stderr


def is_published_once(hub, dataset):
    """One commit with every file, each of which came whole once."""
    assert hub.repo().history() == ["Publish v1", "initial commit"]
    assert hub.repo().tags == {"v1": hub.repo().resolve("main")}
    assert set(Counter(hub.wholes).values()) == {1}
    files = {path for path in hub.repo().files() if path != ".gitattributes"}
    assert files == {
        path.relative_to(dataset.path).as_posix()
        for path in dataset.path.rglob("*")
        if path.is_file()
    }


def test_a_hub_that_is_out_of_order_for_a_moment_is_asked_again(hub, publish, dataset, no_waits):
    hub.fail("PUT", "/storage/", 503, times=3)
    hub.fail("POST", "/preupload/", 500)
    hub.fail("POST", "/objects/batch", 502)
    assert publish().exit_code == 0
    is_published_once(hub, dataset)


@pytest.mark.parametrize("fault", [{"status": 503}, {"cut_after": 200}, {"cut_after": 0}])
def test_an_upload_that_breaks_off_goes_on_with_what_is_missing(
    hub, publish, dataset, no_waits, fault
):
    file = "corpus/train.parquet"
    sha256 = next(digest for path, digest in digests(dataset) if path == file)
    hub.fail("PUT", sha256, times=6, **fault)
    line = failed(publish())
    assert file in line
    assert "503" in line or "cannot be reached" in line
    assert hub.repo().history() == ["initial commit"]
    assert hub.repo().private
    came = set(hub.wholes)
    assert len(came) >= 1
    assert publish().exit_code == 0
    is_published_once(hub, dataset)
    assert came < set(hub.wholes)


def digests(dataset):
    for path in dataset.path.rglob("*.parquet"):
        yield (
            path.relative_to(dataset.path).as_posix(),
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )


def test_a_commit_that_the_hub_did_not_take_is_made_without_sending_files_again(
    hub, publish, dataset
):
    hub.fail("POST", "/commit/", 500)
    assert "the hub answers 500" in failed(publish())
    sent = len(hub.wholes)
    assert publish().exit_code == 0
    assert len(hub.wholes) == sent
    is_published_once(hub, dataset)


def test_a_commit_whose_answer_was_lost_is_not_made_twice(hub, publish, dataset):
    hub.fail("POST", "/commit/", answered=True)
    failed(publish())
    assert hub.repo().history() == ["Publish v1", "initial commit"]
    assert hub.repo().tags == {}
    done = publish()
    assert done.exit_code == 0, done.output
    assert len(hub.asked("POST")) > 0
    is_published_once(hub, dataset)


def test_a_tag_that_was_not_made_is_made_by_the_next_run(hub, publish, dataset):
    hub.fail("POST", "/tag/", 503)
    assert "tag v1: the hub answers 503" in failed(publish())
    assert publish().exit_code == 0
    is_published_once(hub, dataset)


def test_a_process_killed_in_the_middle_leaves_nothing_to_send_twice(hub, publish, dataset):
    noise = np.random.default_rng(7)
    for split in ("a", "b", "c", "d"):
        dataset.write("noise", split, pl.DataFrame({"x": noise.integers(0, 2**62, 200_000)}))
    hub.delay = 0.05  # after every megabyte at most
    start = [sys.executable, "-c", "from rankmill.cli import main; main()"]
    child = subprocess.Popen(
        [*start, *words(dataset)],
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while len(hub.wholes) < 2 and time.monotonic() < until:
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL
    hub.delay = 0
    came = set(hub.wholes)
    assert 2 <= len(came) < 14
    assert hub.repo().history() == ["initial commit"]
    assert publish().exit_code == 0
    is_published_once(hub, dataset)
    assert came < set(hub.wholes)


def test_large_files_go_in_parts(hub, publish, dataset):
    hub.multipart_from = 1000
    noise = np.random.default_rng(7).integers(0, 2**62, 1_200_000)
    dataset.write("noise", "train", pl.DataFrame({"x": noise}))
    assert publish().exit_code == 0
    is_published_once(hub, dataset)
    assert sum(path.endswith("/3") for _, path in hub.asked("PUT")) == 1


@pytest.fixture
def planned(hub, dataset):
    remote = Hub("org/tea")
    findings = inspect(dataset.path, Gate())
    return remote, plan(remote, dataset.path, findings, Wanted(repo="org/tea"))


def test_a_commit_of_somebody_else_is_not_written_over(hub, dataset):
    repo = hub.add("org/tea")
    remote = Hub("org/tea")
    made = plan(remote, dataset.path, inspect(dataset.path, Gate()), Wanted(repo="org/tea"))
    files = {**repo.files(), "theirs.txt": repo.files()[".gitattributes"]}
    repo.commit("main", files, "theirs", repo.resolve("main"))
    with pytest.raises(PublishError, match="somebody else has committed meanwhile"):
        carry_out(remote, made)
    assert repo.history() == ["theirs", "initial commit"]
    assert repo.tags == {}


def test_what_the_hub_holds_is_read_back_and_a_file_it_lost_is_named(hub, planned):
    hub.loses.add("queries/test.parquet")
    remote, made = planned
    with pytest.raises(
        PublishError, match=r"queries/test\.parquet is not on the hub as it is here"
    ):
        carry_out(remote, made)
    assert hub.repo().tags == {}
