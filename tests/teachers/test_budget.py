import time

import pytest

from rankmill.errors import BudgetSpent, ConfigError, Stopped
from rankmill.records import Reply
from rankmill.teachers import Budget, Meter
from rankmill.teachers.budget import Account, Purse, total
from rankmill.teachers.door import Door
from rankmill.teachers.prices import FREE, Price

DEAR = Price(price_in=1.0, price_cached=0.5, price_out=2.0)


def purse(*, before=None, price=DEAR, **caps):
    account = Account(price, before or Meter())
    return account, Purse(Budget(**caps), {"a": account})


def spend(account, calls, tokens_in=0, tokens_out=0):
    for _ in range(calls):
        account.tally.add(Reply(tokens_in=tokens_in, tokens_out=tokens_out))


def test_a_budget_without_caps_is_none():
    assert not Budget().caps
    assert Budget(calls=0).caps
    assert Budget(minutes=0.5).caps


def test_calls_of_all_runs_count_and_those_in_flight_take_their_room():
    account, mine = purse(before=Meter(calls=7), calls=10)
    spend(account, 2)
    assert mine.reached() == ""
    assert mine.has_room(0)
    assert not mine.has_room(1)
    spend(account, 1)
    assert mine.reached().startswith("budget.calls = 10 is reached: 10 calls, 0 tokens, money -")


def test_tokens_count_in_both_directions():
    account, mine = purse(before=Meter(tokens_in=100, tokens_out=20), tokens=1_000)
    spend(account, 8, tokens_in=90, tokens_out=19)
    assert mine.reached() == ""
    spend(account, 1, tokens_in=8)
    assert mine.reached().startswith("budget.tokens = 1,000 is reached: 9 calls, 1,000 tokens")


def test_money_counts_by_the_price_and_with_that_of_earlier_runs():
    account, mine = purse(before=Meter(money=0.4), money=0.5)
    spend(account, 9, tokens_in=10_000)
    assert mine.reached() == ""
    spend(account, 1, tokens_in=10_000)
    assert "budget.money = 0.5 is reached: 10 calls, 100,000 tokens, money 0.50 and" in (
        mine.reached()
    )


def test_minutes_are_those_of_this_run(monkeypatch):
    _, mine = purse(minutes=2)
    assert mine.reached() == ""
    later = time.monotonic() + 121
    monkeypatch.setattr("time.monotonic", lambda: later)
    assert mine.reached().startswith("budget.minutes = 2.0 is reached")


def test_money_cannot_be_capped_where_a_price_is_not_known():
    accounts = {"known": Account(DEAR), "local": Account(FREE), "x": Account(), "y": Account()}
    with pytest.raises(ConfigError, match=r"^budget\.money: the price of x, y is not known; set "):
        Purse(Budget(money=1), accounts)
    Purse(Budget(calls=1), accounts)


def test_what_was_spent_before_the_price_was_known_is_reckoned_by_it():
    account, mine = purse(before=Meter(tokens_in=200_000, tokens_out=50_000, money=None), money=0.5)
    assert account.before.money == pytest.approx(0.3)
    spend(account, 1, tokens_out=100_000)
    assert mine.reached().startswith("budget.money = 0.5 is reached")


def test_money_cannot_be_capped_where_an_earlier_run_asked_a_teacher_of_unknown_price():
    gone = Account(FREE, Meter(calls=1, tokens_in=5, money=0.1))
    Purse(Budget(money=1), {"gone": gone})
    with pytest.raises(ConfigError, match="the price of x is not known"):
        Purse(Budget(money=1), {"x": Account(None, Meter(calls=1, money=0.1))})


def test_what_costs_nobody_knows_what_is_said_so():
    account, mine = purse(price=None, calls=1)
    spend(account, 1, tokens_in=5)
    assert "money ?" in mine.reached()


def test_a_total_with_an_unknown_amount_is_unknown():
    assert total([0.5, 0.25]) == 0.75
    assert total([0.5, None]) is None
    assert total([]) == 0


def test_a_door_closes_when_the_budget_is_spent_and_says_what_was_spent_in_the_end():
    account, mine = purse(calls=2)
    door = Door(mine)
    assert door.lets_in()
    door.inside = 2
    assert not door.lets_in()
    assert door.open  # one of the two may yet be refused, and cost no call
    spend(account, 2)
    assert not door.lets_in()
    assert not door.open
    spend(account, 1)
    assert isinstance(door.why, BudgetSpent)
    assert "3 calls" in str(door.why)


def test_the_first_reason_to_close_a_door_counts():
    door = Door()
    assert door.lets_in()
    door.close(Stopped("first"))
    door.close(Stopped("second"))
    assert not door.lets_in()
    assert str(door.why) == "first"
