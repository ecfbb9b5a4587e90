"""Where ids stand among others."""

import polars as pl


class Among:
    """Ids in which others are searched for: as fast as a join, and in a fraction of its memory."""

    def __init__(self, ids: pl.Series) -> None:
        """They differ from each other; a null is none of them."""
        rows = ids.arg_sort(nulls_last=True).head(ids.len() - ids.null_count())
        self._sorted = ids.gather(rows)
        self._ids, self._rows = (one.extend_constant(None, 1) for one in (self._sorted, rows))

    def rows(self, ids: pl.Series) -> pl.Series:
        """Where each id stands among them, from 0; null if nowhere."""
        place = self._sorted.search_sorted(ids)
        same = self._ids.gather(place) == ids
        return pl.select(pl.when(same).then(self._rows.gather(place))).to_series()
