"""From the quality of some documents to that of all."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 65_536
_ALPHAS = np.logspace(-3, 3, 13)
_FOLDS = 5
_FLAT = 1e-9  # what rounding leaves of no spread at all


def extrapolate(
    strengths: Mapping[int, float], vectors: NDArray[np.float32], rows: NDArray[np.intp]
) -> tuple[NDArray[np.float64], float]:
    """Scores of rows, by a ridge regression of the strengths of some on their vectors.

    Args:
        strengths: Of the documents that were judged, by row; at least ten.
        vectors: Shape (documents, dimensions); may be memory-mapped, and is read in blocks.
        rows: Of the documents that get a score.

    Returns:
        Scores with mean 0 and standard deviation 1 (all 0 where they do not differ), and how well
        the regression tells documents that it has not seen: the correlation of strengths with
        what four fifths of them predict for the other fifth, 0 where nothing is predicted.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold, cross_val_predict

    known = sorted(strengths)
    features, targets = vectors[known], np.array([strengths[row] for row in known])
    folds = KFold(_FOLDS, shuffle=True, random_state=0)
    unseen = cross_val_predict(RidgeCV(_ALPHAS), features, targets, cv=folds)
    model = RidgeCV(_ALPHAS).fit(features, targets)
    scores = np.concatenate(
        [
            np.asarray(model.predict(vectors[rows[start : start + _BLOCK]]), np.float64)
            for start in range(0, len(rows), _BLOCK)
        ]
    )
    spread = scores.std()
    scores = (scores - scores.mean()) / spread if spread > _FLAT else np.zeros(len(scores))
    return scores, _correlation(targets, unseen)


def _correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    if min(one.std(), other.std()) <= _FLAT:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
