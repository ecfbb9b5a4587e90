"""What a build is said to cost beforehand, against what it then cost."""

from io import StringIO

import pytest
from rich.console import Console

from rankmill.build import open_build
from rankmill.line import build
from rankmill.manifest import read_manifest
from rankmill.plan import estimates, plan
from rankmill.settings import Settings

TABLE = """
[[prices]]
model = "teach*"
price_in = 2.0
price_cached = 1.0
price_out = 4.0
batch = 0.5
"""


def rows(toy, settings, *overrides):
    with open_build(toy, overrides=overrides, settings=settings, record=False) as opened:
        return list(estimates(opened))


def printed(toy, settings, *overrides):
    console = Console(width=120, record=True, file=StringIO())
    console.print(plan(toy, overrides=overrides, settings=settings))
    return console.export_text()


def last_line(text):
    (line,) = [line.split() for line in text.splitlines() if line.startswith(" all")]
    return line


def test_money_is_by_the_users_table_and_half_of_it_in_a_batch(tmp_path, toy):
    table = tmp_path / "prices.toml"
    table.write_text(TABLE)
    settings = Settings(data=tmp_path / "data", prices=table)
    for row in rows(toy, settings):
        assert row.money == pytest.approx((2 * row.tokens_in + 4 * row.tokens_out) / 1e6)
    for row in rows(toy, settings, "teachers.knowing.batch=true"):
        assert row.money == pytest.approx((row.tokens_in + 2 * row.tokens_out) / 1e6)


def test_what_is_not_known_is_a_question_mark(tmp_path, toy):
    assert last_line(printed(toy, Settings(data=tmp_path / "data")))[-2:] == ["?", "?"]


def test_a_model_on_this_machine_sends_no_bill_and_its_speed_is_roughly_known(tmp_path, toy):
    embedded = 'teachers.knowing={kind="llama_cpp", model="qwen2.5-coder-1.5b-instruct"}'
    minutes, money = last_line(printed(toy, Settings(data=tmp_path / "data"), embedded))[-2:]
    assert float(minutes) > 0
    assert money == "-"


def test_after_a_build_tokens_and_speed_are_those_that_were_measured(tmp_path, toy, teacher):
    settings = Settings(data=tmp_path / "data")
    before = rows(toy, settings)
    assert all(row.seconds is None for row in before)
    teacher.delay = 0.01
    build(toy, settings=settings)
    spent = read_manifest(settings.data / "builds" / "toy")["teachers"]["knowing"]
    after = rows(toy, settings)
    planned = sum(row.tokens_in for row in after)
    assert abs(planned - spent["tokens_in"]) < 0.25 * spent["tokens_in"]
    assert abs(planned - spent["tokens_in"]) < abs(
        sum(row.tokens_in for row in before) - spent["tokens_in"]
    )
    seconds = sum(row.seconds for row in after)
    assert 0.5 * spent["seconds"] < seconds < 4 * spent["seconds"]


def test_the_speed_of_a_teacher_serves_any_recipe_that_asks_it(tmp_path, toy):
    settings = Settings(data=tmp_path / "data")
    build(toy, settings=settings)
    assert all(row.seconds for row in rows(toy, settings, "name=another"))
    other = rows(toy, settings, "name=another", "teachers.knowing.model=gpt-9")
    assert not any(row.seconds for row in other)
