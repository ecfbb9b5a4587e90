"""A toy build to review, made once; every test gets a copy of its own."""

import shutil
from pathlib import Path

import pytest

from knowing_teacher import knowing, recipe
from rankmill.line import build
from rankmill.settings import Settings

FILTERS = 'settle.filters=[{kind="source_rank", most=1}]'


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """The data folder of a build called toy, some of whose lists a filter left out."""
    folder = tmp_path_factory.mktemp("built")
    with knowing() as teacher:
        path = recipe(folder, teacher.url)
        build(path, overrides=[FILTERS], settings=Settings(data=folder / "data"))
    return folder / "data"


@pytest.fixture
def data(built, tmp_path) -> Path:
    """A copy of it that a test may write to."""
    shutil.copytree(built, tmp_path / "data", symlinks=True)
    return tmp_path / "data"
