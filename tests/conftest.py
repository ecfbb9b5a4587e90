"""What several tests need: small real weights, and collections with human judgments."""

import os
from pathlib import Path

import pytest

from rankmill import models
from rankmill.errors import ModelError
from rankmill.settings import Settings

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """A GGUF file of SmolLM2-135M-Instruct."""
    given = os.environ.get("RANKMILL_TEST_SMOLLM2")
    if given:
        return Path(given)
    try:
        return models.fetch("smollm2-135m-instruct", Settings().cache)
    except ModelError as error:
        pytest.skip(f"no SmolLM2 weights: {error}")


@pytest.fixture(scope="session")
def collections() -> Path:
    """The folder of test collections, which lies beside the repository where it is at hand."""
    folder = ROOT.parent / "shared" / "collections"
    if not folder.is_dir():
        pytest.skip("no ../shared/collections beside the repository")
    return folder
