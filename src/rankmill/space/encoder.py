"""What turns texts into points of one space, where near means alike."""

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Kind = Literal["query", "document"]
"""What a text is; some models embed the two differently."""


class Encoder(Protocol):
    """One open embedding model: in this process, or behind an endpoint."""

    def encode(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        """Embed texts as unit-length rows, shape (texts, dimensions), in the order given."""
        ...


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale every row to length 1, so that an inner product is a cosine. Zero rows stay zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
