"""How many topics a corpus has: where more of them stop paying."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import polars as pl
from pydantic import Field

from rankmill.errors import StageError
from rankmill.spec import Spec
from rankmill.tables import Table

ELBOW = Table(
    name="elbow",
    key=("clusters",),
    columns={"clusters": pl.Int32, "sse": pl.Float64, "chosen": pl.Boolean},
)

_FEWEST = 3  # values of the grid: two make a line, and a line has no knee


class Tried(NamedTuple):
    """One number of clusters, and the sum of squared cosine distances to the centroids."""

    clusters: int
    sse: float


class Elbow(Spec):
    """The number of clusters is the knee of the curve of squared distances over a grid of numbers.

    Attributes:
        grid: Numbers that are tried. Those that would leave less than two documents a cluster are
            passed over: at one document a cluster the distance is 0, whatever the corpus is like.
        sensitivity: How far, in steps of the grid, the curve must fall off after its knee for
            that to be one. DUQGen takes 0.01.

    Papers: Satopaa et al., "Finding a 'Kneedle' in a Haystack", 2011; the grid and the distance
    are DUQGen's (Chandradevan, Dhole & Agichtein, NAACL 2024), whose knee was 1,000 for every
    corpus.
    """

    kind: Literal["elbow"] = "elbow"
    grid: tuple[Annotated[int, Field(ge=1)], ...] = (5, 10, 50, 100, 500, 1000, 5000, 10000)
    sensitivity: float = Field(default=0.01, ge=0)

    def fitting(self, documents: int) -> list[int]:
        """The numbers of the grid that so many documents can fill, ascending.

        Raises:
            StageError: They are too few for a knee.
        """
        fitting = sorted({clusters for clusters in self.grid if 2 * clusters <= documents})
        if len(fitting) < _FEWEST:
            raise StageError(
                f"cluster: an elbow needs {_FEWEST} numbers of clusters to try, and {documents:,} "
                f"documents can fill {fitting or 'none'} of the grid twice over; name others in "
                "cluster.clusters.grid"
            )
        return fitting

    def knee(self, curve: Sequence[Tried]) -> int:
        """The number of clusters at the knee.

        Raises:
            StageError: The curve has none.
        """
        x, y = [float(one.clusters) for one in curve], [one.sse for one in curve]
        place = knee(x, y, sensitivity=self.sensitivity)
        if place is None:
            seen = ", ".join(f"{one.clusters:,}: {one.sse:.4g}" for one in curve)
            raise StageError(f"cluster: no elbow in {seen}; choose cluster.clusters yourself")
        return curve[place].clusters


def knee(x: Sequence[float], y: Sequence[float], *, sensitivity: float) -> int | None:
    """The place of the knee of a falling convex curve, or None.

    Both axes are scaled to [0, 1] and the curve is turned upside down. A knee is a local maximum
    of what it rises above the diagonal, after which that drops by more than `sensitivity` mean
    steps of x before it rises again; the first of them is taken.

    Paper: Satopaa et al., "Finding a 'Kneedle' in a Haystack", 2011, offline, without a spline.
    """
    wide, high = x[-1] - x[0], max(y) - min(y)
    if len(x) < _FEWEST or not wide or not high:
        return None
    above = [
        (max(y) - down) / high - (across - x[0]) / wide for across, down in zip(x, y, strict=True)
    ]
    drop = sensitivity / (len(x) - 1)
    for place in range(1, len(above) - 1):
        if not above[place - 1] <= above[place] >= above[place + 1]:
            continue
        for before, after in zip(above[place:], above[place + 1 :], strict=False):
            if after > before:
                break
            if after < above[place] - drop:
                return place
    return None
