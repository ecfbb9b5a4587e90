"""Builds that end early: by a signal, or because their budget is spent. Nothing paid is lost."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest

from rankmill.build import open_build
from rankmill.errors import BudgetSpent, ConfigError
from rankmill.line import build
from rankmill.manifest import read_manifest
from rankmill.settings import Settings

SEEDS, LISTS, DEPTH = 18, 18, 8
CALLS = SEEDS + LISTS * (DEPTH + DEPTH + 3)
START = [sys.executable, "-c", "from rankmill.cli import main; main()", "build"]


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "data")


def manifest(settings):
    return read_manifest(settings.data / "builds" / "toy")


def questions(teacher):
    """What was asked about documents: not the probes of a teacher that is opened."""
    return [seen for seen in teacher.requests if "ocument" in json.dumps(seen.body)]


def start(toy, settings, *more):
    return subprocess.Popen(
        [*START, str(toy), "--plain", "--data", str(settings.data), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(teacher, requests):
    until = time.monotonic() + 60
    while len(questions(teacher)) < requests and time.monotonic() < until:
        time.sleep(0.005)


def slowly(toy, teacher, settings, delay, concurrency):
    """A build whose teacher takes its time once it has been probed."""
    child = start(toy, settings, "--set", f"teachers.knowing.concurrency={concurrency}")
    wait_for(teacher, 1)
    teacher.delay = delay
    return child


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_after_a_signal_nothing_is_asked_again(toy, teacher, settings, number):
    child = slowly(toy, teacher, settings, 0.2, 4)
    wait_for(teacher, 30)
    child.send_signal(number)
    out, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert errors == "interrupted; the same command goes on from here\n"
    assert re.search(r"\d+ calls in flight are let finish, 30 s at most", out)
    known = manifest(settings)
    asked = len(questions(teacher))
    assert known["status"] == "interrupted"
    assert known["teachers"]["knowing"]["calls"] == asked < CALLS
    teacher.delay = 0
    build(toy, settings=settings)
    assert len(questions(teacher)) == CALLS
    assert manifest(settings)["teachers"]["knowing"]["calls"] == CALLS


def test_a_second_signal_waits_for_nothing(toy, teacher, settings):
    child = slowly(toy, teacher, settings, 0.1, 4)
    wait_for(teacher, 20)
    teacher.delay = 25
    time.sleep(1)  # by now all that is in flight is slow
    began = time.monotonic()
    child.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert child.poll() is None
    child.send_signal(signal.SIGTERM)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Traceback" not in errors
    assert time.monotonic() - began < 15
    teacher.delay = 0


def test_a_cap_on_calls_is_never_exceeded_and_a_higher_one_goes_on(toy, teacher, settings):
    for cap in (7, 100, 101):
        with pytest.raises(BudgetSpent, match=rf"budget\.calls = {cap} is reached: {cap} calls"):
            build(toy, overrides=[f"budget.calls={cap}"], settings=settings)
        assert len(questions(teacher)) == cap
        assert manifest(settings)["teachers"]["knowing"]["calls"] == cap
    build(toy, overrides=[f"budget.calls={CALLS}"], settings=settings)
    assert len(questions(teacher)) == CALLS
    assert manifest(settings)["status"] == "complete"


def test_a_spent_budget_ends_the_command_in_one_line_that_says_what_is_left(toy, settings):
    child = start(toy, settings, "--set", "budget.calls=118")
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 9
    tokens = r"[\d,.]+( K)? tokens"
    assert re.fullmatch(
        rf"stopped: budget\.calls = 118 is reached: 118 calls, {tokens}, money \? and 0\.\d "
        rf"minutes spent; label: 100 of 342 calls done; about 242 calls and {tokens} left; a "
        r"higher cap goes on from here\n",
        errors,
    )
    known = manifest(settings)
    assert (known["status"], f"{known['error']}\n") == ("stopped: budget", errors)


def test_a_budget_that_is_spent_already_asks_nothing_more(toy, teacher, settings):
    for _ in range(2):
        with pytest.raises(BudgetSpent) as stopped:
            build(toy, overrides=["budget.calls=118"], settings=settings)
        done, left = re.search(
            r"label: (\d+) of 342 calls done; about (\d+) calls and [\d.]+ K tokens left",
            str(stopped.value),
        ).groups()
        assert 0 < int(done) <= 100
        assert int(done) + int(left) == 342
        assert len(questions(teacher)) == 118


def test_what_is_left_includes_what_has_not_begun(toy, settings):
    left = rf"generate: 7 of 18 calls done; about {CALLS - 7} calls and .* left"
    with pytest.raises(BudgetSpent, match=left):
        build(toy, overrides=["budget.calls=7"], settings=settings)


@pytest.mark.parametrize("cap", ["tokens=9000", "money=0.009"])
def test_a_cap_on_tokens_or_money_is_exceeded_by_what_was_in_flight_at_most(
    toy, teacher, settings, cap
):
    teacher.delay = 0.01
    prices = ["teachers.knowing.price_in=1", "teachers.knowing.price_out=1"]
    with pytest.raises(BudgetSpent, match=f"budget.{cap.partition('=')[0]} = "):
        build(toy, overrides=[f"budget.{cap}", *prices], settings=settings)
    spent = manifest(settings)["teachers"]["knowing"]
    tokens = spent["tokens_in"] + spent["tokens_out"]
    assert 9000 <= tokens < 9000 + 16 * 200
    assert spent["money"] == pytest.approx(tokens / 1e6)
    assert len(questions(teacher)) == spent["calls"]


def test_minutes_count_in_one_run_and_stored_replies_cost_none(toy, teacher, settings):
    teacher.delay = 0.1
    for _ in range(2):
        asked = len(questions(teacher))
        with pytest.raises(BudgetSpent, match=r"budget\.minutes = 0\.02 is reached"):
            build(toy, overrides=["budget.minutes=0.02"], settings=settings)
        assert asked <= len(questions(teacher)) < CALLS
    teacher.delay = 0
    build(toy, settings=settings)
    assert len(questions(teacher)) == CALLS
    build(toy, overrides=["budget.calls=0", "budget.minutes=0"], settings=settings)


def test_money_cannot_be_capped_where_a_price_is_not_known(toy, teacher, settings):
    with pytest.raises(
        ConfigError, match=r"^budget\.money: the price of knowing is not known; set "
    ):
        build(toy, overrides=["budget.money=5"], settings=settings)
    assert teacher.requests == []


def test_a_budget_is_part_of_no_table_s_name(toy, settings):
    first = build(toy, settings=settings)
    before = (first / "MANIFEST.json").read_text()
    again = build(toy, overrides=["budget.calls=100000"], settings=settings)
    assert (again / "MANIFEST.json").read_text() == before
    with (
        open_build(toy, settings=settings, record=False) as bare,
        open_build(toy, overrides=["budget.calls=1"], settings=settings, record=False) as capped,
    ):
        assert bare.recipe.fingerprint == capped.recipe.fingerprint


def test_a_killed_run_is_remembered_but_for_its_last_seconds(toy, teacher, settings):
    child = slowly(toy, teacher, settings, 0.25, 2)
    wait_for(teacher, 50)
    child.kill()
    child.communicate(timeout=30)
    known = manifest(settings)
    assert known["status"] == "running"
    assert 0 < known["now"]["in_flight"] <= 2
    assert known["now"]["calls_per_second"] > 0
    assert known["now"]["seconds_left"] > 0
    assert 50 - 4 * 2 / 0.25 <= known["teachers"]["knowing"]["calls"] <= 50
