import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from rankmill.export.among import Among

IDS = st.one_of(st.none(), st.text(max_size=3))


@given(st.lists(st.text(max_size=3), unique=True), st.lists(IDS), st.booleans())
def test_an_id_is_found_where_it_stands(among, ids, gap):
    among = [None, *among] if gap else among
    found = Among(pl.Series(among, dtype=pl.String)).rows(pl.Series(ids, dtype=pl.String))
    assert found.to_list() == [
        among.index(one) if one is not None and one in among else None for one in ids
    ]


def test_numbers_are_found_too():
    among = pl.Series([2**40, None, 7], dtype=pl.UInt64)
    found = Among(among).rows(pl.Series([7, 8, None, 2**40], dtype=pl.UInt64))
    assert found.to_list() == [2, None, None, 0]
