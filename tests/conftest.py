"""What several tests need: small real weights, and collections with human judgments."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from rankmill import models
from rankmill.errors import ModelError
from rankmill.settings import Settings

pytest_plugins = ["small_build", "toy_build"]
ROOT = Path(__file__).parents[1]
SMOLLM2 = "RANKMILL_TEST_SMOLLM2"


def pytest_configure() -> None:
    """Have the weights of SmolLM2-135M-Instruct at hand; tests that need them skip without."""
    if SMOLLM2 not in os.environ:
        with suppress(ModelError):
            os.environ[SMOLLM2] = str(models.fetch("smollm2-135m-instruct", Settings().cache))


@pytest.fixture(scope="session")
def collections() -> Path:
    """The folder of test collections, which lies beside the repository where it is at hand."""
    folder = ROOT.parent / "shared" / "collections"
    if not folder.is_dir():
        pytest.skip("no ../shared/collections beside the repository")
    return folder


@pytest.fixture(scope="session")
def smollm2() -> str:
    """The GGUF file of SmolLM2-135M-Instruct."""
    if SMOLLM2 not in os.environ:
        pytest.skip("the weights of SmolLM2-135M-Instruct cannot be had here")
    return os.environ[SMOLLM2]
