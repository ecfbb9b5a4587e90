"""What the README shows is true: its recipes are recipes, its commands are commands."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from rankmill.cli import app
from rankmill.export import kinds
from rankmill.recipe import Recipe
from rankmill.tables import REVIEWS
from rankmill.teachers import OpenAI
from rankmill.teachers.prices import PriceList

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICKSTART = tomllib.loads((ROOT / "recipes" / "quickstart.toml").read_text(encoding="utf-8"))
TOML = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
SNIPPETS = [snippet for snippet in TOML if "[[prices]]" not in snippet]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_every_snippet_is_a_part_of_a_valid_recipe(snippet, tmp_path):
    reviews = tmp_path / "data/builds/quickstart/reviews.parquet"
    reviews.parent.mkdir(parents=True)
    (tmp_path / "recipes").mkdir()
    REVIEWS.empty().write_parquet(reviews)
    parts = tomllib.loads(snippet)
    teachers = {"teachers": {**QUICKSTART["teachers"], **parts.pop("teachers", {})}}
    written = parts.pop("generate", {})
    writers = written if isinstance(written, list) else [{**QUICKSTART["generate"], **written}]
    generate = {"generate": writers}
    views = {view["name"]: view for view in [*QUICKSTART["views"], *parts.pop("views", [])]}
    every = {"views": list(views.values())}
    whole = {**QUICKSTART, **parts, **teachers, **generate, **every}
    recipe = Recipe.model_validate(whole, context={"base": tmp_path / "recipes"})
    assert recipe != Recipe.model_validate(QUICKSTART)


def test_the_table_of_prices_is_one(tmp_path):
    (snippet,) = set(TOML) - set(SNIPPETS)
    (tmp_path / "prices.toml").write_text(snippet)
    price = PriceList.load(tmp_path / "prices.toml").price_of(OpenAI(model="my-model-2"))
    assert price.price_out == 1.6


def test_there_are_snippets():
    assert len(SNIPPETS) == 24


def test_every_command_is_there_and_every_command_is_shown():
    commands = set(get_command(app).commands)
    shell = "".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    assert set(re.findall(r"^rankmill ([\w-]+)", shell, re.MULTILINE)) == commands


@pytest.mark.parametrize("path", re.findall(r"\]\(([\w/.]+\.md)\)", README))
def test_every_link_leads_somewhere(path):
    assert (ROOT / path).is_file()


def test_every_export_is_in_the_table_of_formats():
    shown = set(re.findall(r"`([\w-]+)`", README))
    assert {kind.model_fields["kind"].default for kind in kinds()} <= shown
