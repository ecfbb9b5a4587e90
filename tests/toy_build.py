"""Fixtures of a whole build in small: a teacher whose true rankings are known, and its recipe."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from knowing_teacher import knowing, recipe
from scripted_teacher import ScriptedTeacher


@pytest.fixture
def teacher() -> Iterator[ScriptedTeacher]:
    """A teacher that answers over HTTP."""
    with knowing() as server:
        yield server


@pytest.fixture
def toy(tmp_path: Path, teacher: ScriptedTeacher) -> Path:
    """A recipe that asks it everything."""
    return recipe(tmp_path, teacher.url)
