"""What was published is read over HTTP by `load_dataset`, config by config, and is what is here."""

import json
import os
import subprocess
import sys

import polars as pl
import pytest
from huggingface_hub import metadata_load
from typer.testing import CliRunner

from hub_emulator import STRANGER
from knowing_teacher import knowing, recipe
from rankmill.cli import app
from rankmill.line import build
from rankmill.settings import Settings

READ = """
import json, sys
from datasets import get_dataset_config_names, load_dataset

repo, revision, to = sys.argv[1:]
for config in get_dataset_config_names(repo, revision=revision):
    for split, rows in load_dataset(repo, config, revision=revision).items():
        rows.to_parquet(f"{to}/{config}.{split}")
"""


def read(repo, revision, to):
    """Have another process read every config into Parquet files; returns what it said."""
    to.mkdir()
    return subprocess.run(
        [sys.executable, "-c", READ, repo, revision, str(to)],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def rows(path):
    return pl.read_parquet(path, glob=False).to_dicts()


def configs(folder):
    """Files by config and split, as the card lists them."""
    return {
        f"{config['config_name']}.{files['split']}": folder / files["path"]
        for config in metadata_load(folder / "README.md")["configs"]
        for files in config["data_files"]
    }


def is_read_back(hub, folder, to, revision):
    """Every config and split of a folder came from the hub, row by row the same."""
    done = read("org/tea", revision, to)
    assert done.returncode == 0, done.stderr[-3000:]
    here = configs(folder)
    assert {path.name for path in to.iterdir()} == set(here)
    for name, path in here.items():
        assert rows(to / name) == rows(path), name
    stored = {path for method, path in hub.asked("GET") if path.startswith("/storage/")}
    assert len(stored) == len({path.read_bytes() for path in here.values()})


@pytest.mark.parametrize("revision", ["main", "v1"])
def test_every_config_is_read_back_from_a_private_repository(hub, dataset, tmp_path, revision):
    done = CliRunner().invoke(app, ["publish", str(dataset.path), "--repo", "org/tea", "--yes"])
    assert done.exit_code == 0, done.output
    is_read_back(hub, dataset.path, tmp_path / "read", revision)


def test_who_is_not_let_reads_nothing(hub, dataset, tmp_path, monkeypatch):
    CliRunner().invoke(app, ["publish", str(dataset.path), "--repo", "org/tea", "--yes"])
    monkeypatch.setenv("HF_TOKEN", STRANGER)
    done = read("org/tea", "main", tmp_path / "read")
    assert done.returncode != 0
    assert "DatasetNotFoundError" in done.stderr


def test_a_build_is_published_through_its_gate_and_read_back(hub, tmp_path):
    with knowing() as teacher:
        toy = recipe(tmp_path, teacher.url)
        folder = build(toy, settings=Settings(data=tmp_path / "data"))
    words = ["publish", "toy", "--repo", "org/tea", "--yes", "--data", str(tmp_path / "data")]
    closed = CliRunner().invoke(app, words)
    assert closed.exit_code == 11
    assert "nothing was sent: licences: not stated" in closed.stderr
    done = CliRunner().invoke(app, [*words, "--allow", "licences=texts of this test"])
    assert done.exit_code == 0, done.output
    is_read_back(hub, folder, tmp_path / "read", "v1")
    card = hub.repo().files()["README.md"].body.decode()
    assert card.startswith((folder / "README.md").read_text().rstrip())
    assert "texts of this test" in card
    listed = json.loads((folder / "MANIFEST.json").read_text())["files"]
    held = hub.repo().files()
    assert {path: held[path].sha256 for path in listed if path.endswith(".parquet")} == {
        path: facts["sha256"] for path, facts in listed.items() if path.endswith(".parquet")
    }
