import sys
from pathlib import Path

import pytest

from rankmill.settings import Settings
from rankmill.teachers.engine import Surroundings

sys.path.insert(0, str(Path(__file__).parents[1]))  # for scripted_teacher


@pytest.fixture
def said():
    return []


@pytest.fixture
def where(tmp_path, said):
    return Surroundings(settings=Settings(), folder=tmp_path / "logs", say=said.append)
