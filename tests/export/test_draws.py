import numpy as np
import pytest
from scipy.stats import chisquare

from rankmill.export.draws import Chance


def test_an_id_draws_the_same_alone_and_among_others():
    alone, among = Chance(17, ["q2"]), Chance(17, ["q1", "q2", "q3"])
    for count in (3, 1, 5):
        assert alone.bits(count).tolist() == [among.bits(count)[1].tolist()]
    assert alone.orders(20).tolist() == [among.orders(20)[1].tolist()]


def test_streams_of_other_ids_and_seeds_differ():
    first = Chance(17, ["q1", "q2"]).bits(4)
    assert len(np.unique(first)) == 8
    assert not np.isin(Chance(18, ["q1", "q2"]).bits(4), first).any()


def test_the_stream_is_splitmix64():
    chance = Chance(17, ["q"])
    chance._begins = np.zeros((1, 1), np.uint64)
    found = np.append(chance.bits(2), chance.bits(1))  # the reference's own first three of seed 0
    assert [hex(n) for n in found] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_every_order_comes_as_often_as_the_others(count):
    orders = Chance(3, [f"q{n}" for n in range(12_000)]).orders(count)
    _, times = np.unique(orders, axis=0, return_counts=True)
    assert len(times) == [2, 6, 24][count - 2]
    assert chisquare(times).pvalue > 0.001
