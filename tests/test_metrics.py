import json
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from knowing_teacher import knowing, recipe
from rankmill.build import open_build
from rankmill.errors import ConfigError
from rankmill.records import Chat, Message
from rankmill.settings import Settings
from scripted_teacher import Fault


@pytest.fixture
def port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def scraped(port):
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
        }


def chat(words):
    return Chat(messages=(Message(role="user", content=words),), max_tokens=5)


def test_the_figures_are_those_of_the_meters_and_end_with_the_build(tmp_path, port):
    with knowing() as teacher:
        toy = recipe(tmp_path, teacher.url)
        settings = Settings(data=tmp_path / "data", metrics_port=port)
        prices = ["teachers.knowing.price_in=1", "teachers.knowing.price_out=10"]
        with open_build(toy, overrides=prices, settings=settings) as build:
            build.teachers.run(build.teachers.engine("knowing"))
            teacher.faults.append(Fault(status=429, headers={"Retry-After": "0"}))
            send = build.sender("knowing", "label", 10)
            for words in ("one two", "three", "three"):
                build.teachers.run(send(chat(words), 0))
            found, meter = scraped(port), build.teachers.meter
    assert meter.calls == 2
    assert found["rankmill_calls_total", "knowing"] == 2
    assert found["rankmill_reused_total", "knowing"] == 1
    assert found["rankmill_tokens_in_total", "knowing"] == meter.tokens_in == 3
    assert found["rankmill_tokens_out_total", "knowing"] == meter.tokens_out
    assert found["rankmill_tokens_cached_total", "knowing"] == 0
    assert found["rankmill_retries_total", "429", "knowing"] == 1
    assert found["rankmill_money_total", "knowing"] == pytest.approx(meter.money)
    assert found["rankmill_in_flight", "knowing"] == found["rankmill_waiting", "knowing"] == 0
    assert found["rankmill_stage_done", "label"] == 3
    assert found["rankmill_stage_total", "label"] == 10
    with pytest.raises(URLError):
        scraped(port)


def test_money_is_left_out_where_the_price_is_not_known(tmp_path, port):
    with knowing() as teacher:
        toy = recipe(tmp_path, teacher.url)
        settings = Settings(data=tmp_path / "data", metrics_port=port)
        with open_build(toy, settings=settings, record=False):
            assert ("rankmill_money_total", "knowing") not in scraped(port)


def test_a_port_that_is_taken_is_named_in_one_line(tmp_path):
    with knowing() as teacher, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        toy = recipe(tmp_path, teacher.url)
        settings = Settings(data=tmp_path / "data", metrics_port=port)
        fault = rf"^RANKMILL_METRICS_PORT: 127\.0\.0\.1:{port} cannot be used: .*in use$"
        with pytest.raises(ConfigError, match=fault), open_build(toy, settings=settings):
            pass


def test_the_command_serves_them_while_it_builds(tmp_path, port):
    with knowing(delay=0.1) as teacher:
        toy = recipe(tmp_path, teacher.url)
        start = [sys.executable, "-c", "from rankmill.cli import main; main()", "build", str(toy)]
        options = ["--plain", "--data", str(tmp_path / "data"), "--metrics-port", str(port)]
        child = subprocess.Popen([*start, *options], stdout=subprocess.DEVNULL)
        until, found = time.monotonic() + 60, {}
        wanted = {("rankmill_seconds_left",), ("rankmill_in_flight", "knowing")}
        while not all(map(found.get, wanted)) and time.monotonic() < until:
            time.sleep(0.2)
            try:
                found = scraped(port)
            except OSError:
                assert child.poll() is None
        teacher.delay = 0
        assert child.wait(60) == 0
    assert all(map(found.get, wanted))
    assert found["rankmill_calls_total", "knowing"] > 0
    manifest = json.loads((tmp_path / "data" / "builds" / "toy" / "manifest.json").read_text())
    assert "now" not in manifest
