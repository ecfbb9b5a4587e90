import pytest

from rankmill.pulse import Pulse, Pulses, Work, duration, short
from rankmill.teachers import Meter


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def meter(calls):
    return Meter(calls=calls, tokens_in=100 * calls, tokens_out=2 * calls)


def test_rates_are_those_of_the_last_ten_seconds(clock):
    pulses, work = Pulses(), Work(stage="label", total=1000)
    assert pulses.take(meter(0), (4, 9), [work]).calls == 0
    for seconds in range(1, 41):
        clock[0] = 100.0 + seconds
        work.done += 5 if seconds <= 20 else 10
        pulse = pulses.take(meter(work.done), (4, 9), [work])
    assert work.done == 300
    assert pulse == Pulse(
        meter=meter(300),
        in_flight=4,
        waiting=9,
        calls=10.0,
        tokens_in=1000.0,
        tokens_out=20.0,
        seconds_left=70.0,
    )


def test_nobody_knows_how_long_it_takes_while_nothing_is_done(clock):
    pulses, work = Pulses(), Work(stage="label", total=10)
    for _ in range(3):
        clock[0] += 1
        pulse = pulses.take(Meter(), (1, 9), [work])
    assert pulse.seconds_left is None
    assert str(pulse) == "0 calls (0.0/s) · 0 tokens in (0.0/s) · 0 out (0.0/s) · 1 in flight"


def test_the_line_names_what_went_wrong_and_what_it_costs():
    spent = Meter(calls=3, retries={"reset": 2, "429": 1_000}, money=None)
    assert str(Pulse(meter=spent, in_flight=2, waiting=0)).endswith(
        "2 in flight · sent again: 429 1,000, reset 2 · money ?"
    )
    assert "money 1.25" in str(Pulse(meter=Meter(money=1.25), in_flight=0, waiting=0))


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (9_999, "9,999"), (12_345, "12.3 K"), (2_100_000, "2.1 M"), (3e9, "3.0 G")],
)
def test_numbers_are_short(number, words):
    assert short(number) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(9.4, "9 s"), (250, "4 min"), (7200, "2.0 h"), (99.4, "99 s")]
)
def test_durations_are_short(seconds, words):
    assert duration(seconds) == words
