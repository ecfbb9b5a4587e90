import pytest

from rankmill.speeds import Speeds
from rankmill.teachers import Meter


def asked(calls, seconds=2.0):
    return Meter(
        calls=calls, tokens_in=10 * calls, tokens_out=calls, characters=35 * calls, seconds=seconds
    )


def test_a_speed_is_that_of_the_stage_or_else_of_the_last_one(tmp_path):
    speeds = Speeds(tmp_path)
    assert speeds.of("t", "label") is None
    speeds.note("t", "generate", asked(20))
    speeds.note("t", "label", asked(100, seconds=4))
    found = Speeds(tmp_path).of("t", "generate")
    assert found.tokens_per_second == pytest.approx(220 / 2)
    assert found.characters_per_token == 3.5
    assert speeds.of("t", "label").tokens_per_second == pytest.approx(1100 / 4)
    assert speeds.of("t", "bench").tokens_per_second == pytest.approx(1100 / 4)
    assert speeds.of("another", "label") is None


def test_a_handful_of_calls_does_not_replace_what_is_known(tmp_path):
    speeds = Speeds(tmp_path)
    for calls, kept in ((10, 10), (9, 10), (12, 12), (400, 400), (49, 400), (50, 50)):
        speeds.note("t", "label", asked(calls))
        assert speeds.of("t", "label").calls == kept


@pytest.mark.parametrize("nothing", [Meter(), Meter(reused=9), Meter(calls=2, seconds=1.0)])
def test_nothing_is_learnt_from_nothing(tmp_path, nothing):
    speeds = Speeds(tmp_path)
    speeds.note("t", "label", nothing)
    assert speeds.of("t", "label") is None
    assert not (tmp_path / "speeds.json").exists()


def test_another_machine_has_other_speeds(tmp_path, monkeypatch):
    Speeds(tmp_path).note("t", "label", asked(10))
    monkeypatch.setattr("platform.node", lambda: "elsewhere")
    assert Speeds(tmp_path).of("t", "label") is None
