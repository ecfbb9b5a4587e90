from rankmill.records import Reply
from rankmill.teachers import Meter
from rankmill.teachers.meter import Tally


def test_a_tally_counts_what_a_reply_cost():
    tally = Tally()
    for _ in range(2):
        tally.add(Reply(tokens_in=10, tokens_cached=4, tokens_out=3), 50)
    assert tally == Tally(calls=2, tokens_in=20, tokens_cached=8, tokens_out=6, characters=100)


def test_meters_add_up_with_their_causes():
    one = Meter(calls=1, reused=2, tokens_in=4, retries={"429": 2}, money=0.5)
    other = Meter(calls=1, refused=3, tokens_cached=1, retries={"429": 1, "reset": 1}, money=0.25)
    assert one + other == Meter(
        calls=2,
        reused=2,
        refused=3,
        tokens_in=4,
        tokens_cached=1,
        retries={"429": 3, "reset": 1},
        money=0.75,
    )


def test_a_sum_with_a_price_that_is_not_known_is_not_known():
    assert (Meter(money=0.5) + Meter(calls=1, money=None)).money is None
    assert (Meter(money=None) + Meter()).money is None


def test_what_was_asked_since_then_is_the_difference():
    then = Meter(calls=3, tokens_in=30, characters=90)
    assert Meter(calls=5, tokens_in=70, characters=190) - then == Meter(
        calls=2, tokens_in=40, characters=100
    )


def test_a_manifest_of_before_is_read_though_it_does_not_say_why_requests_were_sent_again():
    old = {"calls": 7, "reused": 1, "refused": 0, "tokens_in": 5, "tokens_out": 2, "retries": 3}
    meter = Meter.from_json({**old, "money": 0.1})
    assert meter == Meter(
        calls=7, reused=1, tokens_in=5, tokens_out=2, retries={"unknown": 3}, money=0.1
    )
    assert Meter.from_json({**old, "retries": 0, "money": 0.0}).retries == {}


def test_figures_are_for_people():
    meter = Meter(calls=1200, retries={"reset": 1, "429": 12}, money=None, seconds=61.4)
    assert meter.figures == {
        "calls": "1,200",
        "reused": "0",
        "refused": "0",
        "tokens in": "0",
        "tokens cached": "0",
        "tokens out": "0",
        "sent again": "429 12, reset 1",
        "seconds": "61",
        "money": "?",
    }
