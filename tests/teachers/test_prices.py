from datetime import date

import pytest

from rankmill.errors import ConfigError
from rankmill.spec import Spec
from rankmill.teachers import LlamaCpp, Meter, OpenAI
from rankmill.teachers.meter import in_money
from rankmill.teachers.prices import FREE, Price, PriceList

MINE = """
[[prices]]
model = ["mine-*", "other"]
price_in = 4.0
price_cached = 1.0
price_out = 8.0
batch = 0.25

[[prices]]
model = "gpt-4.1-mini"
price_in = 9.0
price_out = 9.0
read = 2026-11-21
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text(MINE)
    return PriceList.load(path)


def price(price_in, price_cached, price_out):
    return Price(price_in=price_in, price_cached=price_cached, price_out=price_out)


def test_a_model_of_the_package_s_table_has_its_price():
    prices = PriceList.load()
    assert prices.price_of(OpenAI(model="gpt-4.1-mini")) == price(0.40, 0.10, 1.60)
    assert prices.price_of(OpenAI(model="gpt-4.1-mini-2025-04-14")) == price(0.40, 0.10, 1.60)


def test_a_batch_costs_the_share_that_the_table_says(mine):
    assert PriceList.load().price_of(OpenAI(model="gpt-4.1", batch=True)) == price(1.0, 0.25, 4.0)
    assert mine.price_of(OpenAI(model="other", batch=True)) == price(1.0, 0.25, 2.0)


@pytest.mark.parametrize("model", ["gpt-4.1-mini-audio", "gpt-9", "openai/gpt-4o", "mine"])
def test_a_model_of_no_table_has_no_price(mine, model):
    assert mine.price_of(OpenAI(model=model)) is None


def test_the_users_table_comes_before_the_packages(mine):
    assert mine.price_of(OpenAI(model="gpt-4.1-mini")) == price(9.0, 9.0, 9.0)
    assert mine.price_of(OpenAI(model="mine-7b")) == price(4.0, 1.0, 8.0)
    assert mine.price_of(OpenAI(model="gpt-4o")) == price(2.5, 1.25, 10.0)


def test_a_teachers_own_fields_come_first_one_by_one(mine):
    assert mine.price_of(OpenAI(model="mine-7b", price_out=5)) == price(4.0, 1.0, 5.0)
    assert mine.price_of(OpenAI(model="mine-7b", price_in=0)) == price(0.0, 0.0, 8.0)
    assert mine.price_of(OpenAI(model="x", price_in=1, price_out=2)) == price(1.0, 1.0, 2.0)
    own = OpenAI(model="x", price_in=1, price_cached=0.5, price_out=2)
    assert mine.price_of(own) == price(1.0, 0.5, 2.0)
    assert mine.price_of(OpenAI(model="x", price_in=1)) is None


def test_nobody_sends_a_bill_for_a_model_on_this_machine(mine):
    assert mine.price_of(LlamaCpp(model="qwen.gguf")) == FREE
    assert mine.price_of(Spec()) == FREE


def test_cached_tokens_cost_their_own_price():
    meter = Meter(tokens_in=1_000_000, tokens_cached=750_000, tokens_out=100_000)
    assert price(4.0, 1.0, 8.0).of(meter) == pytest.approx(1.0 + 0.75 + 0.8)


def test_every_price_of_the_package_says_when_it_was_read():
    for entry in PriceList.load().prices:
        assert entry.read
        assert entry.read <= date(2100, 1, 1)
        assert 0 < entry.price_cached < entry.price_in < entry.price_out


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[prices", "expected a TOML file"),
        ('[[prices]]\nmodel = "x"\nprice_in = 1', r"prices\.0\.price_out: Field required"),
        ('[[prices]]\nmodel = "x"\nprice_in = 1\nprice_out = -1', "greater than or equal to 0"),
        ('[[price]]\nmodel = "x"', "price: Extra inputs are not permitted"),
    ],
)
def test_a_table_that_is_wrong_is_named_with_what_is_wrong(tmp_path, text, fault):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"RANKMILL_PRICES: .*mine\.toml: .*{fault}"):
        PriceList.load(path)


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"RANKMILL_PRICES: .*none\.toml: cannot be read"):
        PriceList.load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("amount", "words"),
    [(None, "?"), (0.0, "-"), (0.00321, "0.0032"), (0.5, "0.50"), (1234.5, "1,234.50")],
)
def test_an_amount_that_is_not_known_is_never_nothing(amount, words):
    assert in_money(amount) == words
