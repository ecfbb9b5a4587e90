"""Many lists of many shapes at once are each as alone."""

from hypothesis import given
from hypothesis import strategies as st

from rankmill.aggregate import Borda, PlackettLuce, fuse
from rankmill.polls import Poll, agreement_all, fuse_all
from rankmill.records import Ranking

ORDERS = st.integers(2, 6).flatmap(
    lambda n: st.lists(st.permutations("abcdef"[:n]), min_size=1, max_size=4)
)


@given(st.lists(ORDERS, min_size=1, max_size=5))
def test_lists_of_every_shape_keep_apart(lists):
    polls = [Poll(rankings=[Ranking.in_order(tuple(o)) for o in orders]) for orders in lists]
    for poll, fused, agreement in zip(
        polls, fuse_all(Borda(), polls), agreement_all(polls, p=0.9, k=2), strict=True
    ):
        assert fused.ranking == fuse(Borda(), poll.rankings)
        assert agreement == agreement_all([poll], p=0.9, k=2)[0]
        assert (agreement.tau is None) == (len(poll.rankings) == 1)


def test_rules_without_errors_and_single_votes_have_none():
    one = Poll(rankings=[Ranking.in_order(("a", "b"))])
    assert fuse_all(Borda(), [one])[0].errors == {"a": None, "b": None}
    assert all(error > 0 for error in fuse_all(PlackettLuce(), [one])[0].errors.values())
    assert fuse_all(Borda(), []) == []
