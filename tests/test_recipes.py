"""The recipes of the papers are recipes: each is valid, and its prompts are there and fit."""

from pathlib import Path

import pytest

from rankmill.build import open_build
from rankmill.check import prompts_of
from rankmill.settings import Settings

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.toml"))
CALLS = {"e2rank": 1, "erank": 60, "fullrank": 45, "prp": 380, "rankgpt": 9, "utility": 6}
"""What section 2 of each paper says a list costs."""


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_valid_and_its_prompts_fit(path, tmp_path):
    with open_build(path, settings=Settings(data=tmp_path), record=False) as build:
        assert prompts_of(build)
        assert build.recipe.name == path.stem
        depth = build.recipe.retrieve.depth
        calls = sum(view.calls(depth) for view in build.recipe.views)
        assert calls == CALLS.get(path.stem, calls)
    assert path.read_text().startswith("# ")
