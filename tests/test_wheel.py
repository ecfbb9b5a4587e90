"""What an installed rankmill is made of, and that it works outside the repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from knowing_teacher import knowing, recipe

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder)]
    built = subprocess.run(
        [*command, str(ROOT)], capture_output=True, text=True, timeout=200, check=False
    )
    if built.returncode:
        pytest.skip(f"the build back end cannot be had here: {built.stderr.strip()[-300:]}")
    (found,) = folder.glob("rankmill-*.whl")
    return found


def test_flows_prompts_and_recipes_travel_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        f"rankmill/{path.relative_to(ROOT)}"
        for folder in ("flows", "prompts", "recipes")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".j2", ".toml"}
    }
    assert len(expected) >= 7
    assert expected | {"rankmill/py.typed", "rankmill/assemble/card.md.j2"} <= names
    assert all(name.startswith(("rankmill/", "rankmill-")) for name in names)
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_a_wheel_that_is_made_from_the_sdist_is_the_same(wheel, tmp_path):
    tool = tmp_path / "tool"
    pip = [sys.executable, "-m", "pip"]
    got = subprocess.run(
        [*pip, "install", "--quiet", "--target", str(tool), "hatchling"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if got.returncode:
        pytest.skip(f"the build back end cannot be had here: {got.stderr.strip()[-300:]}")
    environment = {**os.environ, "PYTHONPATH": str(tool)}
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=True)
    (sdist,) = tmp_path.glob("rankmill-*.tar.gz")
    again = [*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run(
        [*again, str(sdist)], env=environment, capture_output=True, timeout=120, check=True
    )
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_the_installed_package_builds_a_dataset_outside_the_repository(wheel, tmp_path):
    installed = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(installed)
    work = tmp_path / "work"
    work.mkdir()
    start = [sys.executable, "-c", "from rankmill.cli import main; main()"]
    with knowing() as teacher:
        recipe(work, teacher.url)
        done = subprocess.run(
            [*start, "build", "toy.toml", "--plain"],
            cwd=work,
            env={**os.environ, "PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert (work / "data" / "builds" / "toy" / "dataset" / "listwise" / "train.parquet").is_file()
    where = subprocess.run(
        [sys.executable, "-c", "import rankmill; print(rankmill.__file__)"],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert where.stdout.startswith(str(installed))
